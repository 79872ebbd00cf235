using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Merging;

/// <summary>How the inputs of some layers' linear maps go together on a text: <c>H = mean of x x^T</c> for each group of maps that share an input.</summary>
internal sealed unsafe class InputStatistics : IDisposable
{
    private readonly Dictionary<(int Layer, LinearModule Group), NativeBuffer<float>> _sums = [];

    /// <summary>Feeds the texts through the model with the adapter attached.</summary>
    /// <param name="model">The base.</param>
    /// <param name="adapter">The adapter whose merge is being prepared.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="texts">The texts, together at least one token.</param>
    /// <param name="options">Precision and the largest size.</param>
    /// <param name="layers">The layers to watch.</param>
    /// <param name="cancellationToken">Looked at between texts.</param>
    public InputStatistics(DecoderModel model, AttachedAdapter adapter, WorkerPool pool, IReadOnlyList<MergeExample> texts, MergeOptions options, Range layers, CancellationToken cancellationToken)
    {
        var (first, count) = layers.GetOffsetAndLength(model.Description.LayerCount);
        foreach (var group in Groups)
        {
            var size = model.GetShape(group).Input;
            for (var layer = first; layer < first + count && size <= options.LargestFeedbackInput; layer++)
            {
                _sums[(layer, group)] = new NativeBuffer<float>((long)size * size);
            }
        }

        using var session = new DecoderSession(model, pool, new DecoderSessionOptions { ContextLength = texts.Max(text => text.Ids.Length), Precision = options.Precision }, adapter);
        session.OnProjectionInput = (layer, group, x, rows) =>
        {
            if (_sums.TryGetValue((layer, group), out var sum))
            {
                var size = model.GetShape(group).Input;
                DenseMultiply.Run(pool, x, 1, size, x, size, sum.Pointer, size, size, size, rows, accumulate: true);
            }
        };
        var tokens = 0;
        foreach (var text in texts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            session.TruncateTo(0);
            session.Prefill(text.Ids, cancellationToken);
            tokens += text.Ids.Length;
        }

        foreach (var sum in _sums.Values)
        {
            foreach (ref var value in sum.Span)
            {
                value /= tokens;
            }
        }
    }

    /// <summary>The first map of each group that shares an input.</summary>
    public static IReadOnlyList<LinearModule> Groups { get; } = [LinearModule.Query, LinearModule.Output, LinearModule.Gate, LinearModule.Down];

    /// <summary>The group of a map.</summary>
    public static LinearModule GroupOf(LinearModule module) => module switch
    {
        LinearModule.Key or LinearModule.Value => LinearModule.Query,
        LinearModule.Up => LinearModule.Gate,
        _ => module,
    };

    /// <summary>How many bytes one layer takes.</summary>
    public static long BytesPerLayer(DecoderModel model, int largestInput) =>
        Groups.Select(group => (long)model.GetShape(group).Input).Where(size => size <= largestInput).Sum(size => size * size * sizeof(float));

    /// <summary>H of a map's input, <c>[size, size]</c>; null where the layer was not watched or the size is above the limit.</summary>
    public NativeBuffer<float>? Of(int layer, LinearModule module) => _sums.GetValueOrDefault((layer, GroupOf(module)));

    public void Dispose()
    {
        foreach (var sum in _sums.Values)
        {
            sum.Dispose();
        }
    }
}
