using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>A <see cref="Projection"/> as the kernels see it: raw pointers, valid while what they point into lives.</summary>
internal unsafe struct ProjectionTask
{
    /// <summary>W, <c>[rows, columns]</c>.</summary>
    public MatrixView Weight;

    /// <summary>The result, <c>[tokens, rows]</c>.</summary>
    public float* Output;

    /// <summary>A bias for each row, or null.</summary>
    public float* Bias;

    /// <summary>The adapter's inner products, <c>[tokens, rank]</c>; null without an adapter.</summary>
    public float* LowRankInput;

    /// <summary>The adapter's pair; meaningful where <see cref="LowRankInput"/> is not null.</summary>
    public LowRankTerm LowRank;

    /// <summary>Adds the adapter's part and the bias to rows whose products with the weight are there.</summary>
    /// <param name="group">The first group of eight rows.</param>
    /// <param name="count">How many groups.</param>
    /// <param name="tokens">How many tokens.</param>
    public readonly void Finish(int group, int count, int tokens)
    {
        if (Bias is null && LowRankInput is null)
        {
            return;
        }

        for (var token = 0; token < tokens; token++)
        {
            for (var g = group; g < group + count; g++)
            {
                var row = g * PackedMatrix.RowsPerGroup;
                var rows = Math.Min(PackedMatrix.RowsPerGroup, Weight.Rows - row);
                var output = Output + ((long)token * Weight.Rows) + row;
                var y = rows == PackedMatrix.RowsPerGroup ? Vector256.Load(output) : LoadPart(output, rows);
                if (LowRankInput is not null)
                {
                    y = LowRankPair.Up(LowRank, LowRankInput + ((long)token * LowRank.Rank), g, y);
                }

                if (Bias is not null)
                {
                    y += rows == PackedMatrix.RowsPerGroup ? Vector256.Load(Bias + row) : LoadPart(Bias + row, rows);
                }

                if (rows == PackedMatrix.RowsPerGroup)
                {
                    y.Store(output);
                }
                else
                {
                    for (var r = 0; r < rows; r++)
                    {
                        output[r] = y[r];
                    }
                }
            }
        }
    }

    private static Vector256<float> LoadPart(float* from, int count)
    {
        var part = stackalloc float[PackedMatrix.RowsPerGroup];
        new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(part, count));
        return Vector256.Load(part);
    }
}
