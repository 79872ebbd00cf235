using System.Runtime.InteropServices;

namespace Personalize.Training.Data;

/// <summary>Where an example lies among packed tokens.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ExampleRange(int Start, int Length)
{
    public int End => Start + Length;
}
