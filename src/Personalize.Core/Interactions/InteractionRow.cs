using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>A row of the table of interactions: id, timestamp, duplicate key, sealed.</summary>
internal static class InteractionRow
{
    public const string Table = "interactions";

    /// <summary>The interaction of a row, or null if anything in the row is not as it was sealed. Types are looked at one by one: a damaged row can hold anything.</summary>
    public static Interaction? Open(SqliteDataReader reader, SealedBox box, DuplicateIndex duplicates)
    {
        if (reader.GetValue(0) is not long id || reader.GetValue(1) is not long timestamp || reader.GetValue(3) is not byte[] sealedBytes
            || !box.TryOpen(sealedBytes, StoreDatabase.RowOf(Table, id), out var bytes, out _))
        {
            return null;
        }

        var whole = InteractionCodec.TryDecode(id, bytes, out var interaction)
            && interaction.Timestamp.UtcTicks == timestamp
            && SameKey(duplicates.Compute(interaction.Source, interaction.ExternalId), reader.GetValue(2) as byte[]);
        CryptographicOperations.ZeroMemory(bytes);
        return whole ? interaction : null;
    }

    private static bool SameKey(byte[]? expected, byte[]? actual)
        => expected is null || actual is null ? expected == actual : CryptographicOperations.FixedTimeEquals(expected, actual);
}
