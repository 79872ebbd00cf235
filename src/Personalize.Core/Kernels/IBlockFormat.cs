namespace Personalize.Core.Kernels;

/// <summary>How a block of 32 columns of eight rows lies in a packed matrix; constants of a compiled kernel.</summary>
internal interface IBlockFormat
{
    /// <summary>Bytes of scales and offsets before the quantized values.</summary>
    static abstract int HeaderBytes { get; }

    /// <summary>How many vectors of 32 bytes hold the values: four of nibbles, or eight of bytes.</summary>
    static abstract int VectorCount { get; }

    /// <summary>Whether eight is subtracted from each value.</summary>
    static abstract bool IsCentered { get; }

    /// <summary>Whether eight offsets follow the scales.</summary>
    static abstract bool HasOffset { get; }
}
