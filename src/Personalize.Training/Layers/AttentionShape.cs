using System.Runtime.InteropServices;

namespace Personalize.Training.Layers;

/// <summary>The heads of grouped-query attention.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadDimension)
{
    /// <summary>Elements of a token's queries.</summary>
    public int QuerySize => Heads * HeadDimension;

    /// <summary>Elements of a token's keys, and of its values.</summary>
    public int KeyValueSize => KeyValueHeads * HeadDimension;

    /// <summary>How many heads share a key-value head.</summary>
    public int GroupSize => Heads / KeyValueHeads;

    /// <summary>What scores are multiplied with: <c>1 / sqrt(headDim)</c>.</summary>
    public float Scale => 1 / MathF.Sqrt(HeadDimension);
}
