using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Activations rounded in blocks of 32, <c>q = round(x * steps / max|x|)</c> with 127 or 32258 steps, a single-precision scale a block and what sums the formats need.
/// One set of buffers, planned for the largest chunk and filled anew before each product. Not thread-safe.
/// </summary>
/// <remarks>Tokens lie in tiles of four, then two, then one (<see cref="ActivationTile.Next"/>), each laid out as <see cref="ActivationTile"/> says.</remarks>
public sealed unsafe class QuantizedActivations : IDisposable
{
    /// <summary>The largest 16-bit value: 254 times 127.</summary>
    internal const int FineSteps = 32_258;

    /// <summary>The largest 8-bit value.</summary>
    internal const int CoarseSteps = 127;

    private readonly NativeBuffer<sbyte> _bytes;
    private readonly NativeBuffer<short> _shorts;
    private readonly NativeBuffer<float> _scales;
    private readonly NativeBuffer<float> _scaledSums;
    private readonly NativeBuffer<int> _eightSums;

    /// <summary>Allocates room.</summary>
    /// <param name="maxTokens">The most rows a product has.</param>
    /// <param name="maxColumns">The most columns a row has.</param>
    public QuantizedActivations(int maxTokens, int maxColumns)
    {
        var blocks = (maxColumns + PackedMatrix.ColumnsPerBlock - 1) / PackedMatrix.ColumnsPerBlock;
        _bytes = new NativeBuffer<sbyte>((long)maxTokens * blocks * PackedMatrix.ColumnsPerBlock);
        _shorts = new NativeBuffer<short>(_bytes.Length);
        _scales = new NativeBuffer<float>((long)maxTokens * blocks);
        _scaledSums = new NativeBuffer<float>(_scales.Length);
        _eightSums = new NativeBuffer<int>(_scales.Length);
    }

    /// <summary>The columns of the rows that were last rounded.</summary>
    public int Columns { get; private set; }

    /// <summary>How the rows were last rounded.</summary>
    public ActivationRounding Rounding { get; private set; }

    /// <summary>How many bytes the buffers take.</summary>
    public long ByteLength => _bytes.ByteLength + _shorts.ByteLength + _scales.ByteLength + _scaledSums.ByteLength + _eightSums.ByteLength;

    /// <summary>Rounds rows.</summary>
    /// <param name="pool">The threads, used where there are many rows.</param>
    /// <param name="x"><c>[tokens, columns]</c>, finite.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="columns">The length of a row; a multiple of 32.</param>
    /// <param name="rounding">How finely.</param>
    public void Fill(WorkerPool pool, float* x, int tokens, int columns, ActivationRounding rounding)
    {
        if (columns % PackedMatrix.ColumnsPerBlock != 0 || (long)tokens * columns > _bytes.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(columns), columns, $"{tokens} rows do not fit or do not fill blocks of {PackedMatrix.ColumnsPerBlock}");
        }

