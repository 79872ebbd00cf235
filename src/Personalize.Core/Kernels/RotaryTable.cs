namespace Personalize.Core.Kernels;

/// <summary>
/// Rotary position embedding (arXiv 2104.09864) over half-split pairs: elements i and i + d/2 of a head are rotated by the angle
/// <c>position * base^(-2i/d) / factor_i</c>. Queries and keys of files with adjacent pairs are un-permuted when they are packed, so this one order serves all families.
/// </summary>
/// <remarks>Angles are computed in double precision. Read-only after construction and safe to share between threads. <see cref="RotaryAngles"/> is for streams, which have no last position.</remarks>
public sealed unsafe class RotaryTable : IDisposable
{
    private readonly NativeBuffer<float> _cosSin;
    private readonly int _headDimension;
    private readonly int _pairs;

    /// <summary>Computes the table.</summary>
    /// <param name="headDimension">The size of a head.</param>
    /// <param name="rotaryDimension">How many leading elements of a head are rotated; even, at most the head's size.</param>
    /// <param name="frequencyBase">The base of the angles.</param>
    /// <param name="factors">A divisor for each pair (long-context scaling), or empty.</param>
    /// <param name="positions">How many positions the table covers.</param>
    public RotaryTable(int headDimension, int rotaryDimension, float frequencyBase, ReadOnlySpan<float> factors, int positions)
    {
        var frequencies = RotaryRotation.Frequencies(headDimension, rotaryDimension, frequencyBase, factors);
        _headDimension = headDimension;
        _pairs = frequencies.Length;
        Positions = positions;
        _cosSin = new NativeBuffer<float>((long)positions * 2 * _pairs);
        for (var position = 0; position < positions; position++)
        {
            RotaryRotation.Fill(frequencies, position, _cosSin.Pointer + ((long)position * 2 * _pairs));
        }
    }

    /// <summary>How many positions the table covers.</summary>
    public int Positions { get; }

    /// <summary>Rotates consecutive heads in place by their position's angles.</summary>
    /// <param name="x"><c>[heads, headDim]</c>.</param>
    /// <param name="heads">How many heads there are.</param>
    /// <param name="position">The position, counted from 0.</param>
    public void Apply(float* x, int heads, int position) => Rotate(x, heads, position, 1f);

    /// <summary>Rotates back: the inverse, which is also the transpose, so it takes gradients through <see cref="Apply"/>.</summary>
    /// <param name="x"><c>[heads, headDim]</c>.</param>
    /// <param name="heads">How many heads there are.</param>
    /// <param name="position">The position, counted from 0.</param>
    public void ApplyInverse(float* x, int heads, int position) => Rotate(x, heads, position, -1f);

    /// <inheritdoc/>
    public void Dispose() => _cosSin.Dispose();

    private void Rotate(float* x, int heads, int position, float sign)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(position, Positions);
        RotaryRotation.Rotate(_cosSin.Pointer + ((long)position * 2 * _pairs), _pairs, _headDimension, x, heads, sign);
    }
}
