using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>Which instruction sets the kernels use on this machine; constants once a method is compiled.</summary>
public static class InstructionSets
{
    /// <summary>256-bit integers and fused multiply-add.</summary>
    public static bool HasAvx2 => Avx2.IsSupported && Fma.IsSupported;

    /// <summary>8-bit dot products on 256-bit vectors.</summary>
    public static bool HasAvxVnni => AvxVnni.IsSupported;

    /// <summary>512-bit vectors, where the processor runs them at full speed.</summary>
    public static bool HasAvx512 => Avx512F.IsSupported && Avx512BW.IsSupported && Vector512.IsHardwareAccelerated;

    /// <summary>The names of the sets in use, best first.</summary>
    /// <returns>At least <c>scalar</c>.</returns>
    public static IReadOnlyList<string> Describe()
    {
        var names = new List<string>();
        if (HasAvx512)
        {
            names.Add("AVX-512");
        }

        if (HasAvxVnni)
        {
            names.Add("AVX-VNNI");
        }

        if (HasAvx2)
        {
            names.Add("AVX2+FMA");
        }

        names.Add("scalar");
        return names;
    }
}
