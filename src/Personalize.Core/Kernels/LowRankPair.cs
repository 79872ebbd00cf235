using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Adapters;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// A pair of an adapter in the layout that serves: A transposed to <c>[in, rank]</c>, B in groups of eight rows <c>[groups, rank, 8]</c> with the scale folded in; the rank padded with zeros to a multiple of eight. Both in single precision and in bfloat16.
/// With DoRA also the factor of each row.
/// Read-only after construction and safe to share between threads.
/// </summary>
public sealed unsafe class LowRankPair : IDisposable
{
    /// <summary>Into how many parts the product with A is divided among threads.</summary>
    internal const int DownParts = 4;

    private const int Lanes = 8;
    private readonly NativeBuffer<float> _down;
    private readonly NativeBuffer<float> _up;
    private readonly NativeBuffer<ushort> _shortDown;
    private readonly NativeBuffer<ushort> _shortUp;
    private readonly NativeBuffer<float>? _rowScale;

    /// <summary>Packs a pair of plain LoRA.</summary>
    /// <param name="pair">A and B.</param>
    /// <param name="scale">What the product is multiplied with.</param>
    public LowRankPair(LoraPair pair, float scale)
    {
        InputSize = pair.InputSize;
        OutputSize = pair.OutputSize;
        Rank = (pair.Rank + Lanes - 1) / Lanes * Lanes;
        _down = new NativeBuffer<float>((long)InputSize * Rank);
        _up = new NativeBuffer<float>(((long)OutputSize + PackedMatrix.RowsPerGroup - 1) / PackedMatrix.RowsPerGroup * PackedMatrix.RowsPerGroup * Rank);
        for (var r = 0; r < pair.Rank; r++)
        {
            for (var k = 0; k < InputSize; k++)
            {
                _down.Pointer[((long)k * Rank) + r] = pair.A[(r * InputSize) + k];
            }

            for (var n = 0; n < OutputSize; n++)
            {
                _up.Pointer[((long)n / Lanes * Lanes * Rank) + (r * Lanes) + (n % Lanes)] = scale * pair.B[(n * pair.Rank) + r];
            }
        }

        _shortDown = Shorten(_down);
        _shortUp = Shorten(_up);
    }

    /// <summary>Packs a pair with the weight it adapts; where it has a magnitude, the factors <c>m / ||W + s B A||</c> are computed here once.</summary>
    /// <param name="pair">A, B and perhaps a magnitude.</param>
    /// <param name="scale">What the product is multiplied with.</param>
    /// <param name="weight">W, <c>[out, in]</c>; not kept.</param>
    /// <param name="pool">The threads that read W.</param>
    /// <exception cref="ArgumentException">The weight has other sizes than the pair.</exception>
    public LowRankPair(LoraPair pair, float scale, PackedMatrix weight, WorkerPool pool)
        : this(pair, scale)
    {
        if (weight.Rows != OutputSize || weight.Columns != InputSize)
        {
            throw new ArgumentException($"a weight of {weight.Rows} x {weight.Columns} is not one of {OutputSize} x {InputSize}", nameof(weight));
        }

        if (pair.Magnitude is not { } magnitude)
        {
            return;
        }

        _rowScale = new NativeBuffer<float>(OutputSize);
        using var squares = new NativeBuffer<double>(OutputSize);
        using var product = new NativeBuffer<float>((long)pair.Rank * OutputSize);
        using var transposed = new NativeBuffer<float>((long)pair.Rank * OutputSize);
        for (var i = 0L; i < transposed.Length; i++)
        {
            transposed.Pointer[i] = pair.B[(i % OutputSize * pair.Rank) + (i / OutputSize)];
        }

        RowNorms.Squares(pool, weight, squares.Pointer);
        fixed (float* a = pair.A)
        {
            RowNorms.Adapted(pool, weight, squares.Pointer, a, transposed.Pointer, pair.Rank, scale, product.Pointer, _rowScale.Pointer);
        }

        for (var n = 0; n < OutputSize; n++)
        {
            _rowScale.Pointer[n] = magnitude[n] / _rowScale.Pointer[n];
        }
    }

    /// <summary>The size of the adapted map's input.</summary>
    public int InputSize { get; }

    /// <summary>The size of the adapted map's output.</summary>
    public int OutputSize { get; }

    /// <summary>The rank, padded to a multiple of eight.</summary>
    public int Rank { get; }

    /// <summary>How many bytes the packed pair takes.</summary>
    public long ByteLength => _down.ByteLength + _up.ByteLength + _shortDown.ByteLength + _shortUp.ByteLength + (_rowScale?.ByteLength ?? 0);

    /// <summary>The factor of each output before the bias, <c>[out]</c>; null without DoRA.</summary>
    internal float* RowScale => _rowScale is null ? null : _rowScale.Pointer;

