using System.Diagnostics;
using System.Text;

namespace Personalize.Packaging.Tests;

/// <summary>Runs <c>dotnet</c> as a process of its own.</summary>
internal static class Dotnet
{
    /// <summary>The configuration these tests were built in, which is that of the programs they run.</summary>
    public static string Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    /// <summary>The program that an example or the command was built to.</summary>
    public static string ProgramOf(string projectFolder, string assembly) =>
        Path.Combine(SharedFiles.Repository, projectFolder, "bin", Configuration, "net10.0", assembly + ".dll");

    /// <summary>Runs to the end and returns what was said; fails with it where the exit code is not 0.</summary>
    public static string Run(string workingFolder, params string[] arguments)
    {
        var said = new StringBuilder();
        using var process = Start(workingFolder, arguments);
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{said}");
        return said.ToString();

        void Add(string? line)
        {
            lock (said)
            {
                said.Append(line).Append('\n');
            }
        }
    }

    /// <summary>Starts it.</summary>
    public static Process Start(string workingFolder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = workingFolder, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };

        // What the test runner sets for itself must not reach another build.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase) || name.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        return Process.Start(start)!;
    }
}
