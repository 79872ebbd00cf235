using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

/// <summary>A theory about kernels of 512-bit vectors, skipped where there are none.</summary>
internal sealed class Avx512TheoryAttribute : TheoryAttribute
{
    public Avx512TheoryAttribute() => Skip = InstructionSets.HasAvx512 ? null : "this machine has no 512-bit vectors";
}
