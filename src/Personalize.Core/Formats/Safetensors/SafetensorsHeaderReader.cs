using System.Text.Json;
using Personalize.Core.Errors;

namespace Personalize.Core.Formats.Safetensors;

/// <summary>Reads the JSON header token by token, so that every fault has its byte and nothing is built from what is refused.</summary>
internal ref struct SafetensorsHeaderReader
{
    private const int MostEntries = 65_536;
    private const int MostDimensions = 32;
    private const int DeepestNesting = 8;
    private const string MetadataName = "__metadata__";

    private readonly string _path;
    private readonly long _start;
    private readonly ReadOnlySpan<byte> _header;
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private Utf8JsonReader _reader;

    public SafetensorsHeaderReader(string path, ReadOnlySpan<byte> header, long start)
    {
        _path = path;
        _start = start;
        _header = header;
        _reader = new(header, new JsonReaderOptions { MaxDepth = DeepestNesting });
    }

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    public List<SafetensorsEntry> Entries { get; } = [];

    private readonly long Position => _start + _reader.TokenStartIndex;

    public void Read()
    {
        Advance();
        while (Advance() == JsonTokenType.PropertyName)
        {
            var position = Position;
            var name = GetString();
            RequireNew(_names, name, position);
            if (name == MetadataName)
            {
                ReadMetadata();
            }
            else
            {
                Entries.Add(ReadEntry(name, position));
            }
        }

        // Anything but white space after the closing brace is refused by the reader.
        while (Advance() != JsonTokenType.None)
        {
        }
    }

    private void ReadMetadata()
    {
        if (Advance() != JsonTokenType.StartObject)
        {
            throw Fail(ModelFormatError.MetadataNotStrings, "__metadata__ is not an object", Position, key: MetadataName);
        }

        while (Advance() == JsonTokenType.PropertyName)
        {
            var position = Position;
            var key = GetString();
            if (Advance() != JsonTokenType.String)
            {
                throw Fail(ModelFormatError.MetadataNotStrings, "a value of __metadata__ is not a string", Position, key: key);
            }

            if (!Metadata.TryAdd(key, GetString()))
            {
                throw Fail(ModelFormatError.HeaderDuplicateKey, "a key stands twice", position, key: key);
            }

            RequireCount(Metadata.Count, position);
        }
    }

    private SafetensorsEntry ReadEntry(string name, long position)
    {
        Require(Advance() == JsonTokenType.StartObject, "a tensor's entry is not an object", name);
        SafetensorsType? type = null;
        (long[] Values, long Position)? shape = null;
        (long[] Values, long Position)? range = null;
        while (Advance() == JsonTokenType.PropertyName)
        {
            // Compared in place: a string for each field would outweigh the file.
            if (_reader.ValueTextEquals("dtype"u8))
            {
                RequireFirst(type is null, name);
                type = ReadType(name);
            }
            else if (_reader.ValueTextEquals("shape"u8))
            {
                RequireFirst(shape is null, name);
                shape = ReadIntegers(name, ModelFormatError.DimensionInvalid, ModelFormatError.ShapeOverflow);
            }
            else
            {
                Require(_reader.ValueTextEquals("data_offsets"u8), "a tensor's entry has a field that is not defined", name);
                RequireFirst(range is null, name);
                range = ReadIntegers(name, ModelFormatError.HeaderEntryInvalid, ModelFormatError.HeaderEntryInvalid);
            }
        }

        if (type is not { } elementType || shape is not { } dimensions || range is not { } bounds || bounds.Values.Length != 2)
        {
            throw Fail(ModelFormatError.HeaderEntryInvalid, "a tensor's entry needs dtype, shape and data_offsets of two numbers", position, tensor: name);
        }

        RequireCount(_names.Count, position);
        return Measure(name, elementType, dimensions.Values, dimensions.Position, bounds.Values, bounds.Position);
    }

    private readonly SafetensorsEntry Measure(string name, SafetensorsType type, long[] shape, long shapePosition, long[] range, long rangePosition)
    {
        var byteLength = (Int128)SafetensorsTypes.SizeOf(type);
        foreach (var dimension in shape)
        {
            byteLength *= dimension;
            if (byteLength > long.MaxValue)
            {
                throw Fail(ModelFormatError.ShapeOverflow, "the size of a shape overflows", shapePosition, tensor: name);
            }
        }

        var (begin, end) = (range[0], range[1]);
        if (end < begin)
        {
            throw Fail(ModelFormatError.RangeReversed, "a range ends before it begins", rangePosition, tensor: name);
        }

        if (end - begin != byteLength)
        {
            throw Fail(ModelFormatError.RangeSizeMismatch, "shape and type need another number of bytes than the range has", rangePosition, tensor: name);
        }

        return new(name, type, shape, (long)byteLength / SafetensorsTypes.SizeOf(type), begin, end, rangePosition);
    }

    private SafetensorsType ReadType(string name)
    {
        Require(Advance() == JsonTokenType.String, "a dtype is not a string", name);
        foreach (var (type, spelling) in SafetensorsTypes.Spellings)
        {
            if (_reader.ValueTextEquals(spelling))
            {
                return type;
            }
        }

        throw Fail(ModelFormatError.UnknownDataType, "a dtype is not supported", Position, tensor: name);
    }

    private (long[] Values, long Position) ReadIntegers(string name, ModelFormatError notWhole, ModelFormatError overflow)
    {
        Require(Advance() == JsonTokenType.StartArray, "a shape or range is not an array", name);
        var position = Position;
        Span<long> values = stackalloc long[MostDimensions];
        var count = 0;
        while (Advance() != JsonTokenType.EndArray)
        {
            if (_reader.TokenType != JsonTokenType.Number || !_reader.TryGetInt64(out var value) || value < 0)
            {
                var isHuge = _reader.TokenType == JsonTokenType.Number && _reader.ValueSpan.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;
                throw Fail(isHuge ? overflow : notWhole, isHuge ? "a number exceeds 63 bits" : "a number is negative or not whole", Position, tensor: name);
            }

            if (count == MostDimensions)
            {
                throw Fail(ModelFormatError.HeaderTooManyEntries, $"more than {MostDimensions} dimensions", Position, tensor: name);
            }

            values[count++] = value;
        }

        return (values[..count].ToArray(), position);
    }

    private JsonTokenType Advance()
    {
        try
        {
            return _reader.Read() ? _reader.TokenType : JsonTokenType.None;
        }
        catch (JsonException e)
        {
            throw Fail(ModelFormatError.HeaderBadJson, "the header is not JSON", _start + ToOffset(e));
        }
    }

    private readonly string GetString()
    {
        try
        {
            return _reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: legal JSON, but no text.
            throw Fail(ModelFormatError.HeaderBadJson, "an escape stands for half a character", Position);
        }
    }

    // The reader counts lines; a file wants a byte.
    private readonly long ToOffset(JsonException e)
    {
        var offset = 0;
        for (var line = e.LineNumber ?? 0; line > 0; line--)
        {
            offset += _header[offset..].IndexOf((byte)'\n') + 1;
        }

        return offset + (e.BytePositionInLine ?? 0);
    }

    private readonly void RequireNew(HashSet<string> names, string name, long position)
    {
        if (!names.Add(name))
        {
            throw Fail(ModelFormatError.HeaderDuplicateKey, "a name stands twice", position, tensor: name);
        }
    }

    private readonly void RequireFirst(bool isFirst, string name)
    {
        if (!isFirst)
        {
            throw Fail(ModelFormatError.HeaderDuplicateKey, "a field stands twice", Position, tensor: name);
        }
    }

    private readonly void Require(bool condition, string detail, string name)
    {
        if (!condition)
        {
            throw Fail(ModelFormatError.HeaderEntryInvalid, detail, Position, tensor: name);
        }
    }

    private readonly void RequireCount(int count, long position)
    {
        if (count > MostEntries)
        {
            throw Fail(ModelFormatError.HeaderTooManyEntries, $"more than {MostEntries} entries", position);
        }
    }

    private readonly ModelFormatException Fail(ModelFormatError code, string detail, long offset, string? key = null, string? tensor = null) =>
        new(code, _path, detail, offset, key, tensor);
}
