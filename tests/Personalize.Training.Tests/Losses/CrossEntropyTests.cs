using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Losses;
using Personalize.Training.Memory;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Losses;

public sealed unsafe class CrossEntropyTests
{
    private const double LossTolerance = 1e-5;
    private const double GradientTolerance = 1e-5;
    private const float Scale = 0.125f;

    [Theory]
    [InlineData(1)]
    [InlineData(CrossEntropy.RowsPerChunk)]
    [InlineData((2 * CrossEntropy.RowsPerChunk) + 3)]
    public void Equals_the_definition_also_across_chunks(int count)
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        var (hidden, vocabulary) = (model.Description.HiddenSize, model.Description.VocabularySize);
        var tokens = count + 2;
        using var workspace = new TrainingWorkspace(model.Description, new WorkspaceShape(tokens, 1, tokens, 0, 1, ForBackward: true));
        var random = new Random(count);
        using var stream = Native.Random(random, tokens * hidden, 3);
        using var gradient = new NativeBuffer<float>(stream.Length);
        for (var i = 0; i < count; i++)
        {
            workspace.Loss.Positions[i] = new LossPosition(i + 1, random.Next(vocabulary), 0);
        }

        new CrossEntropy(model.Description, model.Weights).Run(pool, workspace.Loss, count, stream.Pointer, gradient.Pointer, Scale);

        var expected = new double[tokens * hidden];
        for (var i = 0; i < count; i++)
        {
            var position = workspace.Loss.Positions[i];
            var (loss, row) = Definition(model, stream.Span.Slice(position.Row * hidden, hidden), position.Target);
            Assert.Equal(loss, workspace.Loss.Nll[i], LossTolerance);
            row.CopyTo(expected.AsSpan(position.Row * hidden));
        }

        Assert.InRange(Native.RelativeError(expected, gradient.Span), 0, GradientTolerance);
    }

    [Fact]
    public void A_logit_that_is_not_a_number_makes_the_loss_not_a_number()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, new(2, 4, false, Core.Adapters.LoraConfiguration.AllTargets), 1);
        adapter.Parameters.Span[0] = float.NaN;
        adapter.Parameters.Span[^1] = 1;
        Assert.False(double.IsFinite(StepRunner.Compute(model.Description, model.Weights, pool, adapter, model.Examples(2)).Loss));
    }

    /// <summary>The loss of one row and <c>Scale</c> times its gradient by the row, in double precision.</summary>
    private static (double Loss, double[] Gradient) Definition(TinyDecoder model, ReadOnlySpan<float> x, int target)
    {
        var (hidden, vocabulary) = (x.Length, model.Description.VocabularySize);
        var gain = new ReadOnlySpan<float>(model.Weights.OutputNorm.Pointer, hidden);
        var squares = 0d;
        foreach (var value in x)
        {
            squares += (double)value * value;
        }

        var s = 1 / Math.Sqrt((squares / hidden) + model.Description.RmsNormEpsilon);
        var weights = new float[vocabulary][];
        var logits = new double[vocabulary];
        for (var v = 0; v < vocabulary; v++)
        {
            weights[v] = new float[hidden];
            model.Weights.OutputProjection.ReadRow(v, weights[v]);
            for (var i = 0; i < hidden; i++)
            {
                logits[v] += weights[v][i] * x[i] * s * gain[i];
            }
        }

        var max = logits.Max();
        var sum = logits.Sum(z => Math.Exp(z - max));
        var dn = new double[hidden];
        for (var v = 0; v < vocabulary; v++)
        {
            var dz = Scale * ((Math.Exp(logits[v] - max) / sum) - (v == target ? 1 : 0));
            for (var i = 0; i < hidden; i++)
            {
                dn[i] += dz * weights[v][i];
            }
        }

        var along = 0d;
        for (var i = 0; i < hidden; i++)
        {
            along += dn[i] * gain[i] * x[i];
        }

        var gradient = new double[hidden];
        for (var i = 0; i < hidden; i++)
        {
            gradient[i] = (s * gain[i] * dn[i]) - (x[i] * s * s * s / hidden * along);
        }

        return (Math.Log(sum) + max - logits[target], gradient);
    }
}
