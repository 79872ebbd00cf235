using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>The sixteen levels <c>Scale * q + Offset</c> of a 4-bit block of 32, both numbers as half precision keeps them. For Q4_0 the offset is <c>-8 * Scale</c>.</summary>
/// <param name="Scale">The distance of two levels; negative is allowed.</param>
/// <param name="Offset">Level 0.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct BlockGrid(float Scale, float Offset)
{
    public const int Elements = 32;
    private const int Top = 15;
    private const int Zero = 8;
    private const int Refinements = 3;

    // Narrower ranges give up the extremes of a block for finer levels in between.
    private static ReadOnlySpan<float> Shrinkages => [1f, 0.95f, 0.9f, 0.84f];

    /// <summary>
    /// Searches the grid of least squared error <c>sum w (x - level)^2</c>: from the range of the values and from narrower ones, each refined by fitting scale and offset to the levels chosen (least squares) in turns.
    /// Never worse than the range itself, which is what plain rounding takes.
    /// </summary>
    /// <param name="type">Q4_0 or Q4_1.</param>
    /// <param name="values">32 finite values.</param>
    /// <param name="weights">32 weights, not negative.</param>
    public static BlockGrid Fit(GgmlType type, ReadOnlySpan<float> values, ReadOnlySpan<float> weights)
    {
        var isCentered = type == GgmlType.Q4_0;
        var (low, high, extreme) = (values[0], values[0], values[0]);
        foreach (var value in values)
        {
            low = MathF.Min(low, value);
            high = MathF.Max(high, value);

            // The first of two as large, as plain rounding takes it: the sign decides which side has the level more.
            extreme = MathF.Abs(value) > MathF.Abs(extreme) ? value : extreme;
        }

        var best = default(BlockGrid);
        var least = float.PositiveInfinity;
        foreach (var shrinkage in Shrinkages)
        {
            var grid = isCentered
                ? Centered(extreme * shrinkage / -Zero)
                : Affine((high - low) * shrinkage / Top, low + ((high - low) * (1 - shrinkage) / 2));
            for (var round = 0; round <= Refinements; round++)
            {
                var (error, refined) = isCentered ? grid.RefineCentered(values, weights) : grid.RefineAffine(values, weights);
                if (error < least)
                {
                    (best, least) = (grid, error);
                }

                if (refined == grid)
                {
                    break;
                }

                grid = refined;
            }
        }

        return best;
    }

    /// <summary>The nearest level.</summary>
    public int LevelOf(float value)
    {
        var inverse = Scale == 0 ? 0 : 1 / Scale;
        return Math.Clamp((int)MathF.Round((value - Offset) * inverse), 0, Top);
    }

    /// <summary>What a level stands for.</summary>
    public float ValueOf(int level) => MathF.FusedMultiplyAdd(Scale, level, Offset);

    /// <summary>Writes the block as the file stores it.</summary>
    public void Write(GgmlType type, ReadOnlySpan<byte> levels, Span<byte> block)
    {
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)Scale);
        var at = sizeof(ushort);
        if (type == GgmlType.Q4_1)
        {
            BinaryPrimitives.WriteHalfLittleEndian(block[at..], (Half)Offset);
            at += sizeof(ushort);
        }

        for (var j = 0; j < Elements / 2; j++)
        {
            block[at + j] = (byte)(levels[j] | (levels[j + (Elements / 2)] << 4));
        }
    }

    private static BlockGrid Affine(float scale, float offset) => new((float)(Half)scale, (float)(Half)offset);

    private static BlockGrid Centered(float scale)
    {
        var rounded = (float)(Half)scale;
        return new BlockGrid(rounded, -Zero * rounded);
    }

    private (float Error, BlockGrid Refined) RefineAffine(ReadOnlySpan<float> values, ReadOnlySpan<float> weights)
    {
        var sums = Sum(values, weights, levelShift: 0);
        var determinant = (sums.W * sums.Wqq) - (sums.Wq * sums.Wq);

        // All on one level: no scale can be told from that.
        if (!(determinant > 1e-6f * sums.W * sums.Wqq))
        {
            return (sums.Error, this);
        }

        var scale = ((sums.W * sums.Wqx) - (sums.Wq * sums.Wx)) / determinant;
        return (sums.Error, Affine(scale, (sums.Wx - (scale * sums.Wq)) / sums.W));
    }

    private (float Error, BlockGrid Refined) RefineCentered(ReadOnlySpan<float> values, ReadOnlySpan<float> weights)
    {
        var sums = Sum(values, weights, levelShift: Zero);
        return (sums.Error, sums.Wqq > 0 ? Centered(sums.Wqx / sums.Wqq) : this);
    }

    /// <summary>The weighted error of the nearest levels, and the weighted moments of the levels (minus <paramref name="levelShift"/>) and values that a fit needs.</summary>
    private Moments Sum(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, float levelShift)
    {
        var inverse = Vector256.Create(Scale == 0 ? 0 : 1 / Scale);
        var top = Vector256.Create((float)Top);
        var error = Vector256<float>.Zero;
        var (w, wq, wqq, wx, wqx) = (error, error, error, error, error);
        for (var i = 0; i < Elements; i += Vector256<float>.Count)
        {
            var x = Vector256.Create(values[i..]);
            var weight = Vector256.Create(weights[i..]);
            var level = Vector256.Min(Vector256.Max(Vector256.Round((x - Vector256.Create(Offset)) * inverse), Vector256<float>.Zero), top);
            var difference = x - Vector256.FusedMultiplyAdd(Vector256.Create(Scale), level, Vector256.Create(Offset));
            var q = level - Vector256.Create(levelShift);
            error += weight * difference * difference;
            w += weight;
            wq += weight * q;
            wqq += weight * q * q;
            wx += weight * x;
            wqx += weight * q * x;
        }

        return new Moments(Vector256.Sum(error), Vector256.Sum(w), Vector256.Sum(wq), Vector256.Sum(wqq), Vector256.Sum(wx), Vector256.Sum(wqx));
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Moments(float Error, float W, float Wq, float Wqq, float Wx, float Wqx);
}
