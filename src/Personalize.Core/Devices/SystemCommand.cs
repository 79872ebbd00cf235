using System.ComponentModel;
using System.Diagnostics;

namespace Personalize.Core.Devices;

/// <summary>Asks one of the system's own small programs.</summary>
internal static class SystemCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Runs a program that answers at once.</summary>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">What it is told.</param>
    /// <returns>What it wrote; null where it is not there, failed, or did not end within a second.</returns>
    public static string? Run(string program, IReadOnlyList<string> arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false });
            if (process is null)
            {
                return null;
            }

            // Both are read while it runs, or a talkative program would wait for ever.
            var output = process.StandardOutput.ReadToEndAsync();
            _ = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill();
                return null;
            }

            return process.ExitCode == 0 && output.Wait(Patience) ? output.Result : null;
        }
        catch (Exception exception) when (exception is Win32Exception or IOException or InvalidOperationException or AggregateException or PlatformNotSupportedException)
        {
            return null;
        }
    }
}
