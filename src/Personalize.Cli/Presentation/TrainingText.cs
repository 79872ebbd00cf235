using System.Text.Json;
using Personalize.Cli.Diagnostics;
using Personalize.Training;
using Personalize.Training.Evaluation;
using Personalize.Training.Jobs;

namespace Personalize.Cli.Presentation;

/// <summary>How the outcome of a training job is written.</summary>
internal static class TrainingText
{
    /// <summary>Forwards the steps of a training run to a progress display.</summary>
    public static IProgress<TrainingProgress> Forward(IProgress<WorkProgress> progress) => new Forwarder(progress);

    /// <summary>The gate's verdict in one word, as scripts know it.</summary>
    public static string Verdict(GateDecision gate) => gate.IsPromoted ? "promoted" : "rejected";

    /// <summary>Why the gate decided so.</summary>
    public static string Reason(GateDecision gate) => gate.Explain();

    /// <summary>Writes the figures that <c>train</c> and <c>demo</c> share into an open object.</summary>
    public static void WriteFigures(Utf8JsonWriter json, JobOutcome result)
    {
        json.WriteNumber("trainTokens", result.TrainTokens);
        json.WriteNumber("trainSeconds", result.Elapsed.TotalSeconds);
        json.WriteNumber("trainTokensPerSecond", result.TokensPerSecond);
        json.WriteNumber("peakResidentBytes", ProcessMemory.PeakBytes());
        AdapterText.WriteFigure(json, "testNllBase", result.Gate.BaseNll);
        AdapterText.WriteFigure(json, "testNllAdapter", result.Gate.AdapterNll);
        AdapterText.WriteFigure(json, "testNllIncumbent", result.Gate.IncumbentNll);
        AdapterText.WriteFigure(json, "gainPercent", result.Gate.GainPercent);
        json.WriteString("gate", Verdict(result.Gate));
        GateText.Write(json, result.Gate);
    }

    private sealed class Forwarder(IProgress<WorkProgress> progress) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) =>
            progress.Report(new WorkProgress((value.Step + 1.0) / value.TotalSteps, Describe(value)));

        private static string Describe(TrainingProgress value) =>
            $"step {value.Step + 1} of {value.TotalSteps}, loss {value.Loss:F2}, {value.TokensPerSecond:F0} tokens/s, {Span(value.Remaining)} left, {Environment.WorkingSet / 1e6:F0} MB";

        private static string Span(TimeSpan time) => time < TimeSpan.FromMinutes(2) ? $"{time.TotalSeconds:F0} s" : time < TimeSpan.FromHours(2) ? $"{time.TotalMinutes:F0} min" : $"{time.TotalHours:F1} h";
    }
}
