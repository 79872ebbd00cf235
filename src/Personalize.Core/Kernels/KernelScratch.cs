namespace Personalize.Core.Kernels;

/// <summary>Growing pieces of aligned memory for each thread.</summary>
internal static unsafe class KernelScratch
{
    [ThreadStatic]
    private static NativeBuffer<float>? _floats;

    [ThreadStatic]
    private static NativeBuffer<float>? _shared;

    /// <summary>For tiles that live only inside one unit of work: at least <paramref name="length"/> floats with undefined content, valid until this thread's next call.</summary>
    public static float* Floats(int length) => Grow(ref _floats, length);

    /// <summary>For what the caller of a parallel product lays out for all threads: at least <paramref name="length"/> floats with undefined content, valid until this thread's next call.</summary>
    public static float* Shared(long length) => Grow(ref _shared, length);

    private static float* Grow(ref NativeBuffer<float>? buffer, long length)
    {
        if (buffer is null || buffer.Length < length)
        {
            buffer?.Dispose();
            buffer = new NativeBuffer<float>(length);
        }

        return buffer.Pointer;
    }
}
