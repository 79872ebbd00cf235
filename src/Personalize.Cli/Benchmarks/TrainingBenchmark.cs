using Personalize.Cli.Models;
using Personalize.Training;
using Personalize.Training.Data;
using Personalize.Training.Memory;

namespace Personalize.Cli.Benchmarks;

/// <summary>Measures training on given examples; the first step, which also compiles, does not count.</summary>
internal sealed class TrainingBenchmark(Engine engine, LoraRecipe recipe, IReadOnlyList<TrainingExample> examples, TrainingMemory? memory, TimeProvider time)
{
    /// <summary>Examples of one length, random tokens with loss on all of them.</summary>
    public static TrainingExample[] Random(int vocabulary, int count, int length) =>
        [.. Enumerable.Range(0, count).Select(e => new TrainingExample([.. Enumerable.Range(0, length).Select(i => 17 + (int)(((e * 31L * length) + i) * 7919 % (vocabulary - 17)))], promptLength: 0))];

    /// <summary>Trains and returns what the counted steps gave and what was planned.</summary>
    public Figures Run(IProgress<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        var recorder = new Recorder(progress);
        var result = new LoraTrainer(engine.Model.Description, engine.Model.Weights, engine.Pool, recipe, memory, time).Run(examples, engine.Model.Fingerprint, recorder, cancellationToken);
        var steps = recorder.StepSeconds.Zip(examples.Chunk(recipe.ExamplesPerStep), (seconds, step) => (Seconds: seconds, Tokens: step.Sum(example => example.Length))).Skip(1).ToArray();
        var speeds = steps.Select(step => step.Tokens / step.Seconds).Order().ToArray();
        return new Figures(speeds[speeds.Length / 2], steps.Sum(step => step.Tokens) / steps.Sum(step => step.Seconds), result.Plan);
    }

    /// <summary>What a run gave.</summary>
    /// <param name="MedianTokensPerSecond">Of the counted steps.</param>
    /// <param name="MeanTokensPerSecond">All their tokens by all their seconds.</param>
    /// <param name="Plan">What was planned.</param>
    internal sealed record Figures(double MedianTokensPerSecond, double MeanTokensPerSecond, TrainingPlan Plan);

    private sealed class Recorder(IProgress<TrainingProgress> inner) : IProgress<TrainingProgress>
    {
        private TimeSpan _last;

        public List<double> StepSeconds { get; } = [];

        public void Report(TrainingProgress value)
        {
            StepSeconds.Add((value.Elapsed - _last).TotalSeconds);
            _last = value.Elapsed;
            inner.Report(value);
        }
    }
}
