using System.Runtime.InteropServices;

namespace Personalize.Core.Kernels;

/// <summary>Zeroed memory outside the managed heap, aligned to 64 bytes, freed on disposal. Not thread-safe to dispose while in use.</summary>
/// <typeparam name="T">The element type.</typeparam>
public sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    private const nuint Alignment = 64;
    private T* _pointer;

    /// <summary>Allocates and zeroes the elements.</summary>
    /// <param name="length">How many elements; zero is allowed.</param>
    /// <exception cref="OutOfMemoryException">The system has no such block.</exception>
    public NativeBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        var bytes = checked((nuint)length * (nuint)sizeof(T));
        _pointer = (T*)NativeMemory.AlignedAlloc(Math.Max(bytes, Alignment), Alignment);
        NativeMemory.Clear(_pointer, bytes);
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
            NativeMemory.AlignedFree(_pointer);
            _pointer = null;
        }
    }
}
