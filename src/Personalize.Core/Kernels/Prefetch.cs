using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>Asks the memory for what is used later; a wish that never faults and that processors without the instruction pass over.</summary>
internal static unsafe class Prefetch
{
    /// <summary>Asks for the cache line of an address, which may lie outside of what was allocated.</summary>
    /// <param name="address">The address.</param>
    /// <param name="isFar">Whether the second-level cache will do, which waits for more lines at once than the first can; a constant.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(byte* address, bool isFar = false)
    {
        if (Sse.IsSupported && isFar)
        {
            Sse.Prefetch1(address);
        }
        else if (Sse.IsSupported)
        {
            Sse.Prefetch0(address);
        }
    }
}
