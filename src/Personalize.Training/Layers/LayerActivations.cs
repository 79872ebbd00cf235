using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.Training.Memory;

namespace Personalize.Training.Layers;

/// <summary>What the backward of a layer needs from its forward, besides the layer's input. The norms and the gated product are cheaper to compute again than to keep.</summary>
internal sealed unsafe class LayerActivations
{
    private static readonly int ModuleCount = Enum.GetValues<LinearModule>().Length;

    private readonly float* _lowRank;
    private readonly long _lowRankLength;

    public LayerActivations(ref WorkspaceCursor cursor, DecoderDescription description, WorkspaceShape shape)
    {
        long tokens = shape.Tokens;
        Query = cursor.Floats(tokens * description.QuerySize);
        Key = cursor.Floats(tokens * description.KeyValueSize);
        Value = cursor.Floats(tokens * description.KeyValueSize);
        Attended = cursor.Floats(tokens * description.QuerySize);
        LogSumExp = cursor.Floats(tokens * description.HeadCount);
        Middle = cursor.Floats(tokens * description.HiddenSize);
        Gate = cursor.Floats(tokens * description.IntermediateSize);
        Up = cursor.Floats(tokens * description.IntermediateSize);
        _lowRankLength = tokens * shape.Rank;
        _lowRank = cursor.Floats(_lowRankLength * ModuleCount);
    }

    /// <summary>Rotated queries, <c>[tokens, heads, headDim]</c>.</summary>
    public float* Query { get; }

    /// <summary>Rotated keys, <c>[tokens, keyValueHeads, headDim]</c>.</summary>
    public float* Key { get; }

    /// <summary>Values, <c>[tokens, keyValueHeads, headDim]</c>.</summary>
    public float* Value { get; }

    /// <summary>What attention gives to the output projection, <c>[tokens, heads, headDim]</c>.</summary>
    public float* Attended { get; }

    /// <summary>The logarithm of each row's sum of exponentials, <c>[tokens, heads]</c>.</summary>
    public float* LogSumExp { get; }

    /// <summary>The residual stream between attention and the feed-forward block, <c>[tokens, hidden]</c>.</summary>
    public float* Middle { get; }

    /// <summary><c>[tokens, intermediate]</c>; the backward replaces it by its gradient.</summary>
    public float* Gate { get; }

    /// <summary><c>[tokens, intermediate]</c>; the backward replaces it by its gradient.</summary>
    public float* Up { get; }

    /// <summary>The scaled low-rank product of a module, <c>[tokens, rank]</c>.</summary>
    public float* LowRank(LinearModule module) => _lowRank + ((int)module * _lowRankLength);
}
