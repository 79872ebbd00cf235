using System.Runtime.CompilerServices;
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
        LowRankPair.Down(LowRank, x, Weight.Columns, tokens, part, LowRankInput + ((long)part * tokens * LowRank.Rank));
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

        var rank = LowRankInput is null ? 0 : LowRank.Rank;
        var h = stackalloc float[4 * rank];
        for (var token = 0; token < tokens;)
        {
            var four = token + 4 <= tokens;
            for (var t = 0; t < (four ? 4 : 1) && rank > 0; t++)
            {
                LowRankPair.SumParts(LowRankInput + ((long)(token + t) * rank), (long)tokens * rank, rank, h + (t * rank));
            }

            for (var g = group; g < group + count; g++)
            {
                if (four)
                {
                    Finish<Tiles.Four>(h, g, token);
                }
                else
                {
                    Finish<Tiles.One>(h, g, token);
                }
            }

            token += four ? 4 : 1;
        }
    }

    private readonly void Finish<TTile>(float* h, int group, int token)
        where TTile : struct, ITile
    {
        var row = group * PackedMatrix.RowsPerGroup;
        var rows = Math.Min(PackedMatrix.RowsPerGroup, Weight.Rows - row);
        var stride = Weight.Rows;
        var output = Output + ((long)token * stride) + row;
        var y0 = LoadPart(output, rows);
        var y1 = TTile.Count == 4 ? LoadPart(output + stride, rows) : y0;
        var y2 = TTile.Count == 4 ? LoadPart(output + (2L * stride), rows) : y0;
        var y3 = TTile.Count == 4 ? LoadPart(output + (3L * stride), rows) : y0;
        if (LowRankInput is not null)
        {
            LowRankPair.Up<TTile>(LowRank, h, group, ref y0, ref y1, ref y2, ref y3);
        }

        StorePart(Complete(y0, row, rows), output, rows);
        if (TTile.Count == 4)
        {
            StorePart(Complete(y1, row, rows), output + stride, rows);
            StorePart(Complete(y2, row, rows), output + (2L * stride), rows);
            StorePart(Complete(y3, row, rows), output + (3L * stride), rows);
        }
    }

    private readonly Vector256<float> Complete(Vector256<float> y, int row, int rows)
    {
        if (RowScale is not null)
        {
            y *= LoadPart(RowScale + row, rows);
        }

        return Bias is null ? y : y + LoadPart(Bias + row, rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> LoadPart(float* from, int count) => count == PackedMatrix.RowsPerGroup ? Vector256.Load(from) : LoadFew(from, count);

    private static Vector256<float> LoadFew(float* from, int count)
    {
        var part = stackalloc float[PackedMatrix.RowsPerGroup];
        new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(part, count));
        return Vector256.Load(part);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart(Vector256<float> y, float* to, int count)
    {
        if (count == PackedMatrix.RowsPerGroup)
        {
            y.Store(to);
            return;
        }

        for (var r = 0; r < count; r++)
        {
            to[r] = y[r];
        }
    }
}
