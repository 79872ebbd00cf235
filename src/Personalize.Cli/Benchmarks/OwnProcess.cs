using System.Diagnostics;
using System.Globalization;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Benchmarks;

/// <summary>Runs this very command in a process of its own, for what a process's whole life shows: start, and resident memory.</summary>
internal static class OwnProcess
{
    /// <summary>Starts it with its output redirected; the caller waits for it and frees it.</summary>
    /// <param name="context">Names folder and threads.</param>
    /// <param name="model">The model file.</param>
    /// <param name="arguments">The command and its options.</param>
    public static Process Start(CommandContext context, string model, params string[] arguments)
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, "personalize.dll");
        var program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "personalize.exe" : "personalize");
        var start = new ProcessStartInfo { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        if (File.Exists(program))
        {
            start.FileName = program;
        }
        else
        {
            start.FileName = "dotnet";
            start.ArgumentList.Add(assembly);
        }

        string[] own = ["--model", model, "--data", context.DataDirectory, "--threads", context.Threads.ToString(CultureInfo.InvariantCulture), "--quiet"];
        foreach (var argument in arguments.Concat(own))
        {
            start.ArgumentList.Add(argument);
        }

        var process = Process.Start(start) ?? throw new InputFileException(start.FileName, "it did not start");
        // Nobody reads it, and a full pipe would stop the process.
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Waits for the end and demands that it was a good one.</summary>
    public static void Finish(Process process)
    {
        process.WaitForExit();
        if (process.ExitCode != ExitCode.Done)
        {
            throw new InputFileException(process.StartInfo.FileName, $"a run of its own ended with {process.ExitCode}: run generate by hand to see why");
        }
    }
}
