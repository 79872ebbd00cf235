using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Activations rounded to 8 bits in blocks of 32, <c>q = round(127 x / max|x|)</c>, with a scale a block and what sums the formats need. The few values that stand out of their row are kept as they are beside the blocks
/// and count as 0 in them. One set of buffers, planned for the largest chunk and filled anew before each product. Not thread-safe.
/// </summary>
/// <remarks>
/// A block's error is a share of its largest value, so a single large one costs its 31 neighbours their bits. An outlier is a value above <see cref="OutlierFactor"/> times the row's root mean square: of n values fewer than
/// <c>n / OutlierFactor^2</c> can be, and with them apart the root mean square of the error is at most <c>OutlierFactor / (254 sqrt(3))</c> of the row's. Which values these are depends on the row alone.
/// Tokens lie in tiles of four, then of two or one (<see cref="ActivationTile.Next"/>), each laid out as <see cref="ActivationTile"/> says.
/// </remarks>
public sealed unsafe class QuantizedActivations : IDisposable
{
    /// <summary>The largest rounded value.</summary>
    internal const int Steps = 127;

    /// <summary>How many times the root mean square of its row a value may be before it is kept as it is.</summary>
    internal const int OutlierFactor = 5;

    /// <summary>Far above the squares that single precision loses.</summary>
    private const float SmallestSum = 1e-30f;

    private readonly NativeBuffer<sbyte> _bytes;
    private readonly NativeBuffer<float> _scales;
    private readonly NativeBuffer<float> _scaledSums;
    private readonly NativeBuffer<int> _minusEightSums;
    private readonly NativeBuffer<int> _minusExcessSums;
    private readonly NativeBuffer<int> _outlierCounts;
    private readonly NativeBuffer<Outlier> _outliers;
    private readonly int _mostOutliers;

    /// <summary>Allocates room.</summary>
    /// <param name="maxTokens">The most rows a product has.</param>
    /// <param name="maxColumns">The most columns a row has.</param>
    public QuantizedActivations(int maxTokens, int maxColumns)
    {
        var rows = (maxTokens + 3) / 4 * 4;
        var blocks = (long)rows * ((maxColumns + PackedMatrix.ColumnsPerBlock - 1) / PackedMatrix.ColumnsPerBlock);
        _bytes = new NativeBuffer<sbyte>(blocks * PackedMatrix.ColumnsPerBlock);
        _scales = new NativeBuffer<float>(blocks);
        _scaledSums = new NativeBuffer<float>(blocks);
        _minusEightSums = new NativeBuffer<int>(blocks);
        _minusExcessSums = new NativeBuffer<int>(blocks);
        _outlierCounts = new NativeBuffer<int>(rows);

        // One more than there can be: the root mean square is rounded, too.
        _mostOutliers = (maxColumns / (OutlierFactor * OutlierFactor)) + 1;
        _outliers = new NativeBuffer<Outlier>((long)maxTokens * _mostOutliers);
    }

    /// <summary>The columns of the rows that were last rounded.</summary>
    public int Columns { get; private set; }

    /// <summary>How many bytes the buffers take.</summary>
    public long ByteLength =>
        _bytes.ByteLength + _scales.ByteLength + _scaledSums.ByteLength + _minusEightSums.ByteLength + _minusExcessSums.ByteLength + _outlierCounts.ByteLength + _outliers.ByteLength;

    /// <summary>Rounds rows.</summary>
    /// <param name="pool">The threads, used where there are many rows.</param>
    /// <param name="x"><c>[tokens, columns]</c>, finite.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="columns">The length of a row; a multiple of 32.</param>
    public void Fill(WorkerPool pool, float* x, int tokens, int columns)
    {
        if (columns % PackedMatrix.ColumnsPerBlock != 0 || (long)tokens * columns > _bytes.Length || tokens > _outlierCounts.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(columns), columns, $"{tokens} rows do not fit or do not fill blocks of {PackedMatrix.ColumnsPerBlock}");
        }

