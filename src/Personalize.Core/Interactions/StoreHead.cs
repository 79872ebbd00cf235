using System.Buffers.Binary;

namespace Personalize.Core.Interactions;

/// <summary>
/// What the store says of itself, sealed in a row that every commit writes anew: how many commits there were, how many rows there are and which, the last id given, what the key has sealed. Plaintext, version 2: version byte; sequence,
/// interactions, consent entries, last id, seals, lost, redacted, settled (each i64 little-endian); the sets of interactions and of consent entries (32 each). Version 1 had no settled.
/// </summary>
internal sealed record StoreHead
{
    private const byte FormatVersion = 2;
    private const byte FormatWithoutSettled = 1;
    private const int EncodedSize = 1 + (8 * 8) + (2 * RowSet.Size);

    /// <summary>The number of the commit that wrote it.</summary>
    public long Sequence { get; init; }

    public long Count { get; init; }

    public long ConsentCount { get; init; }

    public long LastId { get; init; }

    /// <summary>How many values the key that sealed this head has sealed, this one included.</summary>
    public long Seals { get; init; }

    /// <summary>How many interactions were found missing or damaged and given up.</summary>
    public long Lost { get; init; }

    /// <summary>How many secrets were taken out of texts before they were stored.</summary>
    public long Redacted { get; init; }

    /// <summary>Up to which id the duplicate keys of the rows stand in the table of those that are taken.</summary>
    public long Settled { get; init; }

    public RowSet Rows { get; init; }

    public RowSet ConsentRows { get; init; }

    public byte[] Encode()
    {
        var bytes = new byte[EncodedSize];
        bytes[0] = FormatVersion;
        var rest = bytes.AsSpan(1);
        foreach (var value in (ReadOnlySpan<long>)[Sequence, Count, ConsentCount, LastId, Seals, Lost, Redacted, Settled])
        {
            BinaryPrimitives.WriteInt64LittleEndian(rest, value);
            rest = rest[8..];
        }

        Rows.Write(rest);
        ConsentRows.Write(rest[RowSet.Size..]);
        return bytes;
    }

    public static StoreHead? TryDecode(ReadOnlySpan<byte> bytes)
    {
        var hasSettled = bytes.Length == EncodedSize && bytes[0] == FormatVersion;
        if (!hasSettled && (bytes.Length != EncodedSize - 8 || bytes[0] != FormatWithoutSettled))
        {
            return null;
        }

        var sets = bytes[^(2 * RowSet.Size)..];
        bytes = bytes[1..];
        return new StoreHead
        {
            Sequence = BinaryPrimitives.ReadInt64LittleEndian(bytes),
            Count = BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]),
            ConsentCount = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            LastId = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            Seals = BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            Lost = BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            Redacted = BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]),
            Settled = hasSettled ? BinaryPrimitives.ReadInt64LittleEndian(bytes[56..]) : 0,
            Rows = RowSet.Read(sets),
            ConsentRows = RowSet.Read(sets[RowSet.Size..]),
        };
    }
}
