using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Products of 4-bit weights with tiles of many tokens on 512-bit vectors, as <see cref="IntegerMatrixMultiply"/> defines them: two groups of rows side by side are widened once to a byte a weight, in a panel
/// that stays in the first-level cache while all tokens pass over it.
/// </summary>
/// <remarks>
/// A panel holds, block after block, 16 scales and 16 offsets in single precision, then eight vectors of four columns of each of the 16 rows. Pairs of products (at most 2 * 15 * 127) are summed in 16 bits, where eight of them fit, and widened
/// once a block: 512-bit vectors have no instruction that managed code could call to sum products in 32 bits. Twenty operations for 512 products; the 256-bit instruction that does sum needs twelve for 256.
/// </remarks>
internal static unsafe class IntegerPanel
{
    /// <summary>Rows of a panel: two groups.</summary>
    public const int Rows = 2 * PackedMatrix.RowsPerGroup;

    /// <summary>The tokens of the largest tile: two tiles of activations.</summary>
    public const int MostTokens = 8;

    /// <summary>How many tokens a product has at least for which widening pays: of fewer, four and the rest pass over the packed groups.</summary>
    public const int FewestTokens = 7;

    private const int OffsetsAt = Rows * sizeof(float);
    private const int WeightsAt = 2 * OffsetsAt;
    private const int BlockBytes = WeightsAt + (Rows * PackedMatrix.ColumnsPerBlock);

    /// <summary>Whether weights of a format are multiplied here on this machine.</summary>
    public static bool Supports(WeightFormat format) => InstructionSets.HasAvx512 && format is WeightFormat.Q4Zero or WeightFormat.Q4One;

    /// <summary>How many bytes a panel takes.</summary>
    /// <param name="blocks">Blocks of 32 columns in a row.</param>
    public static int Bytes(int blocks) => blocks * BlockBytes;

    /// <summary>Widens two groups of rows.</summary>
    /// <param name="format">How the weights are packed.</param>
    /// <param name="groups">The first group; the second follows it.</param>
    /// <param name="blocks">Blocks of 32 columns in a row.</param>
    /// <param name="panel">Receives <see cref="Bytes"/>, on a boundary of 64.</param>
    public static void Widen(WeightFormat format, byte* groups, int blocks, byte* panel)
    {
        if (format == WeightFormat.Q4Zero)
        {
            Widen<FourBitCentered>(groups, blocks, panel);
        }
        else
        {
            Widen<FourBitWithOffset>(groups, blocks, panel);
        }
    }

    /// <summary>Multiplies a panel with four or eight tokens.</summary>
    /// <param name="format">How the weights were packed.</param>
    /// <param name="panel">The widened rows.</param>
    /// <param name="blocks">Blocks of 32 columns in a row.</param>
    /// <param name="tokens">3 or 4, or 7 or 8: how many there are of tiles of four.</param>
    /// <param name="x">A tile of four tokens; of eight, the second tile follows it.</param>
    /// <param name="y">The first row's result of the first token; 16 are written for each.</param>
    /// <param name="stride">Elements from a token's results to the next one's.</param>
    /// <param name="next">Weights that are asked for in passing, as many bytes as two groups have.</param>
    public static void Multiply(WeightFormat format, byte* panel, int blocks, int tokens, in ActivationTile x, float* y, long stride, byte* next)
    {
        if (format == WeightFormat.Q4Zero)
        {
            Multiply<FourBitCentered>(panel, blocks, tokens, x, y, stride, next);
        }
        else
        {
            Multiply<FourBitWithOffset>(panel, blocks, tokens, x, y, stride, next);
        }
    }

