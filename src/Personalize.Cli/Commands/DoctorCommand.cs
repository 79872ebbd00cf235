using System.CommandLine;
using System.Runtime.InteropServices;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Core.Kernels;
using Spectre.Console;

namespace Personalize.Cli.Commands;

/// <summary><c>doctor</c>: what the machine offers, the state of the profile, what is wrong and how to mend it.</summary>
internal static class DoctorCommand
{
    private const long LeastMemory = 1L << 30;

    public static Command Create(CommandHost host)
    {
        var command = new Command("doctor", "What this machine offers, the state of the profile, what is wrong and how to mend it");
        host.Bind(command, Run);
        return command;
    }

    private static int Run(CommandContext context)
    {
        List<Check> checks =
        [
            new("runtime", true, $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}"),
            new("cores", true, $"{Environment.ProcessorCount}, of which {context.Threads} compute"),
            InstructionSetCheck(),
            MemoryCheck(),
            new("memory bandwidth", true, $"{MemoryBandwidth.Measure(context.Threads) / 1e9:F1} GB/s read by {context.Threads} threads"),
            new("power", true, PowerSource.Describe()),
            .. ProfileChecks.Run(context),
            ModelCheck.Run(context),
        ];
        context.Output.Result(
            json =>
            {
                json.WriteStartArray("checks");
                foreach (var check in checks)
                {
                    json.WriteStartObject();
                    json.WriteString("name", check.Name);
                    json.WriteBoolean("ok", check.IsOk);
                    json.WriteString("detail", check.Detail);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            console =>
            {
                var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "", "");
                foreach (var check in checks)
                {
                    table.AddRow(check.IsOk ? "[green]ok[/]" : "[red]wrong[/]", Markup.Escape(check.Name), Markup.Escape(check.Detail));
                }

                console.Write(table);
            });
        return checks.TrueForAll(check => check.IsOk) ? ExitCode.Done : ExitCode.Failed;
    }

    private static Check InstructionSetCheck()
    {
        var names = InstructionSets.Describe();
        return new Check("instruction sets", true, string.Join(", ", names) + (names.Count == 1 ? ": this works, slowly; a processor with AVX2 is ten times as fast" : ""));
    }

    private static Check MemoryCheck()
    {
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return available >= LeastMemory
            ? new Check("memory", true, $"{available / 1e9:F1} GB")
            : new Check("memory", false, $"{available / 1e9:F1} GB: training needs 1 GB; raise the limit of this container or close other programs");
    }
}
