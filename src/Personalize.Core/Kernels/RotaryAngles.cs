namespace Personalize.Core.Kernels;

/// <summary>
/// The rotary angles of a few consecutive positions of a stream, computed when they are needed: a chunk's, wherever it stands. The same bits as <see cref="RotaryTable"/>, without a table
/// as long as the stream.
/// </summary>
/// <remarks>Not thread-safe while it moves; <see cref="Apply"/> alone may run on several threads.</remarks>
public sealed unsafe class RotaryAngles : IDisposable
{
    private readonly double[] _frequencies;
    private readonly NativeBuffer<float> _cosSin;
    private readonly int _headDimension;
    private int _count;

    /// <summary>Makes room; <see cref="MoveTo"/> fills it.</summary>
    /// <param name="headDimension">The size of a head.</param>
    /// <param name="rotaryDimension">How many leading elements of a head are rotated; even, at most the head's size.</param>
    /// <param name="frequencyBase">The base of the angles.</param>
    /// <param name="factors">A divisor for each pair (long-context scaling), or empty.</param>
    /// <param name="room">How many positions are needed at once.</param>
    public RotaryAngles(int headDimension, int rotaryDimension, float frequencyBase, ReadOnlySpan<float> factors, int room)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(room);
        _frequencies = RotaryRotation.Frequencies(headDimension, rotaryDimension, frequencyBase, factors);
        _headDimension = headDimension;
        Room = room;
        _cosSin = new NativeBuffer<float>((long)room * 2 * _frequencies.Length);
    }

    /// <summary>How many positions are needed at once.</summary>
    public int Room { get; }

    /// <summary>How many bytes the angles take.</summary>
    public long ByteLength => _cosSin.ByteLength;

    /// <summary>Computes the angles of consecutive positions.</summary>
    /// <param name="firstPosition">The first position, counted from 0.</param>
    /// <param name="count">How many positions, at most <see cref="Room"/>.</param>
    public void MoveTo(int firstPosition, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstPosition);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Math.Min(Room, int.MaxValue - firstPosition));
        for (var i = 0; i < count; i++)
        {
            RotaryRotation.Fill(_frequencies, firstPosition + i, Row(i));
        }

        _count = count;
    }

    /// <summary>Rotates consecutive heads in place.</summary>
    /// <param name="x"><c>[heads, headDim]</c>.</param>
    /// <param name="heads">How many heads there are.</param>
    /// <param name="index">The position, counted from the first that <see cref="MoveTo"/> was given.</param>
    public void Apply(float* x, int heads, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _count);
        RotaryRotation.Rotate(Row(index), _frequencies.Length, _headDimension, x, heads, 1f);
    }

    /// <inheritdoc/>
    public void Dispose() => _cosSin.Dispose();

    private float* Row(int index) => _cosSin.Pointer + ((long)index * 2 * _frequencies.Length);
}
