using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// A file beside the key that says how far the store has come, so that a database or a key ring that was put back to an earlier state is noticed. It is written after a commit, so it never runs ahead; after a power cut it may lag behind, and a
/// database that is ahead of it is accepted. Two slots of 128 bytes are written in turn, so that one that is torn leaves the other. A slot: <c>PSLANCH</c>, version 1, store id (16), key id (16), generation (i64 little-endian), sequence (i64),
/// SHA-256 of the sealed head (32), HMAC-SHA256 (32) of all before, zeros. Not thread-safe; owns the file.
/// </summary>
internal sealed class RollbackAnchor : IDisposable
{
    private const int SlotSize = 128;
    private const int KeyIdOffset = 24;
    private const int GenerationOffset = KeyIdOffset + ProfileKey.IdSize;
    private const int SequenceOffset = GenerationOffset + 8;
    private const int HeadOffset = SequenceOffset + 8;
    private const int MacOffset = HeadOffset + 32;
    private const int MacSize = 32;

    private readonly string _path;
    private readonly Guid _storeId;
    private readonly KeyRing _ring;
    private SafeFileHandle? _file;
    private int _slot;

    public RollbackAnchor(string path, Guid storeId, KeyRing ring) => (_path, _storeId, _ring) = (path, storeId, ring.Share());

    public string Path => _path;

    public bool Exists => File.Exists(_path);

    private static ReadOnlySpan<byte> Magic => "PSLANCH\u0001"u8;

    /// <summary>The furthest state that a whole slot tells of; null where the file is gone, or no slot is authentic under a key of the ring.</summary>
    /// <exception cref="ProfileAccessException">The file cannot be read.</exception>
    public AnchorState? Read()
    {
        var bytes = new byte[2 * SlotSize];
        try
        {
            using var file = File.OpenHandle(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            _ = RandomAccess.Read(file, bytes, 0);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(_path, exception, writing: false);
        }

        var first = TryParse(bytes.AsSpan(0, SlotSize));
        var second = TryParse(bytes.AsSpan(SlotSize));
        var secondIsNewer = second is not null && (first is null || second.Sequence > first.Sequence || (second.Sequence == first.Sequence && second.Generation > first.Generation));

        // The next write goes into the other slot.
        _slot = secondIsNewer ? 0 : 1;
        return secondIsNewer ? second : first;
    }

    /// <summary>Makes the file anew with both slots in this state; durable when it returns.</summary>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public void Create(AnchorState state)
    {
        _file?.Dispose();
        _file = null;
        var slot = Encode(state);
        DurableFile.Write(_path, stream =>
        {
            stream.Write(slot);
            stream.Write(slot);
        });
    }

    /// <summary>Writes a state into the slot that is due. Not flushed to the device: what the process wrote survives its kill, and after a power cut an older state is as good a lower bound.</summary>
    /// <returns>False where the file system refused: the anchor then lags behind, which weakens nothing that it said before.</returns>
    public bool TryAdvance(AnchorState state)
    {
        try
        {
            _file ??= File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.Write(_file, Encode(state), _slot * SlotSize);
            _slot ^= 1;
            return true;
        }
        catch (Exception exception) when (FileSystemFaults.IsFault(exception))
        {
            return false;
        }
    }

    public void Dispose()
    {
        if (_file is not null)
        {
            try
            {
                RandomAccess.FlushToDisk(_file);
            }
            catch (IOException)
            {
                // Then it is as old as after a power cut.
            }

            _file.Dispose();
        }

        _ring.Dispose();
    }

    private byte[] Encode(AnchorState state)
    {
        var slot = new byte[SlotSize];
        var keyId = _ring.PrimaryId;
        Magic.CopyTo(slot);
        _storeId.TryWriteBytes(slot.AsSpan(8), bigEndian: true, out _);
        keyId.CopyTo(slot, KeyIdOffset);
        BinaryPrimitives.WriteInt64LittleEndian(slot.AsSpan(GenerationOffset), state.Generation);
        BinaryPrimitives.WriteInt64LittleEndian(slot.AsSpan(SequenceOffset), state.Sequence);
        state.Head.CopyTo(slot, HeadOffset);
        TryMac(slot, slot.AsSpan(MacOffset, MacSize));
        return slot;
    }

    private AnchorState? TryParse(ReadOnlySpan<byte> slot)
    {
        Span<byte> mac = stackalloc byte[MacSize];
        return slot.StartsWith(Magic)
            && new Guid(slot.Slice(8, 16), bigEndian: true) == _storeId
            && TryMac(slot, mac)
            && CryptographicOperations.FixedTimeEquals(mac, slot.Slice(MacOffset, MacSize))
                ? new AnchorState(BinaryPrimitives.ReadInt64LittleEndian(slot[GenerationOffset..]), BinaryPrimitives.ReadInt64LittleEndian(slot[SequenceOffset..]), slot.Slice(HeadOffset, 32).ToArray())
                : null;
    }

    private bool TryMac(ReadOnlySpan<byte> slot, Span<byte> mac)
    {
        Span<byte> key = stackalloc byte[ProfileKey.Size];
        if (!_ring.TryDerive(slot.Slice(KeyIdOffset, ProfileKey.IdSize), KeyPurpose.Anchor, key))
        {
            return false;
        }

        HMACSHA256.HashData(key, slot[..MacOffset], mac);
        CryptographicOperations.ZeroMemory(key);
        return true;
    }
}
