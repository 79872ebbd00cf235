namespace Personalize.Core.Kernels;

/// <summary>Q4_0: eight scales, four vectors of nibbles that stand for -8 to 7.</summary>
internal readonly struct FourBitCentered : IBlockFormat
{
    public static int HeaderBytes => 16;

    public static int VectorCount => 4;

    public static bool IsCentered => true;

    public static bool HasOffset => false;
}

/// <summary>Q4_1: eight scales, eight offsets, four vectors of nibbles.</summary>
internal readonly struct FourBitWithOffset : IBlockFormat
{
    public static int HeaderBytes => 32;

    public static int VectorCount => 4;

    public static bool IsCentered => false;

    public static bool HasOffset => true;
}

/// <summary>Q8_0: eight scales, eight vectors of bytes.</summary>
internal readonly struct EightBit : IBlockFormat
{
    public static int HeaderBytes => 16;

    public static int VectorCount => 8;

    public static bool IsCentered => false;

    public static bool HasOffset => false;
}
