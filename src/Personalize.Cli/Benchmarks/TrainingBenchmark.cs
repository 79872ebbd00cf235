using Personalize.Cli.Models;
using Personalize.Training;
using Personalize.Training.Data;
using Personalize.Training.Memory;

namespace Personalize.Cli.Benchmarks;

/// <summary>Measures training: every step the same number of examples of one length, random tokens, loss on all of them.</summary>
internal sealed class TrainingBenchmark(Engine engine, int batch, int sequence, int rank, int steps, TrainingMemory? memory, TimeProvider time)
{
    /// <summary>Trains and returns tokens a second, the median over all steps but the first, which also compiles, and what was planned.</summary>
    public Figures Run(IProgress<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        var vocabulary = engine.Model.Description.VocabularySize;
        var examples = Enumerable.Range(0, batch * (steps + 1))
            .Select(e => new TrainingExample([.. Enumerable.Range(0, sequence).Select(i => 17 + (int)(((e * 31L * sequence) + i) * 7919 % (vocabulary - 17)))], promptLength: 0))
            .ToArray();
        var recipe = new LoraRecipe { Rank = rank, Alpha = 2 * rank, ExamplesPerStep = batch, MaximumTokens = sequence };
        var recorder = new Recorder(progress);
        var result = new LoraTrainer(engine.Model.Description, engine.Model.Weights, engine.Pool, recipe, memory, time).Run(examples, engine.Model.Fingerprint, recorder, cancellationToken);
        var seconds = recorder.StepSeconds.Skip(1).Order().ToArray();
        return new Figures(batch * sequence / seconds[seconds.Length / 2], result.Plan);
    }

    /// <summary>What a run gave.</summary>
    internal sealed record Figures(double TokensPerSecond, TrainingPlan Plan);

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
