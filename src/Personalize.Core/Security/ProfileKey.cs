using System.Security.Cryptography;
using System.Text;

namespace Personalize.Core.Security;

/// <summary>A 32-byte key with a name, and what is derived from it: the profile key, which opens the ring, or an epoch key of the ring. It stands in pinned memory, so that the collector leaves no copies, and is cleared when disposed.</summary>
internal sealed class ProfileKey : IDisposable
{
    public const int Size = KeyDerivation.KeySize;

    public const int IdSize = 16;

    public const int CommitmentSize = 32;

    private readonly byte[] _key = GC.AllocateArray<byte>(Size, pinned: true);

    /// <summary>Takes a copy of <paramref name="key"/>; the caller clears the original.</summary>
    public ProfileKey(ReadOnlySpan<byte> key, ReadOnlySpan<byte> id)
    {
        key.CopyTo(_key);
        Id = id.ToArray();
    }

    /// <summary>A random, public name of the key.</summary>
    public byte[] Id { get; }

    public static ProfileKey CreateRandom()
    {
        Span<byte> key = stackalloc byte[Size];
        Span<byte> id = stackalloc byte[IdSize];
        RandomNumberGenerator.Fill(key);
        RandomNumberGenerator.Fill(id);
        var created = new ProfileKey(key, id);
        CryptographicOperations.ZeroMemory(key);
        return created;
    }

    /// <summary>The box of one purpose under this key alone.</summary>
    public SealedBox CreateBox(KeyPurpose purpose, Guid storeId, string path, long sealsSoFar = 0)
    {
        using var ring = new KeyRing([Copy()], generation: 0);
        return new SealedBox(ring, purpose, storeId, path, sealsSoFar);
    }

    public ProfileKey Copy() => new(_key, Id);

    public void Write(Span<byte> destination) => _key.CopyTo(destination);

    /// <summary>The sub-key of one purpose: HKDF-SHA256(key, salt = key id, info = label).</summary>
    public void Derive(KeyPurpose purpose, Span<byte> subKey) => KeyDerivation.Hkdf(_key, Id, purpose switch
    {
        KeyPurpose.Records => "personalize/1/records"u8,
        KeyPurpose.RecordIndex => "personalize/1/record-index"u8,
        KeyPurpose.Adapters => "personalize/1/adapters"u8,
        KeyPurpose.Checkpoints => "personalize/1/checkpoints"u8,
        KeyPurpose.Conversations => "personalize/1/conversations"u8,
        KeyPurpose.PrivacyLedger => "personalize/1/privacy-ledger"u8,
        KeyPurpose.RecordSet => "personalize/1/record-set"u8,
        KeyPurpose.Anchor => "personalize/1/anchor"u8,
        KeyPurpose.KeyRing => "personalize/1/key-ring"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(purpose), purpose, "an unknown purpose"),
    }, subKey);

    /// <summary>A public value that only this key gives for this store: without it a crafted file could open under two keys.</summary>
    public byte[] Commit(Guid storeId)
    {
        var commitment = new byte[CommitmentSize];
        var info = Encoding.ASCII.GetBytes("personalize/1/commitment/" + storeId.ToString("N"));
        KeyDerivation.Hkdf(_key, Id, info, commitment);
        return commitment;
    }

    public bool Matches(ReadOnlySpan<byte> commitment, Guid storeId) => CryptographicOperations.FixedTimeEquals(commitment, Commit(storeId));

    public byte[] Wrap(IKeyProtector protector, ReadOnlySpan<byte> associatedData) => protector.Wrap(_key, associatedData);

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}
