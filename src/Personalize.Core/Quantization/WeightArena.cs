using Personalize.Core.Kernels;

namespace Personalize.Core.Quantization;

/// <summary>One block of memory for all matrices of a model, in the order in which a token reads them and on large pages where the system has them. Thread-safe.</summary>
/// <remarks>Freed when it is disposed; matrices in it keep it reachable but do not own it.</remarks>
public sealed unsafe class WeightArena : IDisposable
{
    private const long Alignment = 64;
    private readonly NativeBuffer<byte> _block;
    private long _used;

    /// <summary>Allocates the block.</summary>
    /// <param name="matrixBytes">The sizes of the matrices that it must hold.</param>
    public WeightArena(IEnumerable<long> matrixBytes)
    {
        _block = new NativeBuffer<byte>(matrixBytes.Sum(Aligned));
        LargePages.Request(_block.Pointer, _block.ByteLength);
    }

    /// <summary>How many bytes the block has.</summary>
    public long ByteLength => _block.ByteLength;

    /// <inheritdoc/>
    public void Dispose() => _block.Dispose();

    /// <summary>The next piece of the block; zeroed.</summary>
    /// <param name="bytes">How many bytes.</param>
    internal byte* Take(long bytes)
    {
        var end = Interlocked.Add(ref _used, Aligned(bytes));
        if (end > _block.ByteLength)
        {
            throw new InvalidOperationException($"the arena of {_block.ByteLength} bytes is full");
        }

        return _block.Pointer + end - Aligned(bytes);
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
