using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Personalize.Core.Security;

/// <summary>
/// The ring as it stands in <c>profile.json</c>, sealed under the profile key. Plaintext, version 1: version byte; generation (i64 little-endian); whether an anchor has been made (byte); number of keys (byte);
/// for each its id (16) and the key (32), the one that seals first.
/// </summary>
internal static class KeyRingCodec
{
    private const byte FormatVersion = 1;
    private const int HeaderSize = 1 + 8 + 1 + 1;
    private const int EntrySize = ProfileKey.IdSize + ProfileKey.Size;

    /// <summary>Seals keys under the profile key.</summary>
    public static byte[] Seal(ProfileKey profileKey, Guid storeId, IReadOnlyList<ProfileKey> keys, long generation, bool anchored)
    {
        var plain = GC.AllocateArray<byte>(HeaderSize + (keys.Count * EntrySize), pinned: true);
        try
        {
            plain[0] = FormatVersion;
            BinaryPrimitives.WriteInt64LittleEndian(plain.AsSpan(1), generation);
            plain[9] = anchored ? (byte)1 : (byte)0;
            plain[10] = (byte)keys.Count;
            for (var i = 0; i < keys.Count; i++)
            {
                var entry = plain.AsSpan(HeaderSize + (i * EntrySize), EntrySize);
                keys[i].Id.CopyTo(entry);
                keys[i].Write(entry[ProfileKey.IdSize..]);
            }

            using var box = profileKey.CreateBox(KeyPurpose.KeyRing, storeId, "profile.json");
            return box.Seal(plain, PlaceOf(profileKey));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>Opens a ring; null where it was changed, or sealed under another profile key.</summary>
    public static (KeyRing Ring, bool Anchored)? Open(ProfileKey profileKey, Guid storeId, ReadOnlySpan<byte> sealedRing)
    {
        using var box = profileKey.CreateBox(KeyPurpose.KeyRing, storeId, "profile.json");
        if (!box.TryOpen(sealedRing, PlaceOf(profileKey), out var plain, out _))
        {
            return null;
        }

        try
        {
            if (plain.Length < HeaderSize || plain[0] != FormatVersion || plain[10] is 0 or > KeyRing.MaximumKeys || plain.Length != HeaderSize + (plain[10] * EntrySize))
            {
                return null;
            }

            var keys = new ProfileKey[plain[10]];
            for (var i = 0; i < keys.Length; i++)
            {
                var entry = plain.AsSpan(HeaderSize + (i * EntrySize), EntrySize);
                keys[i] = new ProfileKey(entry[ProfileKey.IdSize..], entry[..ProfileKey.IdSize]);
            }

            return (new KeyRing(keys, BinaryPrimitives.ReadInt64LittleEndian(plain.AsSpan(1))), plain[9] != 0);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private static SealContext PlaceOf(ProfileKey profileKey) => new("profile", Convert.ToHexStringLower(profileKey.Id), "key-ring", FormatVersion);
}
