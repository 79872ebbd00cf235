namespace Personalize.Core.Kernels;

/// <summary>The rounded activations of one, two or four tokens side by side: what belongs to a block of 32 columns lies together, token after token.</summary>
internal unsafe struct ActivationTile
{
    /// <summary>Values rounded to 8 bits, <c>[blocks, tokens, 32]</c>.</summary>
    public sbyte* Bytes;

    /// <summary>Values in 16 bits, <c>[blocks, tokens, 32]</c>; in each four columns the second and third are exchanged, as they meet weights widened from bytes.</summary>
    public short* Shorts;

    /// <summary><c>[blocks, tokens]</c>.</summary>
    public float* Scales;

    /// <summary>Scale times the sum of the block's rounded values, <c>[blocks, tokens]</c>.</summary>
    public float* ScaledSums;

    /// <summary>Eight times the sum of the block's rounded values, <c>[blocks, tokens]</c>.</summary>
    public int* EightSums;

    /// <summary>The size of the next tile: rows are divided into fours, then a two, then a one.</summary>
    /// <param name="remaining">How many tokens are left, at least one.</param>
    public static int Next(int remaining) => remaining >= 4 ? 4 : remaining >= 2 ? 2 : 1;
}
