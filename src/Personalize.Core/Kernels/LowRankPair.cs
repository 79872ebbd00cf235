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
    internal LowRankTerm Term => new((nint)_down.Pointer, (nint)_up.Pointer, IsShort: false, Rank);

    /// <summary>The pair in bfloat16: half the bytes beside weights of 4 bits, and far finer than their activations are rounded.</summary>
    internal LowRankTerm ServedTerm => new((nint)_shortDown.Pointer, (nint)_shortUp.Pointer, IsShort: true, Rank);

    /// <inheritdoc/>
    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
        _shortDown.Dispose();
        _shortUp.Dispose();
        _rowScale?.Dispose();
    }

    private static NativeBuffer<ushort> Shorten(NativeBuffer<float> source)
    {
        var target = new NativeBuffer<ushort>(source.Length);
        for (var i = 0L; i < source.Length; i += Lanes)
        {
            BFloat16Element.Store(source.Pointer + i, (byte*)(target.Pointer + i));
        }

        return target;
    }
}
