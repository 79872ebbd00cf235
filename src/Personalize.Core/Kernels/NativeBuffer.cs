using System.Runtime.InteropServices;

namespace Personalize.Core.Kernels;

/// <summary>Zeroed memory outside the managed heap, aligned to 64 bytes, freed on disposal. What is never written to takes no memory where the block is large. Not thread-safe to dispose while in use.</summary>
/// <typeparam name="T">The element type.</typeparam>
public sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    private const nuint Alignment = 64;
    private void* _block;
    private T* _pointer;

    /// <summary>Allocates zeroed elements.</summary>
    /// <param name="length">How many elements; zero is allowed.</param>
    /// <exception cref="OutOfMemoryException">The system has no such block.</exception>
    public NativeBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;

        // The system gives large blocks as zeros and takes memory for a page only when it is first written: a long cache that holds a short chat costs little.
        _block = NativeMemory.AllocZeroed(checked(((nuint)length * (nuint)sizeof(T)) + Alignment));
        _pointer = (T*)(((nuint)_block + Alignment - 1) & ~(Alignment - 1));
    }

    /// <summary>Frees memory that was never disposed.</summary>
    ~NativeBuffer() => Free();

    /// <summary>How many elements there are.</summary>
    public long Length { get; }

    /// <summary>How many bytes there are.</summary>
    public long ByteLength => Length * sizeof(T);

    /// <summary>The first element; valid until disposal.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public T* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <summary>All elements; valid until disposal.</summary>
    public Span<T> Span => new(Pointer, checked((int)Length));

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is not null)
        {
            NativeMemory.Free(_block);
            _block = null;
            _pointer = null;
        }
    }
}