        Columns = columns;
        Rounding = rounding;
        var work = new FillWork { X = x, Tokens = tokens, Columns = columns, Rounding = rounding, First = Tile(0) };
        pool.Run(ref work, (tokens + 3) / 4);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _bytes.Dispose();
        _shorts.Dispose();
        _scales.Dispose();
        _scaledSums.Dispose();
        _eightSums.Dispose();
    }

    /// <summary>The tile that begins with a token.</summary>
    internal ActivationTile Tile(int token) => At(new ActivationTile { Bytes = _bytes.Pointer, Shorts = _shorts.Pointer, Scales = _scales.Pointer, ScaledSums = _scaledSums.Pointer, EightSums = _eightSums.Pointer }, token, Columns);

    /// <summary>The tile that begins some tokens after the first.</summary>
    internal static ActivationTile At(in ActivationTile first, int token, int columns)
    {
        var values = (long)token * columns;
        var blocks = values / PackedMatrix.ColumnsPerBlock;
        return new ActivationTile
        {
            Bytes = first.Bytes + values,
            Shorts = first.Shorts + values,
            Scales = first.Scales + blocks,
            ScaledSums = first.ScaledSums + blocks,
            EightSums = first.EightSums + blocks,
        };
    }

    /// <summary>The definition, for one block; returns the scale and the sum of the rounded values.</summary>
    internal static (float Scale, int Sum) RoundBlockScalar(ReadOnlySpan<float> x, int steps, Span<int> rounded)
    {
        var largest = 0f;
        foreach (var value in x)
        {
            largest = MathF.Max(largest, MathF.Abs(value));
        }

        var inverse = largest > 0f ? steps / largest : 0f;
        var sum = 0;
        for (var i = 0; i < x.Length; i++)
        {
            rounded[i] = (int)MathF.Round(x[i] * inverse);
            sum += rounded[i];
        }

        return (largest / steps, sum);
    }

    /// <summary>Rounds a block into its place <paramref name="at"/>, counted in blocks, of a tile.</summary>
    internal static void RoundBlock(float* x, ActivationRounding rounding, in ActivationTile tile, int at)
    {
        var v0 = Vector256.Load(x);
        var v1 = Vector256.Load(x + 8);
        var v2 = Vector256.Load(x + 16);
        var v3 = Vector256.Load(x + 24);
        var max = Vector256.Max(Vector256.Max(Vector256.Abs(v0), Vector256.Abs(v1)), Vector256.Max(Vector256.Abs(v2), Vector256.Abs(v3)));
        var half = Vector128.Max(max.GetLower(), max.GetUpper());
        half = Vector128.Max(half, Vector128.Shuffle(half, Vector128.Create(2, 3, 0, 1)));
        var largest = MathF.Max(half[0], half[1]);
        var steps = (float)(rounding == ActivationRounding.EightBits ? CoarseSteps : FineSteps);
        var inverse = Vector256.Create(largest > 0f ? steps / largest : 0f);
        var q0 = Round(v0 * inverse);
        var q1 = Round(v1 * inverse);
        var q2 = Round(v2 * inverse);
        var q3 = Round(v3 * inverse);
        var sum = Vector256.Sum((q0 + q1) + (q2 + q3));
        var scale = largest / steps;
        tile.Scales[at] = scale;
        tile.ScaledSums[at] = scale * sum;
        tile.EightSums[at] = 8 * sum;
        var low = Narrow(q0, q1);
        var high = Narrow(q2, q3);
        if (rounding == ActivationRounding.EightBits)
        {
            Narrow(low, high).Store(tile.Bytes + (at * PackedMatrix.ColumnsPerBlock));
        }

        ExchangeMiddles(low).Store(tile.Shorts + (at * PackedMatrix.ColumnsPerBlock));
        ExchangeMiddles(high).Store(tile.Shorts + (at * PackedMatrix.ColumnsPerBlock) + 16);
    }

    /// <summary>Numbers that fit in half as many bits, in their order: the instruction packs each half of the registers by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Narrow(Vector256<int> first, Vector256<int> second) =>
        Avx2.IsSupported ? Avx2.Permute4x64(Avx2.PackSignedSaturate(first, second).AsInt64(), 0b11_01_10_00).AsInt16() : Vector256.Narrow(first, second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Narrow(Vector256<short> first, Vector256<short> second) =>
        Avx2.IsSupported ? Avx2.Permute4x64(Avx2.PackSignedSaturate(first, second).AsInt64(), 0b11_01_10_00).AsSByte() : Vector256.Narrow(first, second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<float> v) => Vector256.ConvertToInt32Native(Vector256.Round(v));

    /// <summary>The order 0, 2, 1, 3 in each four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> ExchangeMiddles(Vector256<short> v) =>
        Avx2.IsSupported ? Avx2.ShuffleHigh(Avx2.ShuffleLow(v, 0b11_01_10_00), 0b11_01_10_00) : Vector256.Shuffle(v, Vector256.Create((short)0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15));

    private struct FillWork : IParallelWork
    {
        public float* X;
        public int Tokens;
        public int Columns;
        public ActivationRounding Rounding;
        public ActivationTile First;

        public readonly void Execute(int start, int end)
        {
            var last = Math.Min(Tokens, end * 4);
            for (var token = start * 4; token < last;)
            {
                var count = ActivationTile.Next(Tokens - token);
                var tile = At(First, token, Columns);
                for (var t = 0; t < count; t++, token++)
                {
                    var x = X + ((long)token * Columns);
                    for (var block = 0; block < Columns / PackedMatrix.ColumnsPerBlock; block++)
                    {
                        RoundBlock(x + (block * PackedMatrix.ColumnsPerBlock), Rounding, tile, (block * count) + t);
                    }
                }
            }
        }
    }
}
