using Personalize.Core.Adapters;
using Personalize.Core.Quantization;

namespace Personalize.Core.Models;

/// <summary>The weights of one layer. Owned by the <see cref="DecoderWeights"/> they belong to.</summary>
public sealed class DecoderLayerWeights
{
    /// <summary>The gain of the norm before attention, <c>[hidden]</c>.</summary>
    public required WeightVector AttentionNorm { get; init; }

    /// <summary>The query projection, <c>[heads * headDim, hidden]</c>, rows of a head in half-split order.</summary>
    public required PackedMatrix Query { get; init; }

    /// <summary>The key projection, <c>[keyValueHeads * headDim, hidden]</c>, rows of a head in half-split order.</summary>
    public required PackedMatrix Key { get; init; }

    /// <summary>The value projection, <c>[keyValueHeads * headDim, hidden]</c>.</summary>
    public required PackedMatrix Value { get; init; }

    /// <summary>The bias of the query projection in the order of its rows, or null.</summary>
    public WeightVector? QueryBias { get; init; }

    /// <summary>The bias of the key projection in the order of its rows, or null.</summary>
    public WeightVector? KeyBias { get; init; }

    /// <summary>The bias of the value projection, or null.</summary>
    public WeightVector? ValueBias { get; init; }

    /// <summary>The projection back into the residual stream, <c>[hidden, heads * headDim]</c>.</summary>
    public required PackedMatrix Output { get; init; }

    /// <summary>The gain of the norm before the feed-forward block, <c>[hidden]</c>.</summary>
    public required WeightVector FeedForwardNorm { get; init; }

    /// <summary>The gate, <c>[intermediate, hidden]</c>.</summary>
    public required PackedMatrix Gate { get; init; }

    /// <summary>The up projection, <c>[intermediate, hidden]</c>.</summary>
    public required PackedMatrix Up { get; init; }

    /// <summary>The down projection, <c>[hidden, intermediate]</c>.</summary>
    public required PackedMatrix Down { get; init; }

    /// <summary>The linear map of that name.</summary>
    /// <param name="module">Which of the seven.</param>
    /// <returns>The packed weight.</returns>
    public PackedMatrix this[LinearModule module] => module switch
    {
        LinearModule.Query => Query,
        LinearModule.Key => Key,
        LinearModule.Value => Value,
        LinearModule.Output => Output,
        LinearModule.Gate => Gate,
        LinearModule.Up => Up,
        LinearModule.Down => Down,
        _ => throw new ArgumentOutOfRangeException(nameof(module), module, "not a linear module"),
    };

    /// <summary>The bias of the linear map of that name, in the order of its rows.</summary>
    /// <param name="module">Which of the seven.</param>
    /// <returns>The bias, <c>[out]</c>, or null where the map has none.</returns>
    public WeightVector? GetBias(LinearModule module) => module switch
    {
        LinearModule.Query => QueryBias,
        LinearModule.Key => KeyBias,
        LinearModule.Value => ValueBias,
        _ => null,
    };

    internal void Dispose()
    {
        foreach (var module in Enum.GetValues<LinearModule>())
        {
            this[module].Dispose();
        }

        AttentionNorm.Dispose();
        FeedForwardNorm.Dispose();
        QueryBias?.Dispose();
        KeyBias?.Dispose();
        ValueBias?.Dispose();
    }
}
