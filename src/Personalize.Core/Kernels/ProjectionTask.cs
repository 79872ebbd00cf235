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
    public readonly long LowRankLength(int tokens) => (long)LowRankProduct.DownParts * tokens * LowRank.Rank;

    /// <summary>Computes one part of the adapter's inner products for all tokens.</summary>
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
        var rank = LowRank.Rank;
        var rows = Weight.Rows;
        var h = stackalloc float[4 * rank];
        var part = stackalloc float[4 * PackedMatrix.RowsPerGroup];
        var whole = Math.Min(group + count, rows / PackedMatrix.RowsPerGroup) - group;
        var rest = (group + count) * PackedMatrix.RowsPerGroup > rows ? rows % PackedMatrix.RowsPerGroup : 0;
        for (var token = 0; token < tokens;)
        {
            var together = token + 4 <= tokens ? 4 : 1;
            for (var t = 0; t < together; t++)
            {
                LowRankProduct.SumParts(LowRankInput + ((long)(token + t) * rank), (long)tokens * rank, rank, h + (t * rank));
            }

            var output = Output + ((long)token * rows) + (group * PackedMatrix.RowsPerGroup);
            LowRankProduct.Up(LowRank, h, group, whole, output, rows, together);
            if (rest > 0)
            {
                // The last group's other rows are padding, for which the output has no room.
                output += whole * PackedMatrix.RowsPerGroup;
                Copy(output, rows, part, PackedMatrix.RowsPerGroup, rest, together);
                LowRankProduct.Up(LowRank, h, group + whole, 1, part, PackedMatrix.RowsPerGroup, together);
                Copy(part, PackedMatrix.RowsPerGroup, output, rows, rest, together);
            }

            token += together;
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
