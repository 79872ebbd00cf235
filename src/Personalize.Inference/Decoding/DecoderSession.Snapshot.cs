using System.Runtime.InteropServices;
using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.KvCache;

namespace Personalize.Inference.Decoding;

/// <summary>
/// A session as bytes: format version, byte order, the fingerprints of model and adapter, the arithmetic, the cache's description, the numbers of tokens and logits (0 where there are none), then tokens (int32), keys and values as
/// they lie in the cache, and the last token's logits (float32). Numbers are little-endian but for what lies in the cache.
/// </summary>
public sealed unsafe partial class DecoderSession
{
    /// <summary>2: keys of 8 bits have a scale for each 16 columns.</summary>
    private const int SnapshotVersion = 2;

    private const int FirstSnapshotVersion = 1;

    /// <inheritdoc/>
    void IRestorableSession.Save(Stream stream, ReadOnlySpan<int> tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(tokens.Length, Position, nameof(tokens));
        using var use = BeginUse();
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(SnapshotVersion);
        writer.Write(BitConverter.IsLittleEndian);
        writer.Write(_model.Fingerprint);
        writer.Write(_adapter?.Fingerprint ?? "");
        writer.Write((int)_precision);
        _cache.Describe(Position).Write(writer);
        writer.Write(Position);
        writer.Write(_logitsRow >= 0 ? VocabularySize : 0);
        foreach (var token in tokens)
        {
            writer.Write(token);
        }

        writer.Flush();
        _cache.Write(stream, Position);
        if (_logitsRow >= 0)
        {
            stream.Write(MemoryMarshal.AsBytes(Logits));
        }
    }

    /// <inheritdoc/>
    int[] IRestorableSession.Restore(Stream stream, string name)
    {
        using var use = BeginUse();
        Position = 0;
        _logitsRow = -1;
        _verifiedTokens = 0;
        using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        var version = reader.ReadInt32();
        Require(version <= SnapshotVersion, ConversationRestoreError.NewerVersion);
        Require(version is SnapshotVersion or FirstSnapshotVersion, ConversationRestoreError.Malformed);
        Require(reader.ReadBoolean() == BitConverter.IsLittleEndian, ConversationRestoreError.OtherLayout);
        Require(string.Equals(reader.ReadString(), _model.Fingerprint, StringComparison.Ordinal), ConversationRestoreError.OtherModel);
        Require(string.Equals(reader.ReadString(), _adapter?.Fingerprint ?? "", StringComparison.Ordinal), ConversationRestoreError.OtherAdapter);
        var precision = (ArithmeticPrecision)reader.ReadInt32();
        var saved = SavedCache.Read(reader);
        Require(version == SnapshotVersion || saved.Precision != KeyValuePrecision.EightBits, ConversationRestoreError.OtherLayout);
        var count = reader.ReadInt32();
        var logits = reader.ReadInt32();
        Require(count >= 0 && (logits == 0 || (logits == VocabularySize && count > 0)), ConversationRestoreError.Malformed);
        Require(precision == _precision && count <= ContextLength && _cache.CanTake(saved, count), ConversationRestoreError.OtherLayout);
        var tokens = new List<int>();
        for (var i = 0; i < count; i++)
        {
            tokens.Add(reader.ReadInt32());
            Require((uint)tokens[i] < (uint)VocabularySize, ConversationRestoreError.Malformed);
        }

        _cache.Read(stream, saved);
        if (logits > 0)
        {
            stream.ReadExactly(MemoryMarshal.AsBytes(new Span<float>(_logits.Pointer, VocabularySize)));
            _logitsRow = 0;
        }

        Position = count;
        return [.. tokens];

        void Require(bool holds, ConversationRestoreError error)
        {
            if (!holds)
            {
                throw new ConversationRestoreException(error, name);
            }
        }
    }
}
