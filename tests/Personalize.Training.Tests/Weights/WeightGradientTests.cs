using System.Text.Json;
using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Formats.Safetensors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.TestSupport;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Steps;
using Personalize.Training.Tests.Support;
using Personalize.Training.Weights;

namespace Personalize.Training.Tests.Weights;

/// <summary>The gradients of all weights, against central differences, against PyTorch and against themselves computed in other ways.</summary>
public sealed class WeightGradientTests
{
    private const float Step = 4e-3f;
    private const double DifferenceTolerance = 5e-3;
    private const double LossTolerance = 1e-4;
    private const double ElementTolerance = 1e-3;
    private const int FirstPredictingPosition = 20;

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Agree_with_central_differences(bool bias, bool tied)
    {
        using var model = new TinyDecoder(bias, tied);
        using var pool = new WorkerPool(2);
        using var weights = TrainableWeights.From(model.Description, model.Weights);
        var examples = model.Examples(3);
        Compute(model.Description, weights, pool, examples);
        using var stack = Stack(model.Description, weights, pool, examples);
        var batch = new PackedBatch(examples);
        double Loss()
        {
            weights.Publish(pool);
            return stack.Evaluate(batch, CancellationToken.None) / batch.Losses.Count;
        }

        // A prime stride over each tensor visits all rows and columns without visiting every element.
        const int Stride = 7;
        foreach (var slot in Slots(weights.Layout))
        {
            var (expected, actual) = (new List<double>(), new List<float>());
            for (var i = slot.Start; i < slot.Start + slot.Length; i += slot.IsMatrix ? Stride : 1)
            {
                var value = weights.Parameters.Span[(int)i];
                weights.Parameters.Span[(int)i] = value + Step;
                var up = Loss();
                weights.Parameters.Span[(int)i] = value - Step;
                var down = Loss();
                weights.Parameters.Span[(int)i] = value;
                expected.Add((up - down) / (2 * Step));
                actual.Add(weights.Gradients.Values.Span[(int)i]);
            }

            // A key's bias shifts all scores of a row alike up to the rotation, so its gradient is small beside the others: the scale is the model's.
            var largest = weights.Gradients.Values.Span.ToArray().Max(Math.Abs);
            for (var i = 0; i < actual.Count; i++)
            {
                Assert.InRange(Math.Abs(expected[i] - actual[i]) / largest, 0, DifferenceTolerance);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Micro_batches_and_recomputation_give_the_same_bits(bool tied)
    {
        using var model = new TinyDecoder(bias: true, tied);
        using var pool = new WorkerPool(2);
        using var one = new WorkerPool(1);
        using var weights = TrainableWeights.From(model.Description, model.Weights);
        var examples = model.Examples(4);
        Compute(model.Description, weights, pool, examples);
        var expected = weights.Gradients.Values.Span.ToArray();
        Compute(model.Description, weights, one, examples, keptLayers: 1, microBatchTokens: examples.Max(e => e.Length));
        Assert.Equal(expected, weights.Gradients.Values.Span.ToArray());
    }

    [Fact]
    public void Linear_maps_agree_with_PyTorch() => AssertOracle(SharedFiles.Fixture("training/llama3.2"), "ids.json", "ids");

    [SharedTheory("oracles/families/qwen2.5/gradients.json")]
    [InlineData("llama3.2")]
    [InlineData("qwen2.5")]
    [InlineData("mistral")]
    public void Linear_maps_of_other_families_agree_with_PyTorch(string family) => AssertOracle(SharedFiles.Resolve("oracles/families/" + family), "golden.json", "ids");

    /// <summary>
    /// PyTorch's gradients of a low-rank pair are projections of the gradient of the whole weight at <c>W + s B A</c>: <c>dB = s dW A^T</c>, <c>dA = s B^T dW</c>. So the pair is merged into W, dW computed here, and projected.
    /// </summary>
    private static void AssertOracle(string folder, string idsFile, string idsName)
    {
        using var file = GgufFile.Open(Path.Combine(folder, "model-f16.gguf"));
        using var model = DecoderModel.Load(file);
        using var pool = new WorkerPool(2);
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "gradients.json")));
        using var inputs = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, idsFile)));
        var root = golden.RootElement;
        var configuration = new LoraConfiguration(root.GetProperty("r").GetInt32(), root.GetProperty("alpha").GetSingle(), false, LoraConfiguration.AllTargets);
        var adapter = OracleAdapter.CreateData(model.Description, configuration, root.GetProperty("boundB").GetSingle());
        using var weights = TrainableWeights.From(model.Description, model.Weights);
        foreach (var pair in adapter.Pairs)
        {
            var slot = weights.Layout.Layers[pair.Layer].Maps[(int)pair.Module];
            var values = weights.Values(slot);
            for (var i = 0; i < values.Length; i++)
            {
                var sum = 0d;
                for (var r = 0; r < pair.Rank; r++)
                {
                    sum += (double)pair.B[(i / slot.Columns * pair.Rank) + r] * pair.A[(r * slot.Columns) + (i % slot.Columns)];
                }

                values[i] += (float)(configuration.Scale * sum);
            }
        }

        weights.Publish(pool);
        var ids = inputs.RootElement.GetProperty(idsName).EnumerateArray().Select(e => e.GetInt32()).ToArray();
        var outcome = Compute(model.Description, weights, pool, [new TrainingExample(ids, FirstPredictingPosition + 1)]);
        Assert.Equal(root.GetProperty("loss").GetDouble(), outcome.Loss, LossTolerance);
        using var expected = SafetensorsFile.Open(Path.Combine(folder, "gradients.safetensors"));
        foreach (var pair in adapter.Pairs)
        {
            var slot = weights.Layout.Layers[pair.Layer].Maps[(int)pair.Module];
            var dw = weights.Gradients.Values.Span.Slice((int)slot.Start, (int)slot.Length);
            var (da, db) = (new double[pair.A.Length], new double[pair.B.Length]);
            for (var i = 0; i < dw.Length; i++)
            {
                var (n, k) = (i / slot.Columns, i % slot.Columns);
                for (var r = 0; r < pair.Rank; r++)
                {
                    da[(r * slot.Columns) + k] += configuration.Scale * pair.B[(n * pair.Rank) + r] * (double)dw[i];
                    db[(n * pair.Rank) + r] += configuration.Scale * (double)dw[i] * pair.A[(r * slot.Columns) + k];
                }
            }

            Assert.InRange(OracleAdapter.RelativeError(expected.ReadSingles(OracleAdapter.Name(pair, 'A')), Array.ConvertAll(da, v => (float)v)), 0, ElementTolerance);
            Assert.InRange(OracleAdapter.RelativeError(expected.ReadSingles(OracleAdapter.Name(pair, 'B')), Array.ConvertAll(db, v => (float)v)), 0, ElementTolerance);
        }
    }

    private static IEnumerable<WeightSlot> Slots(WeightLayout layout) =>
        layout.Layers.SelectMany(l => l.Maps.Concat(l.Biases).Append(l.AttentionNorm).Append(l.FeedForwardNorm)).Append(layout.Embedding).Append(layout.Output).Append(layout.OutputNorm).Distinct();

    private static TrainingStep.Outcome Compute(DecoderDescription description, TrainableWeights weights, WorkerPool pool, List<TrainingExample> examples, int? keptLayers = null, int? microBatchTokens = null)
    {
        using var stack = Stack(description, weights, pool, examples, keptLayers);
        return new StepLanes(new LaneThreads(1, pool, atOnce: false), [new TrainingStep(stack, weights.Gradients, microBatchTokens ?? int.MaxValue)]).Compute(examples, CancellationToken.None);
    }

    private static DecoderStack Stack(DecoderDescription description, TrainableWeights weights, WorkerPool pool, List<TrainingExample> examples, int? keptLayers = null) =>
        new(description, weights.Weights, pool, adapter: null, new WorkspaceShape(examples.Sum(e => e.Length), examples.Count, examples.Max(e => e.Length), 0, keptLayers ?? description.LayerCount, ForBackward: true), dropout: null, weights.Gradients.Sinks);
}
