using System.Security.Cryptography;

namespace Personalize.Core.Interactions;

/// <summary>Turns a source and an external id into a keyed hash (HMAC-SHA256), so that duplicates are found without either standing in the database. Owns its key; not thread-safe.</summary>
internal sealed class DuplicateIndex : IDisposable
{
    /// <summary>128 bits leave no collision to be met.</summary>
    public const int Size = 16;

    // Keyed once: HMACSHA256.HashData looks its algorithm up anew each time, which costs more than the hash.
    private readonly IncrementalHash _hash;

    /// <summary>Takes a copy of the key, in memory of the cipher library, which clears it.</summary>
    public DuplicateIndex(ReadOnlySpan<byte> key) => _hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);

    /// <summary>16 bytes, or null for an interaction without an external id.</summary>
    public byte[]? Compute(string source, string? externalId)
    {
        if (externalId is null)
        {
            return null;
        }

        var name = new byte[RecordWriter.SizeOf(source) + RecordWriter.SizeOf(externalId)];
        var writer = new RecordWriter(name);
        writer.Write(source);
        writer.Write(externalId);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        _hash.AppendData(name);
        _hash.GetHashAndReset(hash);
        CryptographicOperations.ZeroMemory(name);
        return hash[..Size].ToArray();
    }

    public void Dispose() => _hash.Dispose();
}
