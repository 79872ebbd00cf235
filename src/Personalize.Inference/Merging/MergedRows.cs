using System.Numerics;
using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>The exact rows that a merge rounds, <c>W + scale * B A</c>, one at a time and in half-split order; stateless, safe to share between threads.</summary>
internal sealed class MergedRows(PackedMatrix weight, LoraPair pair, float scale)
{
    public int Rows => weight.Rows;

    public int Columns => weight.Columns;

    /// <summary>Computes a row of the sum.</summary>
    public void Read(int row, Span<float> destination)
    {
        weight.ReadRow(row, destination);
        AddUpdate(row, destination);
    }

    /// <summary>Adds a row of <c>scale * B A</c>.</summary>
    public void AddUpdate(int row, Span<float> destination)
    {
        for (var r = 0; r < pair.Rank; r++)
        {
            var factor = scale * pair.B[(row * pair.Rank) + r];
            var a = pair.A.AsSpan(r * pair.InputSize, pair.InputSize);
            var vectors = MemoryMarshal.Cast<float, Vector<float>>(destination);
            var terms = MemoryMarshal.Cast<float, Vector<float>>(a);
            for (var i = 0; i < vectors.Length; i++)
            {
                vectors[i] += terms[i] * factor;
            }

            for (var i = vectors.Length * Vector<float>.Count; i < a.Length; i++)
            {
                destination[i] += a[i] * factor;
            }
        }
    }
}
