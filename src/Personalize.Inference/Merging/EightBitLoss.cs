using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Decoding;
using Personalize.Inference.Scoring;

namespace Personalize.Inference.Merging;

/// <summary>
/// What a model loses in engines that round the inputs of quantized maps to 8 bits (see <see cref="EightBitInputs"/>), as the mean of KL(exact || rounded) over all positions of some texts; found by simulation, without such an engine.
/// Inputs of unquantized maps are not rounded: such engines multiply these in half precision or better, whose loss is a thousandth of it.
/// </summary>
/// <param name="pool">The threads.</param>
/// <param name="texts">The tokens; each text is cut after <see cref="LongestText"/>.</param>
internal sealed unsafe class EightBitLoss(WorkerPool pool, IReadOnlyList<MergeExample> texts)
{
    /// <summary>Logits of a text stand in memory.</summary>
    private const int LongestText = 128;

    /// <summary>How many tokens tell what a single map loses: that error is small and has no other beside it, so few are needed.</summary>
    private const int MostTokensOfEach = 128;

    /// <summary>How many tokens tell what all maps lose together.</summary>
    private const int MostTokens = 512;

    /// <summary>The loss of all maps and the output layer together.</summary>
    /// <exception cref="NonFiniteLogitsException">The model's values are not numbers.</exception>
    public double Of(DecoderModel model, CancellationToken cancellationToken)
    {
        using var rounding = new EightBitInputs((layer, module) => IsRounded(model.Weights.Layers[layer][module]), IsRounded(model.Weights.OutputProjection));
        var (sum, tokens) = (0d, 0);
        foreach (var ids in Pieces(MostTokens))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var session = Open(model, ids);
            var exact = new Logits(ids.Length, model.Description.VocabularySize, pool);
            session.Feed(ids, exact.Set, onHiddenState: null, cancellationToken);
            var rounded = new Logits(ids.Length, model.Description.VocabularySize, pool);
            session.TruncateTo(0);
            session.EightBitInputs = rounding;
            session.Feed(ids, rounded.Set, onHiddenState: null, cancellationToken);
            sum += exact.DivergenceOf(rounded);
            tokens += ids.Length;
        }

        return sum / tokens;
    }

    /// <summary>The loss of single maps, all others exact.</summary>
    /// <param name="model">The model.</param>
    /// <param name="maps">The maps.</param>
    /// <param name="onMap">Called after each map of each text.</param>
    /// <param name="cancellationToken">Looked at between maps.</param>
    /// <returns>For each map the loss, and the largest input by magnitude.</returns>
    public MapLoss[] OfEach(DecoderModel model, IReadOnlyList<(int Layer, LinearModule Module)> maps, Action onMap, CancellationToken cancellationToken)
    {
        var d = model.Description;
        var losses = new MapLoss[maps.Count];
        var tokens = 0;
        foreach (var ids in Pieces(MostTokensOfEach))
        {
            using var session = Open(model, ids);
            var states = new float[d.LayerCount + 1][];
            var exact = new Logits(ids.Length, d.VocabularySize, pool);
            var rounded = new Logits(ids.Length, d.VocabularySize, pool);
            var largest = new Dictionary<(int, LinearModule), float>();
            session.OnProjectionInput = (layer, group, x, rows) => largest[(layer, group)] = LargestOf(new ReadOnlySpan<float>(x, rows * model.GetShape(group).Input));
            session.Feed(ids, exact.Set, (layer, _, values) => states[layer] = values.ToArray(), cancellationToken);
            session.OnProjectionInput = null;
            for (var i = 0; i < maps.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var map = maps[i];
                using var rounding = new EightBitInputs((layer, module) => (layer, module) == map, isOutputLayerRounded: false);
                session.EightBitInputs = rounding;
                session.Replay(map.Layer, states[map.Layer], rounded.Set);
                losses[i].Kl += exact.DivergenceOf(rounded);
                losses[i].LargestInput = Math.Max(losses[i].LargestInput, largest[(map.Layer, InputStatistics.GroupOf(map.Module))]);
                onMap();
            }

            tokens += ids.Length;
        }

        foreach (ref var loss in losses.AsSpan())
        {
            loss.Kl /= tokens;
        }

        return losses;
    }

    private static bool IsRounded(PackedMatrix weight) => BlockFormat.Of(TypeLadder.TypeOf(weight.Format)).ElementCount > 1;

    private static float LargestOf(ReadOnlySpan<float> values)
    {
        var largest = 0f;
        foreach (var value in values)
        {
            largest = MathF.Max(largest, MathF.Abs(value));
        }

        return largest;
    }

    private List<int[]> Pieces(int most)
    {
        var pieces = new List<int[]>();
        foreach (var text in texts)
        {
            var length = Math.Min(Math.Min(text.Ids.Length, LongestText), most);
            if (length > 0)
            {
                pieces.Add(text.Ids[..length]);
                most -= length;
            }
        }

        return pieces;
    }

    private DecoderSession Open(DecoderModel model, int[] ids) =>
        new(model, pool, new DecoderSessionOptions { ContextLength = ids.Length, ChunkSize = ids.Length, Precision = ArithmeticPrecision.Single });

    /// <summary>What rounding the input of one map costs.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal record struct MapLoss(double Kl, float LargestInput);

    /// <summary>The logits of a text.</summary>
    private sealed class Logits(int rows, int columns, WorkerPool pool)
    {
        private readonly float[] _values = new float[(long)rows * columns];
        private readonly double[] _normalizers = new double[rows];

        public void Set(int row, ReadOnlySpan<float> logits)
        {
            logits.CopyTo(_values.AsSpan(row * columns, columns));
            _normalizers[row] = double.NaN;
        }

        /// <summary>The sum of KL(this || other).</summary>
        public double DivergenceOf(Logits other)
        {
            var divergences = new double[rows];
            Parallel.For(0, rows, new ParallelOptions { MaxDegreeOfParallelism = pool.ThreadCount }, row =>
                divergences[row] = LogitDivergence.Compute(Row(row), NormalizerOf(row), other.Row(row), other.NormalizerOf(row)));
            var sum = divergences.Sum();
            return double.IsFinite(sum) ? sum : throw new NonFiniteLogitsException(Array.FindIndex(divergences, value => !double.IsFinite(value)));
        }

        private ReadOnlySpan<float> Row(int row) => _values.AsSpan(row * columns, columns);

        private double NormalizerOf(int row) => double.IsNaN(_normalizers[row]) ? _normalizers[row] = LogSumExp.Compute(Row(row)) : _normalizers[row];
    }
}
