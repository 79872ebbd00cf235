using System.Security.Cryptography;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>The two keyed hashes of a store, both under the epoch key that sealed the database's identity: they change when a rotation has sealed all rows anew, in one transaction. Owns its keys; not thread-safe.</summary>
internal sealed class StoreKeys : IDisposable
{
    public const byte InteractionTable = 1;
    public const byte ConsentTable = 2;

    private readonly IncrementalHash _set;

    /// <exception cref="StoreIntegrityException">The ring does not hold the key.</exception>
    public StoreKeys(KeyRing ring, ReadOnlySpan<byte> keyId, string path)
    {
        Span<byte> indexKey = stackalloc byte[ProfileKey.Size];
        Span<byte> setKey = stackalloc byte[ProfileKey.Size];
        if (!ring.TryDerive(keyId, KeyPurpose.RecordIndex, indexKey) || !ring.TryDerive(keyId, KeyPurpose.RecordSet, setKey))
        {
            throw new StoreIntegrityException(StoreIntegrityError.ForeignDatabase, path, "is sealed under a key that this profile does not have: put this profile's own database back, or open the profile again if its key was just changed");
        }

        Duplicates = new DuplicateIndex(indexKey);
        _set = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, setKey);
        CryptographicOperations.ZeroMemory(indexKey);
        CryptographicOperations.ZeroMemory(setKey);
    }

    public DuplicateIndex Duplicates { get; }

    /// <summary>What a row adds to the set of its table.</summary>
    public RowSet Of(byte table, long id, ReadOnlySpan<byte> sealedBytes) => RowSet.Of(_set, table, id, sealedBytes);

    public void Dispose()
    {
        _set.Dispose();
        Duplicates.Dispose();
    }
}
