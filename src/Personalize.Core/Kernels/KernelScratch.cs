namespace Personalize.Core.Kernels;

/// <summary>A growing piece of aligned memory for each thread, for tiles that live only inside one unit of work.</summary>
internal static unsafe class KernelScratch
{
    [ThreadStatic]
    private static NativeBuffer<float>? _floats;

    /// <summary>At least <paramref name="length"/> floats with undefined content, valid until this thread's next call.</summary>
    public static float* Floats(int length)
    {
        if (_floats is null || _floats.Length < length)
        {
            _floats?.Dispose();
            _floats = new NativeBuffer<float>(length);
        }

        return _floats.Pointer;
    }
}
