using System.Runtime.InteropServices;

namespace Personalize.Training.Memory;

/// <summary>Hands out consecutive pieces of one block. Over no block it only counts, so that what is asked beforehand and what is allocated come from the same lines of code.</summary>
[StructLayout(LayoutKind.Auto)]
internal unsafe struct WorkspaceCursor(float* start)
{
    private const int AlignmentInFloats = 16;

    /// <summary>How many floats were handed out.</summary>
    public long Length { get; private set; }

    public float* Floats(long length)
    {
        var piece = start + Length;
        Length += (length + AlignmentInFloats - 1) / AlignmentInFloats * AlignmentInFloats;
        return piece;
    }

    public T* Elements<T>(long length)
        where T : unmanaged => (T*)Floats(((length * sizeof(T)) + sizeof(float) - 1) / sizeof(float));
}