        Columns = columns;
        var work = new FillWork { X = x, Tokens = tokens, Columns = columns, First = Tile(0) };
        pool.Run(ref work, (tokens + 3) / 4);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _bytes.Dispose();
        _scales.Dispose();
        _scaledSums.Dispose();
        _minusEightSums.Dispose();
        _minusExcessSums.Dispose();
        _outlierCounts.Dispose();
        _outliers.Dispose();
    }

    /// <summary>The tile that begins with a token.</summary>
    internal ActivationTile Tile(int token) => At(
        new ActivationTile
        {
            Bytes = _bytes.Pointer,
            Scales = _scales.Pointer,
            ScaledSums = _scaledSums.Pointer,
            MinusEightSums = _minusEightSums.Pointer,
            MinusExcessSums = _minusExcessSums.Pointer,
            OutlierCount = _outlierCounts.Pointer,
            Outliers = _outliers.Pointer,
            MostOutliers = _mostOutliers,
        },
        token,
        Columns);

    /// <summary>The tile that begins some tokens after the first.</summary>
    internal static ActivationTile At(in ActivationTile first, int token, int columns)
    {
        var values = (long)token * columns;
        var blocks = values / PackedMatrix.ColumnsPerBlock;
        return new ActivationTile
        {
            Bytes = first.Bytes + values,
            Scales = first.Scales + blocks,
            ScaledSums = first.ScaledSums + blocks,
            MinusEightSums = first.MinusEightSums + blocks,
            MinusExcessSums = first.MinusExcessSums + blocks,
            OutlierCount = first.OutlierCount + token,
            Outliers = first.Outliers + ((long)token * first.MostOutliers),
            MostOutliers = first.MostOutliers,
        };
    }

    /// <summary>The largest value of a row that is rounded: <see cref="OutlierFactor"/> times the root mean square, squares summed in 32 lanes; infinity where the squares are too small to tell, not a number where a value is none.</summary>
    internal static float Limit(ReadOnlySpan<float> row)
    {
        fixed (float* x = row)
        {
            var s0 = Vector256<float>.Zero;
            var s1 = s0;
            var s2 = s0;
            var s3 = s0;
            for (var i = 0; i < row.Length; i += PackedMatrix.ColumnsPerBlock)
            {
                var (v0, v1, v2, v3) = (Vector256.Load(x + i), Vector256.Load(x + i + 8), Vector256.Load(x + i + 16), Vector256.Load(x + i + 24));
                s0 = Vector256.FusedMultiplyAdd(v0, v0, s0);
                s1 = Vector256.FusedMultiplyAdd(v1, v1, s1);
                s2 = Vector256.FusedMultiplyAdd(v2, v2, s2);
                s3 = Vector256.FusedMultiplyAdd(v3, v3, s3);
            }

            // Squares that vanish would make an outlier of every value, for which there is no room.
            var sum = Vector256.Sum((s0 + s1) + (s2 + s3));
            return sum <= SmallestSum ? float.PositiveInfinity : OutlierFactor * MathF.Sqrt(sum / row.Length);
        }
    }

    /// <summary>The definition, for one block.</summary>
    /// <param name="x">32 values.</param>
    /// <param name="limit">Larger values are outliers.</param>
    internal static RoundedBlock RoundBlockScalar(ReadOnlySpan<float> x, float limit)
    {
        var outliers = new float[x.Length];
        var rest = x.ToArray();
        var largest = 0f;
        for (var i = 0; i < x.Length; i++)
        {
            if (MathF.Abs(x[i]) > limit)
            {
                (outliers[i], rest[i]) = (x[i], 0f);
            }

            largest = MathF.Max(largest, MathF.Abs(rest[i]));
        }

        var inverse = largest > 0f ? Steps / largest : 0f;
        var values = Array.ConvertAll(rest, value => (int)MathF.Round(value * inverse));
        var sum = largest / Steps * values.Sum();
        Array.ForEach(outliers, value => sum += value);
        return new RoundedBlock(largest / Steps, values, outliers, sum);
    }

    /// <summary>Rounds a block of a tile's token into its place.</summary>
    /// <param name="x">The block's values.</param>
    /// <param name="limit">Larger values are outliers.</param>
    /// <param name="tile">The tile.</param>
    /// <param name="at">The place, counted in blocks.</param>
    /// <param name="token">Which of the tile's tokens.</param>
    /// <param name="column">The block's first column.</param>
    /// <param name="next">How many of the tile's outliers stand before the block, then before the next one.</param>
    private static void RoundBlock(float* x, float limit, in ActivationTile tile, int at, int token, int column, ref int next)
    {
        var v0 = Vector256.Load(x);
        var v1 = Vector256.Load(x + 8);
        var v2 = Vector256.Load(x + 16);
        var v3 = Vector256.Load(x + 24);

        // The largest of several numbers is blind to one that is none.
        var largest = float.IsNaN(limit) ? limit : Largest(v0, v1, v2, v3);
        var hasOutliers = largest > limit;
        if (hasOutliers)
        {
            v0 = Within(v0, limit);
            v1 = Within(v1, limit);
            v2 = Within(v2, limit);
            v3 = Within(v3, limit);
            largest = Largest(v0, v1, v2, v3);
        }

        var inverse = Vector256.Create(largest > 0f ? Steps / largest : 0f);
        var sum = Store(Round(v0 * inverse), Round(v1 * inverse), Round(v2 * inverse), Round(v3 * inverse), tile.Bytes + (at * PackedMatrix.ColumnsPerBlock));
        var scale = largest / Steps;
        tile.Scales[at] = scale;
        tile.MinusEightSums[at] = -8 * sum;
        tile.MinusExcessSums[at] = -AvxVnniDotProduct.Excess * sum;
        var scaledSum = scale * sum;
        for (var i = 0; hasOutliers && i < PackedMatrix.ColumnsPerBlock; i++)
        {
            if (MathF.Abs(x[i]) > limit)
            {
                OutlierAt(tile, column + i, ref next)->Values[token] = x[i];
                scaledSum += x[i];
            }
        }

        tile.ScaledSums[at] = scaledSum;
    }

    /// <summary>A tile's outlier at a column, entered in the order of the columns where it is the first there; <paramref name="next"/> is not beyond it.</summary>
    private static Outlier* OutlierAt(in ActivationTile tile, int column, ref int next)
    {
        var count = *tile.OutlierCount;
        while (next < count && tile.Outliers[next].Column < column)
        {
            next++;
        }

        var outlier = tile.Outliers + next;
        if (next == count || outlier->Column != column)
        {
            new ReadOnlySpan<Outlier>(outlier, count - next).CopyTo(new Span<Outlier>(outlier + 1, count - next));
            *outlier = new Outlier { Column = column };
            *tile.OutlierCount = count + 1;
        }

        return outlier;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector256<float> v0, Vector256<float> v1, Vector256<float> v2, Vector256<float> v3)
    {
        var max = Vector256.MaxNative(Vector256.MaxNative(Vector256.Abs(v0), Vector256.Abs(v1)), Vector256.MaxNative(Vector256.Abs(v2), Vector256.Abs(v3)));
        var half = Vector128.MaxNative(max.GetLower(), max.GetUpper());
        half = Vector128.MaxNative(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(half[0], half[1]);
    }

    /// <summary>The values within the limit, 0 in place of others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Within(Vector256<float> v, float limit) => v & Vector256.LessThanOrEqual(Vector256.Abs(v), Vector256.Create(limit));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<float> v) => Avx.IsSupported ? Avx.ConvertToVector256Int32(v) : Vector256.ConvertToInt32Native(Vector256.Round(v));

    /// <summary>Stores 32 whole numbers as bytes and returns their sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Store(Vector256<int> i0, Vector256<int> i1, Vector256<int> i2, Vector256<int> i3, sbyte* to)
    {
        if (Avx2.IsSupported)
        {
            // The instructions pack each half of the registers by itself: four bytes of each vector lie together, and are put in order at the end.
            var bytes = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(i0, i1), Avx2.PackSignedSaturate(i2, i3)).AsInt32();
            Avx2.PermuteVar8x32(bytes, Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte().Store(to);
        }
        else
        {
            Vector256.Narrow(Vector256.Narrow(i0, i1), Vector256.Narrow(i2, i3)).Store(to);
        }

        return Vector256.Sum((i0 + i1) + (i2 + i3));
    }

    private struct FillWork : IParallelWork
    {
        public float* X;
        public int Tokens;
        public int Columns;
        public ActivationTile First;

        public readonly void Execute(int start, int end)
        {
            var last = Math.Min(Tokens, end * 4);
            for (var token = start * 4; token < last;)
            {
                var count = ActivationTile.Next(Tokens - token);
                var tile = At(First, token, Columns);
                *tile.OutlierCount = 0;
                for (var t = 0; t < count; t++, token++)
                {
                    if (token >= Tokens)
                    {
                        Clear(tile, t);
                        continue;
                    }

                    var x = X + ((long)token * Columns);
                    var limit = Limit(new ReadOnlySpan<float>(x, Columns));
                    var next = 0;
                    for (var block = 0; block < Columns / PackedMatrix.ColumnsPerBlock; block++)
                    {
                        var column = block * PackedMatrix.ColumnsPerBlock;
                        RoundBlock(x + column, limit, tile, (block * count) + t, t, column, ref next);
                    }
                }
            }
        }

        /// <summary>An empty row: whatever its values are, they stand for nothing.</summary>
        private readonly void Clear(in ActivationTile tile, int row)
        {
            for (var at = row; at < Columns / PackedMatrix.ColumnsPerBlock * 4; at += 4)
            {
                (tile.Scales[at], tile.ScaledSums[at], tile.MinusEightSums[at], tile.MinusExcessSums[at]) = (0f, 0f, 0, 0);
            }
        }
    }
}
