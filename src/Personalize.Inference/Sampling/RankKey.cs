namespace Personalize.Inference.Sampling;

/// <summary>A value and its index in one integer whose rising order is falling value, then rising index, so that a plain sort of integers is total and allocates nothing.</summary>
internal static class RankKey
{
    /// <summary>Packs a value that is not NaN.</summary>
    public static ulong Create(float value, int index)
    {
        // Adding zero turns -0 into +0, which compare equal and must rank equal.
        var bits = BitConverter.SingleToUInt32Bits(value + 0f);
        var rising = (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
        return ((ulong)~rising << 32) | (uint)index;
    }

    /// <summary>The index of a key.</summary>
    public static int Index(ulong key) => (int)(uint)key;
}
