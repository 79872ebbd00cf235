using System.Buffers.Binary;
using System.Text;
using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>Lays out what is sealed: little-endian numbers, strings as UTF-8 with a 4-byte length before them (-1 for none).</summary>
internal ref struct RecordWriter(Span<byte> buffer)
{
    /// <summary>The most bytes a record may have: far above any text a person writes, far below what memory or the database bear.</summary>
    public const int MaximumSize = 16 << 20;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private Span<byte> _rest = buffer;

    /// <summary>How many bytes a string takes; refuses what is not valid Unicode or too long.</summary>
    public static int SizeOf(string? text)
    {
        if (text is null)
        {
            return 4;
        }

        if (text.Length > MaximumSize)
        {
            throw new InvalidInteractionException(InteractionProblem.TooLong);
        }

        try
        {
            return 4 + StrictUtf8.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            // The exception of .NET quotes the characters: it must not become the inner one.
            throw new InvalidInteractionException(InteractionProblem.LoneSurrogate);
        }
    }

    public void Write(byte value)
    {
        _rest[0] = value;
        _rest = _rest[1..];
    }

    public void Write(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_rest, value);
        _rest = _rest[8..];
    }

    public void Write(string? text)
    {
        var length = text is null ? -1 : StrictUtf8.GetBytes(text, _rest[4..]);
        BinaryPrimitives.WriteInt32LittleEndian(_rest, length);
        _rest = _rest[(4 + Math.Max(length, 0))..];
    }

    /// <summary>A time as UTC ticks and the offset in minutes.</summary>
    public void Write(DateTimeOffset time)
    {
        Write(time.UtcTicks);
        Write((long)time.TotalOffsetMinutes);
    }
}
