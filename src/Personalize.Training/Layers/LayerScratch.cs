using Personalize.Core.Models;
using Personalize.Training.Memory;

namespace Personalize.Training.Layers;

/// <summary>What lives only while one layer's forward or backward runs; all layers share it.</summary>
internal sealed unsafe class LayerScratch
{
    public LayerScratch(ref WorkspaceCursor cursor, DecoderDescription description, WorkspaceShape shape)
    {
        long tokens = shape.Tokens, gradientTokens = shape.ForBackward ? tokens : 0;
        Normalized = cursor.Floats(tokens * description.HiddenSize);
        Activated = cursor.Floats(tokens * description.IntermediateSize);
        Attention = cursor.Floats(CausalAttention.ScratchLength(new AttentionShape(description.HeadCount, description.KeyValueHeadCount, description.HeadDimension), shape.Tokens, shape.Examples, shape.LongestExample));
        NormalizedGradient = cursor.Floats(gradientTokens * description.HiddenSize);
        ActivatedGradient = cursor.Floats(gradientTokens * description.IntermediateSize);
        AttendedGradient = cursor.Floats(gradientTokens * description.QuerySize);
        QueryGradient = cursor.Floats(gradientTokens * description.QuerySize);
        KeyGradient = cursor.Floats(gradientTokens * description.KeyValueSize);
        ValueGradient = cursor.Floats(gradientTokens * description.KeyValueSize);
        LowRankGradient = cursor.Floats(gradientTokens * shape.Rank);
        var widest = Math.Max(Math.Max(description.HiddenSize, description.IntermediateSize), description.QuerySize);
        Rescaled = cursor.Floats(shape.UsesDora ? gradientTokens * widest : 0);
        Dropped = cursor.Floats(shape.UsesDropout ? gradientTokens * widest : 0);
    }

    /// <summary>The output of either norm, <c>[tokens, hidden]</c>.</summary>
    public float* Normalized { get; }

    /// <summary><c>silu(gate) * up</c>, <c>[tokens, intermediate]</c>.</summary>
    public float* Activated { get; }

    /// <summary>What attention works in, as <see cref="CausalAttention.ScratchLength"/> says.</summary>
    public float* Attention { get; }

    /// <summary><c>[tokens, hidden]</c>.</summary>
    public float* NormalizedGradient { get; }

    /// <summary><c>[tokens, intermediate]</c>.</summary>
    public float* ActivatedGradient { get; }

    /// <summary><c>[tokens, heads, headDim]</c>.</summary>
    public float* AttendedGradient { get; }

    /// <summary><c>[tokens, heads, headDim]</c>.</summary>
    public float* QueryGradient { get; }

    /// <summary><c>[tokens, keyValueHeads, headDim]</c>.</summary>
    public float* KeyGradient { get; }

    /// <summary><c>[tokens, keyValueHeads, headDim]</c>.</summary>
    public float* ValueGradient { get; }

    /// <summary><c>[tokens, rank]</c>.</summary>
    public float* LowRankGradient { get; }

    /// <summary>An output before DoRA's factors, then its gradient, <c>[tokens, out]</c>; only with DoRA.</summary>
    public float* Rescaled { get; }

    /// <summary>What dropout leaves of an input, <c>[tokens, in]</c>; only with dropout.</summary>
    public float* Dropped { get; }
}
