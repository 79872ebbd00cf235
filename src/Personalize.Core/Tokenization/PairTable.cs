using System.Numerics;

namespace Personalize.Core.Tokenization;

/// <summary>A hash table from pairs of tokens to numbers, filled once. Open addressing, at most half full; the framework's dictionary hashes a 64-bit key to the exclusive or of its halves, on which pairs of tokens collide by the thousand.</summary>
internal sealed class PairTable
{
    private const long Empty = -1;
    private readonly ulong[] _keys;
    private readonly long[] _values;
    private readonly int _shift;

    /// <summary>Makes room.</summary>
    /// <param name="capacity">The most pairs that will be added.</param>
    public PairTable(int capacity)
    {
        var size = BitOperations.RoundUpToPowerOf2((uint)Math.Max(2 * capacity, 2));
        _keys = new ulong[size];
        _values = new long[size];
        _shift = 64 - BitOperations.Log2(size);
        Array.Fill(_values, Empty);
    }

    public int Count { get; private set; }

    /// <summary>All values, in no order.</summary>
    public IEnumerable<long> Values => _values.Where(value => value != Empty);

    /// <summary>Adds a pair with a number that is not negative.</summary>
    /// <returns>False where the pair is there already.</returns>
    public bool TryAdd(int left, int right, long value)
    {
        if (Count >= _keys.Length / 2)
        {
            throw new InvalidOperationException("the table is full");
        }

        var key = Key(left, right);
        var slot = FindSlot(key);
        if (_values[slot] != Empty)
        {
            return false;
        }

        _keys[slot] = key;
        _values[slot] = value;
        Count++;
        return true;
    }

    /// <summary>The number of a pair, or -1.</summary>
    public long Find(int left, int right) => _values[FindSlot(Key(left, right))];

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private int FindSlot(ulong key)
    {
        var mask = _keys.Length - 1;

        // Fibonacci hashing: the top bits of the product with 2^64 / golden ratio.
        var slot = (int)((key * 0x9E3779B97F4A7C15UL) >> _shift);
        while (_values[slot] != Empty && _keys[slot] != key)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }
}
