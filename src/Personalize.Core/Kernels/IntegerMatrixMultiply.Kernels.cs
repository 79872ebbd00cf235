using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>
/// The fast form: a run of groups of eight rows times a tile of tokens. A lane belongs to a row, and 32 bits of activations, broadcast, meet the same columns of all eight.
/// The last pass over a run of weights asks for those that come next.
/// </content>
internal static unsafe partial class IntegerMatrixMultiply
{
    // Inlined into its caller it would share the caller's registers.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TFormat, TDot, TTile>(in RowRun run, in ActivationTile x)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var w = run.Weights;
        var groupBytes = (long)run.Blocks * (TFormat.HeaderBytes + (TFormat.VectorCount * 32));
        var y = run.Output;
        var mask = Vector256.Create((byte)15);
        for (var group = 0; group < run.Groups; group++, y += PackedMatrix.RowsPerGroup)
        {
            var first = w;
            var y0 = Vector256<float>.Zero;
            var y1 = y0;
            var y2 = y0;
            var y3 = y0;
            var quants = x.Bytes;
            var farAhead = run.FarAhead != 0 && group == run.Groups - 1 ? run.Next - w : run.FarAhead;
            var at = 0;
            for (var end = run.Blocks * TTile.Count; at < end; at += TTile.Count, quants += TTile.Count * PackedMatrix.ColumnsPerBlock, w += TFormat.HeaderBytes + (TFormat.VectorCount * 32))
            {
                PrefetchBlock<TFormat>(w + run.Ahead, isFar: false);
                if (farAhead != 0)
                {
                    PrefetchBlock<TFormat>(w + farAhead, isFar: true);
                }

                BlockProducts<TFormat, TDot, TTile>(w + TFormat.HeaderBytes, x, at, quants, mask, out var d0, out var d1, out var d2, out var d3);
                Accumulate<TFormat, TTile>(w, x, at, d0, d1, d2, d3, ref y0, ref y1, ref y2, ref y3);
            }

            Store<TTile>(y, run.OutputStride, run.Tokens, y0, y1, y2, y3);
            if (group % 2 == 1)
            {
                AddOutliers<TFormat, TTile, Tiles.Two>(first - groupBytes, groupBytes, x, y - PackedMatrix.RowsPerGroup, run.OutputStride, run.Tokens);
            }
            else if (group == run.Groups - 1)
            {
                AddOutliers<TFormat, TTile, Tiles.One>(first, groupBytes, x, y, run.OutputStride, run.Tokens);
            }
        }
    }

    /// <summary>What the tokens' few outliers add to one group or two whose weights were just read: <c>y = fma(d * w, x, y)</c>, column after column; d * w is exact. Of two groups where an outlier stands is worked out once, and its weights are looked up once for all tokens.</summary>
    /// <remarks>A token that has no outlier at a column adds 0 there, which changes no sum but a -0, and a sum that began at 0 becomes one only where all that was added underflows.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void AddOutliers<TFormat, TTile, TGroups>(byte* groups, long groupBytes, in ActivationTile x, float* y, long stride, int tokens)
        where TFormat : struct, IBlockFormat
        where TTile : struct, ITile
        where TGroups : struct, ITile
    {
        var outlier = x.Outliers;
        var end = outlier + *x.OutlierCount;
        if (outlier == end)
        {
            return;
        }

        Load<TTile>(y, stride, tokens, out var y0, out var y1, out var y2, out var y3);
        var (z0, z1, z2, z3) = (y0, y1, y2, y3);
        if (TGroups.Count == 2)
        {
            Load<TTile>(y + PackedMatrix.RowsPerGroup, stride, tokens, out z0, out z1, out z2, out z3);
        }

        for (; outlier < end; outlier++)
        {
            var (block, column) = Math.DivRem((uint)outlier->Column, PackedMatrix.ColumnsPerBlock);
            var w = groups + ((long)block * (TFormat.HeaderBytes + (TFormat.VectorCount * 32)));
            AddOutlier<TTile>(ColumnOf<TFormat>(w, column), outlier, ref y0, ref y1, ref y2, ref y3);
            if (TGroups.Count == 2)
            {
                AddOutlier<TTile>(ColumnOf<TFormat>(w + groupBytes, column), outlier, ref z0, ref z1, ref z2, ref z3);
            }
        }

        Store<TTile>(y, stride, tokens, y0, y1, y2, y3);
        if (TGroups.Count == 2)
        {
            Store<TTile>(y + PackedMatrix.RowsPerGroup, stride, tokens, z0, z1, z2, z3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddOutlier<TTile>(Vector256<float> weights, Outlier* outlier, ref Vector256<float> y0, ref Vector256<float> y1, ref Vector256<float> y2, ref Vector256<float> y3)
        where TTile : struct, ITile
    {
        y0 = Vector256.FusedMultiplyAdd(weights, Vector256.Create(outlier->Values[0]), y0);
        if (TTile.Count >= 2)
        {
            y1 = Vector256.FusedMultiplyAdd(weights, Vector256.Create(outlier->Values[1]), y1);
        }

        if (TTile.Count == 4)
        {
            y2 = Vector256.FusedMultiplyAdd(weights, Vector256.Create(outlier->Values[2]), y2);
            y3 = Vector256.FusedMultiplyAdd(weights, Vector256.Create(outlier->Values[3]), y3);
        }
    }

    /// <summary>A column's eight weights, d * w, of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> ColumnOf<TFormat>(byte* block, uint column)
        where TFormat : struct, IBlockFormat
    {
        Vector256<int> q;
        if (TFormat.VectorCount == 8)
        {
            q = (Vector256.Load((int*)(block + TFormat.HeaderBytes + (column / 4 * 32))) << (int)(24 - (column % 4 * 8))) >> 24;
        }
        else
        {
            q = (Vector256.Load((int*)(block + TFormat.HeaderBytes + (column % 16 / 4 * 32))) >>> (int)((column % 4 * 8) + (column / 16 * 4))) & Vector256.Create(15);
            q = TFormat.IsCentered ? q - Vector256.Create(8) : q;
        }

        return HalfVectors.Widen(block) * Vector256.ConvertToSingle(q);
    }

    /// <summary>The integer products of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void BlockProducts<TFormat, TDot, TTile>(
        byte* values, in ActivationTile x, int at, sbyte* quants, Vector256<byte> mask, out Vector256<int> d0, out Vector256<int> d1, out Vector256<int> d2, out Vector256<int> d3)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var s0 = Start<TFormat, TDot>(x, at);
        var s1 = TTile.Count < 2 ? s0 : Start<TFormat, TDot>(x, at + 1);
        var s2 = TTile.Count < 4 ? s0 : Start<TFormat, TDot>(x, at + 2);
        var s3 = TTile.Count < 4 ? s0 : Start<TFormat, TDot>(x, at + 3);
        if (TFormat.VectorCount == 8)
        {
            (d0, d1, d2, d3) = (s0, s1, s2, s3);
            ByteStep<TDot, TTile>(values, 0, quants, ref d0, ref d1, ref d2, ref d3);
            ByteStep<TDot, TTile>(values, 1, quants, ref d0, ref d1, ref d2, ref d3);
            ByteStep<TDot, TTile>(values, 2, quants, ref d0, ref d1, ref d2, ref d3);
            ByteStep<TDot, TTile>(values, 3, quants, ref d0, ref d1, ref d2, ref d3);
            ByteStep<TDot, TTile>(values, 4, quants, ref d0, ref d1, ref d2, ref d3);
            ByteStep<TDot, TTile>(values, 5, quants, ref d0, ref d1, ref d2, ref d3);
            ByteStep<TDot, TTile>(values, 6, quants, ref d0, ref d1, ref d2, ref d3);
            ByteStep<TDot, TTile>(values, 7, quants, ref d0, ref d1, ref d2, ref d3);
            return;
        }

        (d0, d1, d2, d3) = (TDot.Begin(s0), TDot.Begin(s1), TDot.Begin(s2), TDot.Begin(s3));
        NibbleStep<TDot, TTile>(values, 0, quants, mask, ref d0, ref d1, ref d2, ref d3);
        NibbleStep<TDot, TTile>(values, 1, quants, mask, ref d0, ref d1, ref d2, ref d3);
        NibbleStep<TDot, TTile>(values, 2, quants, mask, ref d0, ref d1, ref d2, ref d3);
        NibbleStep<TDot, TTile>(values, 3, quants, mask, ref d0, ref d1, ref d2, ref d3);
        d0 = TDot.Total(s0, d0);
        d1 = TDot.Total(s1, d1);
        d2 = TDot.Total(s2, d2);
        d3 = TDot.Total(s3, d3);
    }

    /// <summary>Where a token's sum starts: minus what products with weights that are stored, or multiplied, as unsigned numbers hold too much.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Start<TFormat, TDot>(in ActivationTile x, int at)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct =>
        TFormat.IsCentered ? Vector256.Create(x.MinusEightSums[at]) : TFormat.VectorCount == 8 && TDot.Excess > 0 ? Vector256.Create(x.MinusExcessSums[at]) : Vector256<int>.Zero;

    /// <summary>One vector of nibbles with four columns of each token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TDot, TTile>(Vector256<byte> nibbles, sbyte* x, int four, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> d2, ref Vector256<int> d3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        d0 = TDot.MultiplyAdd(d0, nibbles, Bytes(x, 0, four));
        if (TTile.Count >= 2)
        {
            d1 = TDot.MultiplyAdd(d1, nibbles, Bytes(x, 1, four));
        }

        if (TTile.Count == 4)
        {
            d2 = TDot.MultiplyAdd(d2, nibbles, Bytes(x, 2, four));
            d3 = TDot.MultiplyAdd(d3, nibbles, Bytes(x, 3, four));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NibbleStep<TDot, TTile>(byte* values, int vector, sbyte* x, Vector256<byte> mask, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> d2, ref Vector256<int> d3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var q = Vector256.Load(values + (vector * 32));
        Add<TDot, TTile>(q & mask, x, vector, ref d0, ref d1, ref d2, ref d3);
        Add<TDot, TTile>((q.AsUInt16() >>> 4).AsByte() & mask, x, vector + 4, ref d0, ref d1, ref d2, ref d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ByteStep<TDot, TTile>(byte* values, int vector, sbyte* x, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> d2, ref Vector256<int> d3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var q = Vector256.Load((sbyte*)(values + (vector * 32)));
        var unsigned = TDot.Unsigned(q);
        d0 = TDot.MultiplyAdd(d0, q, unsigned, Bytes(x, 0, vector));
        if (TTile.Count >= 2)
        {
            d1 = TDot.MultiplyAdd(d1, q, unsigned, Bytes(x, 1, vector));
        }

        if (TTile.Count == 4)
        {
            d2 = TDot.MultiplyAdd(d2, q, unsigned, Bytes(x, 2, vector));
            d3 = TDot.MultiplyAdd(d3, q, unsigned, Bytes(x, 3, vector));
        }
    }

    /// <summary>A block's part of the result: <c>y = fma(d * xs, dot, y)</c>, then <c>y = fma(m, xs * sum(xq), y)</c> where there are offsets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<TFormat, TTile>(
        byte* header, in ActivationTile x, int at, Vector256<int> d0, Vector256<int> d1, Vector256<int> d2, Vector256<int> d3, ref Vector256<float> y0, ref Vector256<float> y1, ref Vector256<float> y2, ref Vector256<float> y3)
        where TFormat : struct, IBlockFormat
        where TTile : struct, ITile
    {
        var scale = HalfVectors.Widen(header);
        y0 = AddBlock(scale, x.Scales[at], d0, y0);
        if (TTile.Count >= 2)
        {
            y1 = AddBlock(scale, x.Scales[at + 1], d1, y1);
        }

        if (TTile.Count == 4)
        {
            y2 = AddBlock(scale, x.Scales[at + 2], d2, y2);
            y3 = AddBlock(scale, x.Scales[at + 3], d3, y3);
        }

        if (TFormat.HasOffset)
        {
            var offset = HalfVectors.Widen(header + 16);
            y0 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at]), y0);
            if (TTile.Count >= 2)
            {
                y1 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at + 1]), y1);
            }

            if (TTile.Count == 4)
            {
                y2 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at + 2]), y2);
                y3 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at + 3]), y3);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddBlock(Vector256<float> scale, float xScale, Vector256<int> dot, Vector256<float> y) =>
        Vector256.FusedMultiplyAdd(scale * Vector256.Create(xScale), Vector256.ConvertToSingle(dot), y);

    /// <summary>What <see cref="Store"/> wrote.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load<TTile>(float* y, long stride, int tokens, out Vector256<float> y0, out Vector256<float> y1, out Vector256<float> y2, out Vector256<float> y3)
        where TTile : struct, ITile
    {
        y0 = Vector256.Load(y);
        y1 = TTile.Count >= 2 ? Vector256.Load(y + stride) : y0;
        y2 = TTile.Count == 4 ? Vector256.Load(y + (2 * stride)) : y0;
        y3 = TTile.Count == 4 && tokens == 4 ? Vector256.Load(y + (3 * stride)) : y0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TTile>(float* y, long stride, int tokens, Vector256<float> y0, Vector256<float> y1, Vector256<float> y2, Vector256<float> y3)
        where TTile : struct, ITile
    {
        y0.Store(y);
        if (TTile.Count >= 2)
        {
            y1.Store(y + stride);
        }

        if (TTile.Count == 4)
        {
            y2.Store(y + (2 * stride));
            if (tokens == 4)
            {
                y3.Store(y + (3 * stride));
            }
        }
    }

    /// <summary>Four columns of a token, broadcast.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Bytes(sbyte* x, int token, int four) => Vector256.Create(((int*)x)[(token * 8) + four]).AsSByte();

    /// <summary>Asks for a block, of 144, 160 or 272 bytes, that is used later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchBlock<TFormat>(byte* w, bool isFar)
        where TFormat : struct, IBlockFormat
    {
        Prefetch.Line(w, isFar);
        Prefetch.Line(w + 64, isFar);
        Prefetch.Line(w + 128, isFar);
        if (TFormat.VectorCount == 8)
        {
            Prefetch.Line(w + 192, isFar);
            Prefetch.Line(w + 256, isFar);
        }
    }
}