    private static void Multiply<TFormat>(byte* panel, int blocks, int tokens, in ActivationTile x, float* y, long stride, byte* next)
        where TFormat : struct, IBlockFormat
    {
        if (tokens > 4)
        {
            Multiply<TFormat, Tiles.Eight>(panel, blocks, tokens, x, y, stride, next);
        }
        else
        {
            Multiply<TFormat, Tiles.Four>(panel, blocks, tokens, x, y, stride, next);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Widen<TFormat>(byte* groups, int blocks, byte* panel)
        where TFormat : struct, IBlockFormat
    {
        var bytes = TFormat.HeaderBytes + (TFormat.VectorCount * 32);
        var second = groups + ((long)blocks * bytes);
        for (var block = 0; block < blocks; block++, groups += bytes, second += bytes, panel += BlockBytes)
        {
            HalfVectors.Widen(groups).Store((float*)panel);
            HalfVectors.Widen(second).Store((float*)panel + PackedMatrix.RowsPerGroup);
            if (TFormat.HasOffset)
            {
                HalfVectors.Widen(groups + 16).Store((float*)(panel + OffsetsAt));
                HalfVectors.Widen(second + 16).Store((float*)(panel + OffsetsAt) + PackedMatrix.RowsPerGroup);
            }

            for (var vector = 0; vector < TFormat.VectorCount; vector += 2)
            {
                var upper = Vector512.Load((int*)(groups + TFormat.HeaderBytes + (vector * 32)));
                var lower = Vector512.Load((int*)(second + TFormat.HeaderBytes + (vector * 32)));
                WidenNibbles(Avx512F.Shuffle4x128(upper, lower, 0b01_00_01_00).AsByte(), panel + WeightsAt + (vector * 64));
                WidenNibbles(Avx512F.Shuffle4x128(upper, lower, 0b11_10_11_10).AsByte(), panel + WeightsAt + ((vector + 1) * 64));
            }
        }
    }

    /// <summary>Low nibbles become a vector, high ones the vector 16 columns on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WidenNibbles(Vector512<byte> q, byte* to)
    {
        var mask = Vector512.Create((byte)15);
        (q & mask).StoreAligned(to);
        ((q.AsUInt16() >>> 4).AsByte() & mask).StoreAligned(to + (4 * 64));
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TFormat, TTile>(byte* panel, int blocks, int tokens, in ActivationTile x, float* y, long stride, byte* next)
        where TFormat : struct, IBlockFormat
        where TTile : struct, ITile
    {
        var more = QuantizedActivations.At(x, 4, blocks * PackedMatrix.ColumnsPerBlock);
        var first = panel;
        var y0 = Vector512<float>.Zero;
        var y1 = y0;
        var y2 = y0;
        var y3 = y0;
        var y4 = y0;
        var y5 = y0;
        var y6 = y0;
        var y7 = y0;
        var a = x.Bytes;
        var b = more.Bytes;
        for (var at = 0; at < 4 * blocks; at += 4, panel += BlockBytes, a += 4 * PackedMatrix.ColumnsPerBlock, b += 4 * PackedMatrix.ColumnsPerBlock, next += 2 * (TFormat.HeaderBytes + (TFormat.VectorCount * 32)))
        {
            Prefetch.Line(next);
            Prefetch.Line(next + 64);
            Prefetch.Line(next + 128);
            Prefetch.Line(next + 192);
            Prefetch.Line(next + 256);
            var w = Vector512.LoadAligned(panel + WeightsAt);
            var s0 = Products(w, a, 0, 0);
            var s1 = Products(w, a, 1, 0);
            var s2 = Products(w, a, 2, 0);
            var s3 = Products(w, a, 3, 0);
            var s4 = TTile.Count == 8 ? Products(w, b, 0, 0) : s0;
            var s5 = TTile.Count == 8 ? Products(w, b, 1, 0) : s0;
            var s6 = TTile.Count == 8 ? Products(w, b, 2, 0) : s0;
            var s7 = TTile.Count == 8 ? Products(w, b, 3, 0) : s0;
            Step<TTile>(panel, 1, a, b, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Step<TTile>(panel, 2, a, b, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Step<TTile>(panel, 3, a, b, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Step<TTile>(panel, 4, a, b, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Step<TTile>(panel, 5, a, b, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Step<TTile>(panel, 6, a, b, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            Step<TTile>(panel, 7, a, b, ref s0, ref s1, ref s2, ref s3, ref s4, ref s5, ref s6, ref s7);
            y0 = AddBlock<TFormat>(panel, x, at, s0, y0);
            y1 = AddBlock<TFormat>(panel, x, at + 1, s1, y1);
            y2 = AddBlock<TFormat>(panel, x, at + 2, s2, y2);
            y3 = AddBlock<TFormat>(panel, x, at + 3, s3, y3);
            if (TTile.Count == 8)
            {
                y4 = AddBlock<TFormat>(panel, more, at, s4, y4);
                y5 = AddBlock<TFormat>(panel, more, at + 1, s5, y5);
                y6 = AddBlock<TFormat>(panel, more, at + 2, s6, y6);
                y7 = AddBlock<TFormat>(panel, more, at + 3, s7, y7);
            }
        }

        AddOutliers<TFormat>(first, x, ref y0, ref y1, ref y2, ref y3);
        y0.Store(y);
        y1.Store(y + stride);
        y2.Store(y + (2 * stride));
        if (tokens > 3)
        {
            y3.Store(y + (3 * stride));
        }

        if (TTile.Count == 8)
        {
            AddOutliers<TFormat>(first, more, ref y4, ref y5, ref y6, ref y7);
            y4.Store(y + (4 * stride));
            y5.Store(y + (5 * stride));
            y6.Store(y + (6 * stride));
            if (tokens == 8)
            {
                y7.Store(y + (7 * stride));
            }
        }
    }

    /// <summary>Four columns of 16 rows with the same of each token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TTile>(
        byte* panel, int four, sbyte* a, sbyte* b, ref Vector512<short> s0, ref Vector512<short> s1, ref Vector512<short> s2, ref Vector512<short> s3, ref Vector512<short> s4, ref Vector512<short> s5, ref Vector512<short> s6, ref Vector512<short> s7)
        where TTile : struct, ITile
    {
        var w = Vector512.LoadAligned(panel + WeightsAt + (four * 64));
        s0 += Products(w, a, 0, four);
        s1 += Products(w, a, 1, four);
        s2 += Products(w, a, 2, four);
        s3 += Products(w, a, 3, four);
        if (TTile.Count == 8)
        {
            s4 += Products(w, b, 0, four);
            s5 += Products(w, b, 1, four);
            s6 += Products(w, b, 2, four);
            s7 += Products(w, b, 3, four);
        }
    }

    /// <summary>Pairs of products with four columns of a token, broadcast.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Products(Vector512<byte> w, sbyte* x, int token, int four) =>
        Avx512BW.MultiplyAddAdjacent(w, Vector512.Create(((int*)x)[(token * 8) + four]).AsSByte());

    /// <summary>A block's part of a token's results: <c>y = fma(d * xs, dot, y)</c>, then <c>y = fma(m, xs * sum(xq), y)</c> where there are offsets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AddBlock<TFormat>(byte* block, in ActivationTile x, int at, Vector512<short> pairs, Vector512<float> y)
        where TFormat : struct, IBlockFormat
    {
        var dot = Avx512BW.MultiplyAddAdjacent(pairs, Vector512.Create((short)1));
        if (TFormat.IsCentered)
        {
            dot += Vector512.Create(x.MinusEightSums[at]);
        }

        y = Vector512.FusedMultiplyAdd(Vector512.LoadAligned((float*)block) * Vector512.Create(x.Scales[at]), Vector512.ConvertToSingle(dot), y);
        return TFormat.HasOffset ? Vector512.FusedMultiplyAdd(Vector512.LoadAligned((float*)(block + OffsetsAt)), Vector512.Create(x.ScaledSums[at]), y) : y;
    }

    /// <summary>What the outliers of four tokens add: <c>y = fma(d * w, x, y)</c>, column after column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddOutliers<TFormat>(byte* panel, in ActivationTile x, ref Vector512<float> y0, ref Vector512<float> y1, ref Vector512<float> y2, ref Vector512<float> y3)
        where TFormat : struct, IBlockFormat
    {
        var outlier = x.Outliers;
        for (var end = outlier + *x.OutlierCount; outlier < end; outlier++)
        {
            var (block, column) = Math.DivRem((uint)outlier->Column, PackedMatrix.ColumnsPerBlock);
            var w = panel + (block * BlockBytes);
            var q = (Vector512.LoadAligned((int*)(w + WeightsAt + (column / 4 * 64))) >>> (int)(column % 4 * 8)) & Vector512.Create(15);
            q = TFormat.IsCentered ? q - Vector512.Create(8) : q;
            var weights = Vector512.LoadAligned((float*)w) * Vector512.ConvertToSingle(q);
            y0 = Vector512.FusedMultiplyAdd(weights, Vector512.Create(outlier->Values[0]), y0);
            y1 = Vector512.FusedMultiplyAdd(weights, Vector512.Create(outlier->Values[1]), y1);
            y2 = Vector512.FusedMultiplyAdd(weights, Vector512.Create(outlier->Values[2]), y2);
            y3 = Vector512.FusedMultiplyAdd(weights, Vector512.Create(outlier->Values[3]), y3);
        }
    }
}
