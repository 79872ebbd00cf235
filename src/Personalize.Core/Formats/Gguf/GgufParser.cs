using System.Numerics;
using System.Text;
using Personalize.Core.Errors;

namespace Personalize.Core.Formats.Gguf;

/// <summary>
/// Reads the header of a GGUF file (<c>ggml/docs/gguf.md</c>, versions 2 and 3, which are laid out alike) in the order of its bytes, and refuses it at the
/// first broken invariant. What it allocates is bounded by the file: counts are checked against the bytes that are left before anything is sized by them.
/// </summary>
internal sealed class GgufParser
{
    private const uint Magic = 0x4655_4747;
    private const int NewestVersion = 3;
    private const int MostEntries = 65_536;
    private const int SmallestKeyValue = 14;
    private const int SmallestTensor = 25;
    private const int LongestKey = 65_535;
    private const int LargestMetadata = 256 << 20;
    private const uint DefaultAlignment = 32;
    private const uint LargestAlignment = 1 << 20;
    private const string AlignmentKey = "general.alignment";

    private readonly GgufCursor _cursor;

    private GgufParser(MappedFile file) => _cursor = new(file);

    public static (GgufMetadata Metadata, List<GgufTensor> Tensors, Dictionary<string, GgufTensor> ByName, int Alignment) Parse(MappedFile file)
    {
        var parser = new GgufParser(file);
        parser.ReadVersion();
        var (tensorCount, keyCount) = parser.ReadCounts();
        var keys = new List<string>(keyCount);
        var values = new Dictionary<string, GgufValue>(keyCount, StringComparer.Ordinal);
        for (var i = 0; i < keyCount; i++)
        {
            parser.ReadKeyValue(keys, values);
        }

        // A copy, so that metadata outlives the map and costs no page faults later.
        var metadata = new GgufMetadata(file.Path, file.Slice(0, (int)parser._cursor.Position).ToArray(), keys, values);
        var alignment = parser.GetAlignment(values, metadata);
        var (tensors, byName) = new GgufTensorParser(file.Length, parser._cursor).Read(tensorCount, alignment);
        return (metadata, tensors, byName, (int)alignment);
    }

    private void ReadVersion()
    {
        if (_cursor.ReadUInt32() != Magic)
        {
            throw _cursor.Fail(ModelFormatError.BadMagic, "the file does not start with GGUF", 0);
        }

        var offset = _cursor.Position;
        var version = _cursor.ReadUInt32();
        switch (version)
        {
            case 2 or NewestVersion:
                return;
            case 0:
                throw _cursor.Fail(ModelFormatError.VersionZero, "version 0", offset);
            case 1:
                throw _cursor.Fail(ModelFormatError.VersionOne, "version 1 is no longer read", offset);
            case var _ when (version & 0xFFFF) == 0:
                throw _cursor.Fail(ModelFormatError.VersionByteSwapped, "the file is big-endian", offset);
            default:
                throw _cursor.Fail(ModelFormatError.VersionFuture, $"version {version} is newer than {NewestVersion}", offset);
        }
    }

    private (int Tensors, int Keys) ReadCounts()
    {
        var offset = _cursor.Position;
        var tensors = _cursor.ReadInt64();
        var keys = _cursor.ReadInt64();
        if (tensors is < 0 or > MostEntries || tensors > _cursor.Remaining / SmallestTensor)
        {
            throw _cursor.Fail(ModelFormatError.TensorCountOutOfRange, "the tensor count is impossible", offset);
        }

        if (keys is < 0 or > MostEntries || keys > (_cursor.Remaining - (tensors * SmallestTensor)) / SmallestKeyValue)
        {
            throw _cursor.Fail(ModelFormatError.KeyCountOutOfRange, "the metadata count is impossible", offset + sizeof(long));
        }

        return ((int)tensors, (int)keys);
    }