    /// <summary>The pair in single precision, as exact arithmetic takes it.</summary>
    internal LowRankTerm Term => new((nint)_down.Pointer, (nint)_up.Pointer, 0, 0, Rank);

    /// <summary>The pair in bfloat16: half the bytes beside weights of 4 bits, and far finer than their activations are rounded.</summary>
    internal LowRankTerm ServedTerm => new(0, 0, (nint)_shortDown.Pointer, (nint)_shortUp.Pointer, Rank);

    /// <inheritdoc/>
    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
        _shortDown.Dispose();
        _shortUp.Dispose();
        _rowScale?.Dispose();
    }

    /// <summary>
    /// A part of <c>h[rank] = A x</c> for some tokens: the columns of one of <see cref="DownParts"/> equal runs, even and odd ones apart. The parts are added in order wherever h is used,
    /// so h is the same however many tokens and threads there are.
    /// </summary>
    /// <param name="term">The pair.</param>
    /// <param name="x">The input, <c>[tokens, in]</c>.</param>
    /// <param name="inputSize">The size of the input.</param>
    /// <param name="tokens">How many tokens.</param>
    /// <param name="part">Which part.</param>
    /// <param name="h">Receives <c>[tokens, rank]</c>.</param>
    internal static void Down(in LowRankTerm term, float* x, int inputSize, int tokens, int part, float* h)
    {
        var first = (int)((long)inputSize * part / DownParts);
        var end = (int)((long)inputSize * (part + 1) / DownParts);
        for (var lane = 0; lane < term.Rank; lane += Lanes)
        {
            var token = 0;
            for (; token + 4 <= tokens; token += 4)
            {
                Down<Tiles.Four>(term, lane, x + ((long)token * inputSize), inputSize, first, end, h + ((long)token * term.Rank) + lane);
            }

            for (; token < tokens; token++)
            {
                Down<Tiles.One>(term, lane, x + ((long)token * inputSize), inputSize, first, end, h + ((long)token * term.Rank) + lane);
            }
        }
    }

    /// <summary>Adds the pair's part to whole groups of eight outputs of one or four tokens: for each eight of the rank, even and odd ones apart, <c>y += sum over r of h[r] B[r]</c>.</summary>
    /// <param name="term">The pair.</param>
    /// <param name="h">The inner products, <c>[tokens, rank]</c>.</param>
    /// <param name="group">The first group.</param>
    /// <param name="count">How many groups.</param>
    /// <param name="y">The first group's outputs of the first token.</param>
    /// <param name="stride">Elements from a token's outputs to the next one's.</param>
    /// <typeparam name="TTile">How many tokens: one or four.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Up<TTile>(in LowRankTerm term, float* h, int group, int count, float* y, long stride)
        where TTile : struct, ITile
    {
        var rank = term.Rank;
        for (var first = 0; first < rank; first += Lanes)
        {
            var at = ((long)group * rank) + first;
            var b = (float*)term.Up + (at * Lanes);
            var half = (ushort*)term.HalfUp + (at * Lanes);
            var to = y;
            for (var g = 0; g < count; g++, to += Lanes, b += rank * Lanes, half += rank * Lanes)
            {
                var e0 = Vector256<float>.Zero;
                var e1 = e0;
                var e2 = e0;
                var e3 = e0;
                var o0 = e0;
                var o1 = e0;
                var o2 = e0;
                var o3 = e0;
                for (var r = 0; r < Lanes; r += 2)
                {
                    var even = term.HalfUp == 0 ? Vector256.Load(b + (r * Lanes)) : Widen(half + (r * Lanes));
                    var odd = term.HalfUp == 0 ? Vector256.Load(b + ((r + 1) * Lanes)) : Widen(half + ((r + 1) * Lanes));
                    e0 = Vector256.FusedMultiplyAdd(Vector256.Create(h[first + r]), even, e0);
                    o0 = Vector256.FusedMultiplyAdd(Vector256.Create(h[first + r + 1]), odd, o0);
                    if (TTile.Count == 4)
                    {
                        e1 = Vector256.FusedMultiplyAdd(Vector256.Create(h[rank + first + r]), even, e1);
                        o1 = Vector256.FusedMultiplyAdd(Vector256.Create(h[rank + first + r + 1]), odd, o1);
                        e2 = Vector256.FusedMultiplyAdd(Vector256.Create(h[(2 * rank) + first + r]), even, e2);
                        o2 = Vector256.FusedMultiplyAdd(Vector256.Create(h[(2 * rank) + first + r + 1]), odd, o2);
                        e3 = Vector256.FusedMultiplyAdd(Vector256.Create(h[(3 * rank) + first + r]), even, e3);
                        o3 = Vector256.FusedMultiplyAdd(Vector256.Create(h[(3 * rank) + first + r + 1]), odd, o3);
                    }
                }

                (Vector256.Load(to) + (e0 + o0)).Store(to);
                if (TTile.Count == 4)
                {
                    (Vector256.Load(to + stride) + (e1 + o1)).Store(to + stride);
                    (Vector256.Load(to + (2 * stride)) + (e2 + o2)).Store(to + (2 * stride));
                    (Vector256.Load(to + (3 * stride)) + (e3 + o3)).Store(to + (3 * stride));
                }
            }
        }
    }

    /// <summary>Adds up the parts of h for one token.</summary>
    /// <param name="parts">The parts, <c>[parts, rank]</c>, <paramref name="stride"/> apart.</param>
    /// <param name="stride">Elements from a part to the next.</param>
    /// <param name="rank">The padded rank.</param>
    /// <param name="h">Receives the sums.</param>
    internal static void SumParts(float* parts, long stride, int rank, float* h)
    {
        for (var lane = 0; lane < rank; lane += Lanes)
        {
            var sum = Vector256.Load(parts + lane);
            for (var part = 1; part < DownParts; part++)
            {
                sum += Vector256.Load(parts + (part * stride) + lane);
            }

            sum.Store(h + lane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Down<TTile>(in LowRankTerm term, int lane, float* x, int inputSize, int first, int end, float* h)
        where TTile : struct, ITile
    {
        var rank = term.Rank;
        var a = (float*)term.Down + ((long)first * rank) + lane;
        var half = (ushort*)term.HalfDown + ((long)first * rank) + lane;
        if (Sse.IsSupported && TTile.Count == 1 && term.HalfDown != 0)
        {
            // A short piece of memory: all of it is asked for at once.
            for (var ask = half; ask < half + ((long)(end - first) * rank); ask += 32)
            {
                Sse.Prefetch0(ask);
            }
        }

        var e0 = Vector256<float>.Zero;
        var e1 = e0;
        var e2 = e0;
        var e3 = e0;
        var o0 = e0;
        var o1 = e0;
        var o2 = e0;
        var o3 = e0;
        var k = first;
        for (; k + 2 <= end; k += 2, a += 2 * rank, half += 2 * rank)
        {
            var even = term.HalfDown == 0 ? Vector256.Load(a) : Widen(half);
            var odd = term.HalfDown == 0 ? Vector256.Load(a + rank) : Widen(half + rank);
            e0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k]), even, e0);
            o0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k + 1]), odd, o0);
            if (TTile.Count == 4)
            {
                e1 = Vector256.FusedMultiplyAdd(Vector256.Create(x[inputSize + k]), even, e1);
                o1 = Vector256.FusedMultiplyAdd(Vector256.Create(x[inputSize + k + 1]), odd, o1);
                e2 = Vector256.FusedMultiplyAdd(Vector256.Create(x[(2 * inputSize) + k]), even, e2);
                o2 = Vector256.FusedMultiplyAdd(Vector256.Create(x[(2 * inputSize) + k + 1]), odd, o2);
                e3 = Vector256.FusedMultiplyAdd(Vector256.Create(x[(3 * inputSize) + k]), even, e3);
                o3 = Vector256.FusedMultiplyAdd(Vector256.Create(x[(3 * inputSize) + k + 1]), odd, o3);
            }
        }

        if (k < end)
        {
            var even = term.HalfDown == 0 ? Vector256.Load(a) : Widen(half);
            e0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k]), even, e0);
            if (TTile.Count == 4)
            {
                e1 = Vector256.FusedMultiplyAdd(Vector256.Create(x[inputSize + k]), even, e1);
                e2 = Vector256.FusedMultiplyAdd(Vector256.Create(x[(2 * inputSize) + k]), even, e2);
                e3 = Vector256.FusedMultiplyAdd(Vector256.Create(x[(3 * inputSize) + k]), even, e3);
            }
        }

        (e0 + o0).Store(h);
        if (TTile.Count == 4)
        {
            (e1 + o1).Store(h + rank);
            (e2 + o2).Store(h + (2 * rank));
            (e3 + o3).Store(h + (3 * rank));
        }
    }

    /// <summary>Eight numbers of 16 bits, the upper halves of single precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Widen(ushort* source) => (Vector256.WidenLower(Vector128.Load(source).ToVector256Unsafe()) << 16).AsSingle();

    /// <summary>Rounds to the nearest upper half, ties to even.</summary>
    private static NativeBuffer<ushort> Shorten(NativeBuffer<float> source)
    {
        var target = new NativeBuffer<ushort>(source.Length);
        for (var i = 0L; i < source.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(source.Pointer[i]);
            target.Pointer[i] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }

        return target;
    }
}
