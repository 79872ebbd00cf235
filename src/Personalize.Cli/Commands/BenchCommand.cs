using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Commands;

/// <summary><c>bench</c>: throughput on this machine, and a peer's in the same run.</summary>
internal static class BenchCommand
{
    public static Command Create(CommandHost host) => new("bench", "Measure throughput on this machine") { BenchInferenceCommand.Create(host), BenchTrainingCommand.Create(host), BenchStoreCommand.Create(host) };

    /// <summary>What figures are worth nothing without.</summary>
    public static void WriteMachine(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("machine");
        json.WriteNumber("cores", Environment.ProcessorCount);
        json.WriteString("cpu", $"{RuntimeInformation.ProcessArchitecture} {string.Join(", ", Core.Kernels.InstructionSets.Describe())}");
        json.WriteNumber("readGBps", Math.Round(readBytesPerSecond / 1e9, 1));
        json.WriteEndObject();
    }
}
