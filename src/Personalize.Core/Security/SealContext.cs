using System.Buffers.Binary;
using System.Text;

namespace Personalize.Core.Security;

/// <summary>
/// Where a sealed value stands. It is authenticated with the value, so a value that is moved to another row, column, table or file no longer opens.
/// The box adds the profile's store id and the key's id.
/// </summary>
/// <param name="Table">The table or the kind of file.</param>
/// <param name="Row">The row's id or the entry's name.</param>
/// <param name="Column">The column or the part of the entry.</param>
/// <param name="SchemaVersion">The version of the layout of what is sealed.</param>
public readonly record struct SealContext(string Table, string Row, string Column, int SchemaVersion)
{
    /// <summary>Which part of a sealed stream this is; -1 for a value that is sealed as a whole.</summary>
    internal long Part { get; init; } = -1;

    /// <summary>The bytes that are authenticated: every string with its length before it, so that no two contexts share an encoding.</summary>
    internal byte[] Encode(ReadOnlySpan<byte> storeId, ReadOnlySpan<byte> keyId)
    {
        var encoding = Encoding.UTF8;
        var size = (4 * 3) + encoding.GetByteCount(Table) + encoding.GetByteCount(Row) + encoding.GetByteCount(Column) + 4 + 8 + storeId.Length + keyId.Length;
        var bytes = new byte[size];
        var rest = bytes.AsSpan();
        storeId.CopyTo(rest);
        rest = rest[storeId.Length..];
        keyId.CopyTo(rest);
        rest = rest[keyId.Length..];
        BinaryPrimitives.WriteInt32LittleEndian(rest, SchemaVersion);
        BinaryPrimitives.WriteInt64LittleEndian(rest[4..], Part);
        rest = rest[12..];
        foreach (var text in (ReadOnlySpan<string>)[Table, Row, Column])
        {
            var length = encoding.GetBytes(text, rest[4..]);
            BinaryPrimitives.WriteInt32LittleEndian(rest, length);
            rest = rest[(4 + length)..];
        }

        return bytes;
    }
}
