using System.Security.Cryptography;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>Turns a source and an external id into a keyed hash (HMAC-SHA256), so that duplicates are found without either standing in the database. Owns its key.</summary>
internal sealed class DuplicateIndex : IDisposable
{
    /// <summary>128 bits leave no collision to be met.</summary>
    public const int Size = 16;

    private readonly byte[] _key = GC.AllocateArray<byte>(ProfileKey.Size, pinned: true);

    /// <summary>Takes a copy of the key.</summary>
    public DuplicateIndex(ReadOnlySpan<byte> key) => key.CopyTo(_key);

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
        var hash = HMACSHA256.HashData(_key, name);
        CryptographicOperations.ZeroMemory(name);
        return hash[..Size];
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
