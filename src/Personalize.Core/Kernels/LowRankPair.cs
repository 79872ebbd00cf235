using System.Runtime.Intrinsics;
using Personalize.Core.Adapters;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// A pair of an adapter in the layout that serves: A transposed to <c>[in, rank]</c>, B in groups of eight rows <c>[groups, rank, 8]</c> with the scale folded in; the rank padded with zeros to a multiple of eight.
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
    public long ByteLength => _down.ByteLength + _up.ByteLength + (_rowScale?.ByteLength ?? 0);

    /// <summary>The factor of each output before the bias, <c>[out]</c>; null without DoRA.</summary>
    internal float* RowScale => _rowScale is null ? null : _rowScale.Pointer;

    internal LowRankTerm Term => new((nint)_down.Pointer, (nint)_up.Pointer, Rank);

    /// <inheritdoc/>
    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
        _rowScale?.Dispose();
    }

    /// <summary>
    /// A part of <c>h[rank] = A x</c> for one token: the columns of one of <see cref="DownParts"/> equal runs, in four partial sums a lane. The parts are added in order wherever h is used,
    /// so h is the same however many tokens and threads there are.
    /// </summary>
    internal static void Down(in LowRankTerm term, float* x, int inputSize, int part, float* h)
    {
        var first = (int)((long)inputSize * part / DownParts);
        var end = (int)((long)inputSize * (part + 1) / DownParts);
        for (var lane = 0; lane < term.Rank; lane += Lanes)
        {
            var a = (float*)term.Down + ((long)first * term.Rank) + lane;
            var s0 = Vector256<float>.Zero;
            var s1 = s0;
            var s2 = s0;
            var s3 = s0;
            var k = first;
            for (; k + 4 <= end; k += 4, a += 4 * term.Rank)
            {
                s0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k]), Vector256.Load(a), s0);
                s1 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k + 1]), Vector256.Load(a + term.Rank), s1);
                s2 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k + 2]), Vector256.Load(a + (2 * term.Rank)), s2);
                s3 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k + 3]), Vector256.Load(a + (3 * term.Rank)), s3);
            }

            for (; k < end; k++, a += term.Rank)
            {
                s0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[k]), Vector256.Load(a), s0);
            }

            ((s0 + s1) + (s2 + s3)).Store(h + lane);
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

    /// <summary>Adds the pair's part to eight outputs of one token.</summary>
    internal static Vector256<float> Up(in LowRankTerm term, float* h, int group, Vector256<float> y)
    {
        var b = (float*)term.Up + ((long)group * Lanes * term.Rank);
        for (var r = 0; r < term.Rank; r++)
        {
            y = Vector256.FusedMultiplyAdd(Vector256.Create(h[r]), Vector256.Load(b + (r * Lanes)), y);
        }

        return y;
    }
}
