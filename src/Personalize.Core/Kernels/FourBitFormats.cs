namespace Personalize.Core.Kernels;

/// <summary>What tells one 4-bit format from another, as a type, so that a kernel is compiled once for each without a branch inside its loop.</summary>
internal interface IFourBitFormat
{
    /// <summary>Whether a block has an offset besides its scale; without one, 8 is subtracted from each element.</summary>
    static abstract bool HasOffset { get; }
}

/// <summary><see cref="Quantization.WeightFormat.Q4Zero"/>.</summary>
internal readonly struct FourBitCentered : IFourBitFormat
{
    public static bool HasOffset => false;
}

/// <summary><see cref="Quantization.WeightFormat.Q4One"/>.</summary>
internal readonly struct FourBitWithOffset : IFourBitFormat
{
    public static bool HasOffset => true;
}
