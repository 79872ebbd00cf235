using System.Numerics;
using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>The exact rows that a merge rounds, <c>W + scale * B A</c>, with DoRA brought to their magnitudes, one at a time and in half-split order; stateless, safe to share between threads.</summary>
internal sealed class MergedRows(PackedMatrix weight, LoraPair pair, float scale)
{
    public int Rows => weight.Rows;

    public int Columns => weight.Columns;

    /// <summary>Computes a row of the sum.</summary>
    public void Read(int row, Span<float> destination)
    {
        weight.ReadRow(row, destination);
        AddProduct(row, destination);
        if (pair.Magnitude is { } magnitude)
        {
            Rescale(destination, magnitude[row]);
        }
    }

    /// <summary>Computes what <see cref="Read"/> gives, less the row of W: without DoRA a row of <c>scale * B A</c>.</summary>
    public void ReadUpdate(int row, Span<float> destination)
    {
        if (pair.Magnitude is null)
        {
            destination.Clear();
            AddProduct(row, destination);
            return;
        }

        var own = new float[Columns];
        weight.ReadRow(row, own);
        Read(row, destination);
        for (var i = 0; i < own.Length; i++)
        {
            destination[i] -= own[i];
        }
    }

    private static void Rescale(Span<float> row, float magnitude)
    {
        var squares = 0d;
        foreach (var value in row)
        {
            squares += (double)value * value;
        }

        // A row that the update cancels has no direction that a length could be given to.
        var factor = squares > 0 ? (float)(magnitude / Math.Sqrt(squares)) : 0;
        foreach (ref var value in row)
        {
            value *= factor;
        }
    }

    /// <summary>Adds a row of <c>scale * B A</c>.</summary>
    private void AddProduct(int row, Span<float> destination)
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
