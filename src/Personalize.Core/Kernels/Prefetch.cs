using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>Asks the memory for what is used later; a wish that never faults and that processors without the instruction pass over.</summary>
internal static unsafe class Prefetch
{
    /// <summary>Asks for the cache line of an address, which may lie outside of what was allocated.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(address);
        }
    }

    /// <summary>Asks for a cache line in the second-level cache, which waits for more lines at once than the first can.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FarLine(byte* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(address);
        }
    }
}
