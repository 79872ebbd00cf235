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

    /// <summary>The parts of the adapter's inner products, <c>[parts, tokens, rank]</c>; null without an adapter.</summary>
    public float* LowRankInput;

    /// <summary>The adapter's pair; meaningful where <see cref="LowRankInput"/> is not null.</summary>
    public LowRankTerm LowRank;

    /// <summary>DoRA's factor of each row, which comes before the bias; null without.</summary>
    public float* RowScale;

    /// <summary>The next buffer in a row of tasks begins so many elements on.</summary>
    /// <param name="tokens">How many tokens.</param>
    public readonly long LowRankLength(int tokens) => (long)LowRankPair.DownParts * tokens * LowRank.Rank;

    /// <summary>Computes one part of the adapter's inner products for all tokens.</summary>
    /// <param name="x">The input, <c>[tokens, columns]</c>.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="part">Which part.</param>
    public readonly void Down(float* x, int tokens, int part)
    {
        for (var token = 0; token < tokens; token++)
        {
            LowRankPair.Down(LowRank, x + ((long)token * Weight.Columns), Weight.Columns, part, LowRankInput + ((((long)part * tokens) + token) * LowRank.Rank));
        }
    }

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

        var h = stackalloc float[LowRankInput is null ? 0 : LowRank.Rank];
        for (var token = 0; token < tokens; token++)
        {
            if (LowRankInput is not null)
            {
                LowRankPair.SumParts(LowRankInput + ((long)token * LowRank.Rank), (long)tokens * LowRank.Rank, LowRank.Rank, h);
            }

            for (var g = group; g < group + count; g++)
            {
                var row = g * PackedMatrix.RowsPerGroup;
                var rows = Math.Min(PackedMatrix.RowsPerGroup, Weight.Rows - row);
                var output = Output + ((long)token * Weight.Rows) + row;
                if (rows == PackedMatrix.RowsPerGroup)
                {
                    Finish(h, g, Vector256.Load(output), RowScale is null ? default : Vector256.Load(RowScale + row), Bias is null ? default : Vector256.Load(Bias + row)).Store(output);
                }
                else
                {
                    var y = Finish(h, g, LoadPart(output, rows), RowScale is null ? default : LoadPart(RowScale + row, rows), Bias is null ? default : LoadPart(Bias + row, rows));
                    for (var r = 0; r < rows; r++)
                    {
                        output[r] = y[r];
                    }
                }
            }
        }
    }

    private readonly Vector256<float> Finish(float* h, int group, Vector256<float> y, Vector256<float> scale, Vector256<float> bias)
    {
        if (LowRankInput is not null)
        {
            y = LowRankPair.Up(LowRank, h, group, y);
        }

        if (RowScale is not null)
        {
            y *= scale;
        }

        return Bias is null ? y : y + bias;
    }

    private static Vector256<float> LoadPart(float* from, int count)
    {
        var part = stackalloc float[PackedMatrix.RowsPerGroup];
        new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(part, count));
        return Vector256.Load(part);
    }
}
