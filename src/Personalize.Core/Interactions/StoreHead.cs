using System.Buffers.Binary;

namespace Personalize.Core.Interactions;

/// <summary>
/// What the store says of itself, sealed in a row that every commit writes anew: how many commits there were, how many rows there are and which, the last id given, what the key has sealed. Plaintext, version 1: version byte; sequence,
/// interactions, consent entries, last id, seals, lost, redacted (each i64 little-endian); the sets of interactions and of consent entries (32 each).
/// </summary>
internal sealed record StoreHead
{
    private const byte FormatVersion = 1;
    private const int EncodedSize = 1 + (7 * 8) + (2 * RowSet.Size);

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

    public RowSet Rows { get; init; }

    public RowSet ConsentRows { get; init; }

    public byte[] Encode()
    {
        var bytes = new byte[EncodedSize];
        bytes[0] = FormatVersion;
        var rest = bytes.AsSpan(1);
        foreach (var value in (ReadOnlySpan<long>)[Sequence, Count, ConsentCount, LastId, Seals, Lost, Redacted])
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
        if (bytes.Length != EncodedSize || bytes[0] != FormatVersion)
        {
            return null;
        }

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
            Rows = RowSet.Read(bytes[56..]),
            ConsentRows = RowSet.Read(bytes[(56 + RowSet.Size)..]),
        };
    }
}