    private void ReadKeyValue(List<string> keys, Dictionary<string, GgufValue> values)
    {
        var offset = _cursor.Position;
        var key = ReadKey(offset);
        var typeOffset = _cursor.Position;
        var type = (GgufValueType)_cursor.ReadUInt32();
        var value = type == GgufValueType.Array ? ReadArray(key) : ReadScalar(type, type, 1, key, typeOffset);
        if (!values.TryAdd(key, value))
        {
            throw _cursor.Fail(ModelFormatError.DuplicateKey, "a metadata key stands twice", offset, key);
        }

        keys.Add(key);
        if (_cursor.Position > LargestMetadata)
        {
            throw _cursor.Fail(ModelFormatError.MetadataTooLarge, "metadata takes more than 256 MiB", offset, key);
        }
    }

    private string ReadKey(long offset)
    {
        var length = _cursor.PeekUInt64();
        if (length == 0)
        {
            throw _cursor.Fail(ModelFormatError.EmptyKey, "a metadata key is empty", offset);
        }

        if (length > LongestKey)
        {
            throw _cursor.Fail(ModelFormatError.KeyLengthOutOfRange, "a metadata key is longer than 65,535 bytes", offset);
        }

        return Encoding.UTF8.GetString(_cursor.ReadString());
    }

    private GgufValue ReadArray(string key)
    {
        var typeOffset = _cursor.Position;
        var type = (GgufValueType)_cursor.ReadUInt32();
        if (type == GgufValueType.Array)
        {
            throw _cursor.Fail(ModelFormatError.NestedArray, "an array of arrays", typeOffset, key);
        }

        var countOffset = _cursor.Position;
        var count = _cursor.ReadUInt64();
        var smallest = type == GgufValueType.String ? sizeof(ulong) : GgufValue.SizeOf(type);
        if (smallest != 0 && count > (ulong)Math.Min(_cursor.Remaining, LargestMetadata) / (ulong)smallest)
        {
            throw _cursor.Fail(ModelFormatError.ArrayLengthOutOfRange, "an array is longer than the file", countOffset, key);
        }

        return ReadScalar(GgufValueType.Array, type, smallest == 0 ? 0 : (int)count, key, typeOffset);
    }

    private GgufValue ReadScalar(GgufValueType type, GgufValueType elementType, int count, string key, long typeOffset)
    {
        var offset = _cursor.Position;
        if (elementType == GgufValueType.String)
        {
            for (var i = 0; i < count; i++)
            {
                _cursor.ReadString(key);
            }
        }
        else
        {
            var size = GgufValue.SizeOf(elementType);
            if (size == 0)
            {
                throw _cursor.Fail(ModelFormatError.UnknownValueType, $"value type {(uint)elementType} is not defined", typeOffset, key);
            }

            var bytes = _cursor.Read(checked(size * count));
            if (elementType == GgufValueType.Boolean && bytes.IndexOfAnyExceptInRange((byte)0, (byte)1) is >= 0 and var wrong)
            {
                throw _cursor.Fail(ModelFormatError.InvalidBoolean, "a boolean is neither 0 nor 1", offset + wrong, key);
            }
        }

        // Offsets past the cap are refused by the caller before anyone uses them.
        return new(type, elementType, (int)Math.Min(offset, int.MaxValue), count, (int)Math.Min(_cursor.Position, int.MaxValue));
    }

    private uint GetAlignment(Dictionary<string, GgufValue> values, GgufMetadata metadata)
    {
        if (!values.TryGetValue(AlignmentKey, out var value))
        {
            return DefaultAlignment;
        }

        if (value.Type != GgufValueType.UInt32)
        {
            throw _cursor.Fail(ModelFormatError.AlignmentWrongType, $"the alignment is of type {value.Type}, not UInt32", value.Offset, AlignmentKey);
        }

        var alignment = metadata.GetUInt32(AlignmentKey);
        return BitOperations.IsPow2(alignment) && alignment <= LargestAlignment
            ? alignment
            : throw _cursor.Fail(ModelFormatError.AlignmentInvalid, $"the alignment {alignment} is not a power of two up to 1 MiB", value.Offset, AlignmentKey);
    }
}
