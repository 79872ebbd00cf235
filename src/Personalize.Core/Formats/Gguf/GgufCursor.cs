using System.Buffers.Binary;
using System.Text.Unicode;
using Personalize.Core.Errors;

namespace Personalize.Core.Formats.Gguf;

/// <summary>Reads a GGUF header front to back; no length from the file is believed before the bytes are known to be there.</summary>
internal sealed class GgufCursor(MappedFile file)
{
    public long Position { get; private set; }

    public long Remaining => file.Length - Position;

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Read(sizeof(uint)));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Read(sizeof(ulong)));

    public ulong PeekUInt64()
    {
        var value = ReadUInt64();
        Position -= sizeof(ulong);
        return value;
    }

    public long ReadInt64() => BinaryPrimitives.ReadInt64LittleEndian(Read(sizeof(long)));

    /// <summary>Steps over scalars; the caller knows that they are there.</summary>
    public ReadOnlySpan<byte> Read(int length)
    {
        if (Remaining < length)
        {
            throw Fail(ModelFormatError.TruncatedHeader, "the file ends inside its header", Position);
        }

        var bytes = file.Slice(Position, length);
        Position += length;
        return bytes;
    }

    /// <summary>Steps over a length and as many bytes of UTF-8, which are returned.</summary>
    public ReadOnlySpan<byte> ReadString(string? key = null)
    {
        var start = Position;
        var length = ReadUInt64();
        if (length > (ulong)Remaining || length > int.MaxValue)
        {
            throw Fail(ModelFormatError.StringPastEnd, "a string ends past the end of the file", start, key);
        }

        var bytes = file.Slice(Position, (int)length);
        if (!Utf8.IsValid(bytes))
        {
            throw Fail(ModelFormatError.InvalidUtf8, "a string is not UTF-8", Position + Utf8Text.IndexOfInvalid(bytes), key);
        }

        Position += (long)length;
        return bytes;
    }

    public ModelFormatException Fail(ModelFormatError code, string detail, long offset, string? key = null, string? tensor = null) =>
        new(code, file.Path, detail, offset, key, tensor);
}
