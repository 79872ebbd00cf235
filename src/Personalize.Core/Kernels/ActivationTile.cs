namespace Personalize.Core.Kernels;

/// <summary>The rounded activations of one, two, three or four tokens side by side, three with an empty row after them: what belongs to a block of 32 columns lies together, token after token.</summary>
internal unsafe struct ActivationTile
{
    /// <summary>Values rounded to 8 bits, <c>[blocks, tokens, 32]</c>.</summary>
    public sbyte* Bytes;

    /// <summary><c>[blocks, tokens]</c>.</summary>
    public float* Scales;

    /// <summary>Scale times the sum of the block's rounded values, plus the block's outliers, <c>[blocks, tokens]</c>.</summary>
    public float* ScaledSums;

    /// <summary>What products with weights stored 8 too large hold too much, negative: -8 times the sum of the block's rounded values, <c>[blocks, tokens]</c>.</summary>
    public int* MinusEightSums;

    /// <summary>The same for weights 128 too large.</summary>
    public int* MinusExcessSums;

    /// <summary>In how many columns there are outliers.</summary>
    public int* OutlierCount;

    /// <summary>The outliers of all tokens in the order of the columns: tokens next to each other often have them at the same ones, whose weights are then looked up once.</summary>
    public Outlier* Outliers;

    /// <summary>Room for outliers of a token.</summary>
    public int MostOutliers;

    /// <summary>The size of the next tile: rows are divided into fours, of which the last may have an empty row, then a two or a one. A tile of two and one of one take longer than a tile of four.</summary>
    /// <param name="remaining">How many tokens are left, at least one.</param>
    public static int Next(int remaining) => remaining >= 3 ? 4 : remaining;
}
