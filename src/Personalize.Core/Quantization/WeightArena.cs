using Personalize.Core.Kernels;

namespace Personalize.Core.Quantization;

/// <summary>One block of memory for all matrices of a model, in the order in which a token reads them and on large pages where the system has them. Read-only after construction.</summary>
/// <remarks>Freed when it is disposed; matrices in it keep it reachable but do not own it.</remarks>
public sealed unsafe class WeightArena : IDisposable
{
    private const long Alignment = 64;
    private readonly NativeBuffer<byte> _block;
    private readonly long[] _offsets;

    /// <summary>Allocates the block.</summary>
    /// <param name="matrixBytes">The sizes of the matrices that it holds, in their order.</param>
    public WeightArena(IReadOnlyList<long> matrixBytes)
    {
        ArgumentNullException.ThrowIfNull(matrixBytes);
        _offsets = new long[matrixBytes.Count];
        var end = 0L;
        for (var i = 0; i < _offsets.Length; i++)
        {
            _offsets[i] = end;
            end += (matrixBytes[i] + Alignment - 1) / Alignment * Alignment;
        }

        _block = new NativeBuffer<byte>(end);
        MemoryAdvice.UseLargePages(_block.Pointer, _block.ByteLength);
    }

    /// <summary>How many bytes the block has.</summary>
    public long ByteLength => _block.ByteLength;

    /// <inheritdoc/>
    public void Dispose() => _block.Dispose();

    /// <summary>Where a matrix lies; zeroed until it is packed.</summary>
    /// <param name="matrix">The matrix, counted from 0.</param>
    internal byte* this[int matrix] => _block.Pointer + _offsets[matrix];
}
