using System.Runtime.InteropServices;
using Personalize.Training.Data;

namespace Personalize.Training.Layers;

/// <summary>The ranges of a batch as parallel work sees them: raw memory that outlives the work.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly unsafe struct ExampleTable(ExampleRange* ranges, int count, int longest)
{
    public int Count => count;

    /// <summary>Tokens of the longest example.</summary>
    public int Longest => longest;

    public ExampleRange this[int index] => ranges[index];
}
