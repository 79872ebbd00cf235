using System.Buffers.Binary;
using System.Security.Cryptography;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>
/// A keyed hash of a set of rows that does not depend on their order and follows single additions and removals: the sum of HMAC-SHA256(key, table, id, nonce, tag) over the rows, modulo 2^256
/// (MSet-Add-Hash, Clarke, Devadas, van Dijk, Gassend, Suh 2003). It is only safe unseen: whoever knows the sums can look for other sets of the same sum. So it stands sealed, in the head.
/// </summary>
internal struct RowSet : IEquatable<RowSet>
{
    public const int Size = 32;

    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public static RowSet Read(ReadOnlySpan<byte> bytes) => new()
    {
        _a = BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        _b = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        _c = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
        _d = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
    };

    /// <summary>What one row adds. A sealed value's nonce and tag stand for all of it: what was sealed again has others, and a change of the rest is noticed when it is opened.</summary>
    public static RowSet Of(IncrementalHash keyed, byte table, long id, ReadOnlySpan<byte> sealedBytes)
    {
        Span<byte> row = stackalloc byte[1 + 8 + AuthenticatedCipher.Overhead];
        row.Clear();
        row[0] = table;
        BinaryPrimitives.WriteInt64LittleEndian(row[1..], id);
        if (sealedBytes.Length >= SealedBox.Overhead)
        {
            sealedBytes.Slice(SealedBox.HeaderSize, AuthenticatedCipher.NonceSize).CopyTo(row[9..]);
            sealedBytes[^AuthenticatedCipher.TagSize..].CopyTo(row[(9 + AuthenticatedCipher.NonceSize)..]);
        }

        Span<byte> hash = stackalloc byte[Size];
        keyed.AppendData(row);
        keyed.GetHashAndReset(hash);
        return Read(hash);
    }

    public readonly void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, _a);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], _b);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], _c);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], _d);
    }

    public void Add(RowSet other)
    {
        var low = new UInt128(_b, _a);
        var sum = unchecked(low + new UInt128(other._b, other._a));
        var high = unchecked(new UInt128(_d, _c) + new UInt128(other._d, other._c) + (sum < low ? UInt128.One : UInt128.Zero));
        (_a, _b, _c, _d) = ((ulong)sum, (ulong)(sum >> 64), (ulong)high, (ulong)(high >> 64));
    }

    public void Subtract(RowSet other)
    {
        var low = new UInt128(_b, _a);
        var taken = new UInt128(other._b, other._a);
        var difference = unchecked(low - taken);
        var high = unchecked(new UInt128(_d, _c) - new UInt128(other._d, other._c) - (low < taken ? UInt128.One : UInt128.Zero));
        (_a, _b, _c, _d) = ((ulong)difference, (ulong)(difference >> 64), (ulong)high, (ulong)(high >> 64));
    }

    public readonly bool Equals(RowSet other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    public override readonly bool Equals(object? obj) => obj is RowSet other && Equals(other);

    public override readonly int GetHashCode() => HashCode.Combine(_a, _b, _c, _d);
}
