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

    /// <summary>The adapter's inner products: <c>[parts, tokens, rank]</c> in single precision, <c>[tokens, rank]</c>, rounded in place, in 8 bits; null without an adapter.</summary>
    public float* LowRankInput;

    /// <summary>The adapter's pair where the product is in single precision.</summary>
    public LowRankTerm LowRank;

    /// <summary>The adapter's pair where the product is in integers.</summary>
    public ServedLowRankTerm ServedLowRank;

    /// <summary>DoRA's factor of each row, which comes before the bias; null without.</summary>
    public float* RowScale;

    /// <summary>Computes one part of the adapter's inner products for all tokens, in single precision.</summary>
    /// <param name="x">The input, <c>[tokens, columns]</c>.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="part">Which part.</param>
    public readonly void Down(float* x, int tokens, int part)
    {
        LowRankProduct.Down(LowRank, x, Weight.Columns, tokens, part, LowRankInput + ((long)part * tokens * LowRank.Rank));
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

        if (LowRankInput is not null)
        {
            AddLowRank(group, count, tokens);
        }

        if (Bias is null && RowScale is null)
        {
            return;
        }

        var first = group * PackedMatrix.RowsPerGroup;
        var rows = Math.Min(Weight.Rows, first + (count * PackedMatrix.RowsPerGroup)) - first;
        for (var token = 0; token < tokens; token++)
        {
            var y = Output + ((long)token * Weight.Rows) + first;
            for (var r = 0; r < rows && RowScale is not null; r++)
            {
                y[r] *= RowScale[first + r];
            }

            if (Bias is not null)
            {
                VectorAdd.InPlace(y, Bias + first, rows);
            }
        }
    }

    private readonly void AddLowRank(int group, int count, int tokens)
    {
        var rows = Weight.Rows;
        var sums = stackalloc float[4 * LowRank.Rank];
        var part = stackalloc float[4 * PackedMatrix.RowsPerGroup];
        var whole = Math.Min(group + count, rows / PackedMatrix.RowsPerGroup) - group;
        var rest = (group + count) * PackedMatrix.RowsPerGroup > rows ? rows % PackedMatrix.RowsPerGroup : 0;
        for (var (token, together) = (0, 0); token < tokens; token += together)
        {
            together = ServedLowRank.Rank > 0 && rest == 0 ? tokens : token + 4 <= tokens ? 4 : 1;
            var h = InnerProducts(token, together, tokens, sums);
            var output = Output + ((long)token * rows) + (group * PackedMatrix.RowsPerGroup);
            Up(h, group, whole, output, rows, together);
            if (rest > 0)
            {
                // The last group's other rows are padding, for which the output has no room.
                output += whole * PackedMatrix.RowsPerGroup;
                Copy(output, rows, part, PackedMatrix.RowsPerGroup, rest, together);
                Up(h, group + whole, 1, part, PackedMatrix.RowsPerGroup, together);
                Copy(part, PackedMatrix.RowsPerGroup, output, rows, rest, together);
            }
        }
    }

    private readonly float* InnerProducts(int token, int together, int tokens, float* sums)
    {
        if (ServedLowRank.Rank > 0)
        {
            return LowRankInput + ((long)token * ServedLowRank.Rank);
        }

        for (var t = 0; t < together; t++)
        {
            LowRankProduct.SumParts(LowRankInput + ((long)(token + t) * LowRank.Rank), (long)tokens * LowRank.Rank, LowRank.Rank, sums + (t * LowRank.Rank));
        }

        return sums;
    }

    private readonly void Up(float* h, int group, int count, float* y, long stride, int tokens)
    {
        if (ServedLowRank.Rank > 0)
        {
            ServedLowRankProduct.Up(ServedLowRank, h, group, count, y, stride, tokens);
        }
        else
        {
            LowRankProduct.Up(LowRank, h, group, count, y, stride, tokens);
        }
    }

    private static void Copy(float* from, long fromStride, float* to, long toStride, int count, int tokens)
    {
        for (var t = 0; t < tokens; t++)
        {
            new ReadOnlySpan<float>(from + (t * fromStride), count).CopyTo(new Span<float>(to + (t * toStride), count));
        }
    }
}
