using System.Runtime.Intrinsics;
using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// A pair of an adapter in the layouts of the kernels: A transposed to <c>[in, rank]</c>, B in groups of eight rows <c>[groups, rank, 8]</c> with the scale folded in, the rank padded with zeros to a multiple of eight, in single precision;
/// and for integer products in 8 bits: A with a scale for each 32 columns of a row, B with one for each group, <c>[groups, rank / 4, 8, 4]</c>. That is as fine as the input is rounded.
/// With DoRA also the factor of each row, and the bias of a pair that has one.
/// Read-only after construction and safe to share between threads.
/// </summary>
public sealed unsafe class LowRankPair : IDisposable
{
    private const int Lanes = 8;
    private readonly NativeBuffer<float> _down;
    private readonly NativeBuffer<float> _up;
    private readonly PackedMatrix? _servedDown;
    private readonly NativeBuffer<byte> _servedUp;
    private readonly NativeBuffer<float> _servedUpScales;
    private readonly NativeBuffer<float>? _rowScale;
    private readonly WeightVector? _bias;

    /// <summary>Packs a pair of plain LoRA.</summary>
    /// <param name="pair">A, B and perhaps a bias.</param>
    /// <param name="scale">What the product is multiplied with.</param>
    public LowRankPair(LoraPair pair, float scale)
    {
        InputSize = pair.InputSize;
        OutputSize = pair.OutputSize;
        Rank = (pair.Rank + Lanes - 1) / Lanes * Lanes;
        _bias = pair.Bias is null ? null : new WeightVector(pair.Bias);
        _down = new NativeBuffer<float>((long)InputSize * Rank);
        _up = new NativeBuffer<float>(((long)OutputSize + PackedMatrix.RowsPerGroup - 1) / PackedMatrix.RowsPerGroup * PackedMatrix.RowsPerGroup * Rank);
        for (var r = 0; r < pair.Rank; r++)
        {
            var row = pair.A.AsSpan(r * InputSize, InputSize);
            for (var k = 0; k < row.Length; k++)
            {
                _down.Pointer[((long)k * Rank) + r] = row[k];
            }
        }

        for (var n = 0; n < OutputSize; n++)
        {
            var row = pair.B.AsSpan(n * pair.Rank, pair.Rank);
            var lane = _up.Pointer + ((long)n / Lanes * Lanes * Rank) + (n % Lanes);
            for (var r = 0; r < row.Length; r++)
            {
                lane[r * Lanes] = scale * row[r];
            }
        }

        _servedUp = new NativeBuffer<byte>(_up.Length);
        _servedUpScales = new NativeBuffer<float>(_up.Length / ((long)Lanes * Rank));
        if (InputSize % PackedMatrix.ColumnsPerBlock == 0)
        {
            _servedDown = PackDown(pair, out var factor);
            PackUp(factor);
        }
    }

    /// <summary>Packs a pair with the weight it adapts; where it has a magnitude, the factors <c>m / ||W + s B A||</c> are computed here once.</summary>
    /// <param name="pair">A, B and perhaps a magnitude and a bias.</param>
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
    public long ByteLength => _down.ByteLength + _up.ByteLength + (_servedDown?.ByteLength ?? 0) + _servedUp.ByteLength + _servedUpScales.ByteLength + (_rowScale?.ByteLength ?? 0) + (sizeof(float) * (_bias?.Length ?? 0L));

    /// <summary>The factor of each output before the bias, <c>[out]</c>; null without DoRA.</summary>
    internal float* RowScale => _rowScale is null ? null : _rowScale.Pointer;

    /// <summary>The bias that takes the place of the map's own, <c>[out]</c>; null where that stays.</summary>
    internal WeightVector? Bias => _bias;

    /// <summary>The pair in single precision, as exact arithmetic takes it.</summary>
    internal LowRankTerm Term => new((nint)_down.Pointer, (nint)_up.Pointer, Rank);

    /// <summary>The pair in 8 bits, for maps whose products are in integers; their input is a multiple of 32.</summary>
    internal ServedLowRankTerm ServedTerm => new((_servedDown ?? throw new InvalidOperationException($"an input of {InputSize} does not fill blocks of {PackedMatrix.ColumnsPerBlock}")).View, (nint)_servedUp.Pointer, (nint)_servedUpScales.Pointer);

    /// <inheritdoc/>
    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
        _servedDown?.Dispose();
        _servedUp.Dispose();
        _servedUpScales.Dispose();
        _rowScale?.Dispose();
        _bias?.Dispose();
    }

    /// <summary>Rounds A. Its largest element comes to lie between 1 and 2, so that no block's scale is below what half precision holds well; B makes up for it. By a power of two, which changes no rounding.</summary>
    private PackedMatrix PackDown(LoraPair pair, out float factor)
    {
        float largest;
        fixed (float* a = pair.A)
        {
            largest = Magnitudes.Largest(a, pair.A.Length);
        }

        factor = largest > 0f ? MathF.ScaleB(1f, MathF.ILogB(largest)) : 0f;
        var row = new float[InputSize];
        var rowBytes = (int)PackedMatrix.GetRowBytes(WeightFormat.Q8Zero, InputSize);
        var rows = new byte[Rank * rowBytes];
        for (var r = 0; r < pair.Rank && factor > 0f; r++)
        {
            for (var k = 0; k < InputSize; k++)
            {
                row[k] = pair.A[(r * InputSize) + k] / factor;
            }

            Q8_0Block.Quantize(row, rows.AsSpan(r * rowBytes, rowBytes));
        }

        return PackedMatrix.Pack(WeightFormat.Q8Zero, rows, Rank, InputSize);
    }

    private void PackUp(float factor)
    {
        var size = Lanes * Rank;
        var scaled = stackalloc float[Lanes];
        var rounded = stackalloc byte[Lanes];
        for (var group = 0L; group < _servedUpScales.Length; group++)
        {
            var from = _up.Pointer + (group * size);
            var largest = Magnitudes.Largest(from, size);
            _servedUpScales.Pointer[group] = largest / ByteElement.Steps * factor;
            var inverse = largest > 0f ? ByteElement.Steps / largest : 0f;
            for (var r = 0; r < Rank; r++)
            {
                (Vector256.Load(from + (r * Lanes)) * Vector256.Create(inverse)).Store(scaled);
                ByteElement.Store(scaled, rounded);
                for (var lane = 0; lane < Lanes; lane++)
                {
                    _servedUp.Pointer[(group * size) + (r / 4 * 4 * Lanes) + (lane * 4) + (r % 4)] = rounded[lane];
                }
            }
        }
    }
}
