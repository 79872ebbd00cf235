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
}
