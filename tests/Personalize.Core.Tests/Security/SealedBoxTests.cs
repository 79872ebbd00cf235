using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Security;

public sealed class SealedBoxTests : IDisposable
{
    private static readonly Guid Store = new("00112233-4455-6677-8899-aabbccddeeff");
    private static readonly SealContext Place = new("interactions", "17", "sealed", 1);

    private readonly ProfileKey _key = ProfileKey.CreateRandom();
    private readonly SealedBox _box;

    public SealedBoxTests() => _box = _key.CreateBox(KeyPurpose.Records, Store, "profile");

    public void Dispose()
    {
        _box.Dispose();
        _key.Dispose();
    }

    [Fact]
    public void Any_bytes_come_back() => Prop.ForAll<byte[]>(bytes =>
    {
        var sealedBytes = _box.Seal(bytes, Place);
        return sealedBytes.Length == bytes.Length + SealedBox.Overhead && _box.Open(sealedBytes, Place).AsSpan().SequenceEqual(bytes);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_flipped_bit_is_noticed()
    {
        var sealedBytes = _box.Seal("some bytes"u8, Place);
        for (var bit = 0; bit < sealedBytes.Length * 8; bit++)
        {
            sealedBytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<StoreIntegrityException>(() => _box.Open(sealedBytes, Place));
            sealedBytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.Equal("some bytes"u8.ToArray(), _box.Open(sealedBytes, Place));
    }

    [Fact]
    public void Every_cut_is_noticed()
    {
        var sealedBytes = _box.Seal("some bytes"u8, Place);
        for (var length = 0; length < sealedBytes.Length; length++)
        {
            Assert.Throws<StoreIntegrityException>(() => _box.Open(sealedBytes.AsSpan(0, length), Place));
        }
    }

    [Fact]
    public void A_value_opens_only_in_its_own_place()
    {
        var sealedBytes = _box.Seal("some bytes"u8, Place);
        SealContext[] others =
        [
            Place with { Table = "consent" }, Place with { Row = "18" }, Place with { Column = "text" }, Place with { SchemaVersion = 2 }, Place with { Part = 0 },
            new("interaction", "s17", "sealed", 1), new("interactions1", "7", "sealed", 1),
        ];
        foreach (var other in others)
        {
            var thrown = Assert.Throws<StoreIntegrityException>(() => _box.Open(sealedBytes, other));
            Assert.Equal(StoreIntegrityError.NotAuthentic, thrown.Error);
            Assert.Equal(other.Row, thrown.Row);
        }
    }

    [Fact]
    public void A_value_opens_only_in_its_own_store_and_purpose()
    {
        var sealedBytes = _box.Seal("some bytes"u8, Place);
        using var otherStore = _key.CreateBox(KeyPurpose.Records, Guid.Empty, "profile");
        using var otherPurpose = _key.CreateBox(KeyPurpose.Adapters, Store, "profile");
        using var otherKey = ProfileKey.CreateRandom();
        using var otherBox = otherKey.CreateBox(KeyPurpose.Records, Store, "profile");
        foreach (var box in new[] { otherStore, otherPurpose, otherBox })
        {
            Assert.Throws<StoreIntegrityException>(() => box.Open(sealedBytes, Place));
        }
    }

    [Fact]
    public void No_nonce_is_used_twice()
    {
        const int Count = 1000;
        var nonces = Enumerable.Range(0, Count).Select(_ => Convert.ToHexString(_box.Seal([], Place).AsSpan(SealedBox.HeaderSize, AuthenticatedCipher.NonceSize)));
        Assert.Equal(Count, nonces.Distinct().Count());
    }

    [Fact]
    public void A_used_up_key_seals_nothing_more()
    {
        using var box = _key.CreateBox(KeyPurpose.Records, Store, "profile", SealedBox.MaximumSeals - 1);
        box.Seal([], Place);
        Assert.Equal(StoreKeyError.KeyExhausted, Assert.Throws<StoreKeyException>(() => box.Seal([], Place)).Error);
    }

    [Fact]
    public void The_commitment_is_of_this_key_and_this_store()
    {
        var commitment = _key.Commit(Store);
        using var sameIdOtherKey = new ProfileKey(new byte[ProfileKey.Size], _key.Id);
        Assert.True(_key.Matches(commitment, Store));
        Assert.False(_key.Matches(commitment, Guid.Empty));
        Assert.False(sameIdOtherKey.Matches(commitment, Store));
    }
}
