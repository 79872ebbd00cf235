using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Personalize.Core.Interactions;

/// <summary>Reads what <see cref="RecordWriter"/> laid out. What it reads was authenticated, so a fault means a fault of ours; still it never reads past the end.</summary>
internal ref struct RecordReader(ReadOnlySpan<byte> buffer)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> _rest = buffer;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public bool TryRead(out byte value)
    {
        value = 0;
        if (_rest.IsEmpty)
        {
            return false;
        }

        value = _rest[0];
        _rest = _rest[1..];
        return true;
    }

    public bool TryRead(out long value)
    {
        if (!BinaryPrimitives.TryReadInt64LittleEndian(_rest, out value))
        {
            return false;
        }

        _rest = _rest[8..];
        return true;
    }

    public bool TryReadOptional(out string? text)
    {
        text = null;
        if (!BinaryPrimitives.TryReadInt32LittleEndian(_rest, out var length) || length < -1 || length > _rest.Length - 4)
        {
            return false;
        }

        try
        {
            text = length < 0 ? null : StrictUtf8.GetString(_rest.Slice(4, length));
        }
        catch (DecoderFallbackException)
        {
            return false;
        }

        _rest = _rest[(4 + Math.Max(length, 0))..];
        return true;
    }

    public bool TryRead([NotNullWhen(true)] out string? text) => TryReadOptional(out text) && text is not null;

    public bool TryRead(out DateTimeOffset time)
    {
        time = default;
        if (!TryRead(out long ticks) || !TryRead(out long minutes) || minutes is < -14 * 60 or > 14 * 60)
        {
            return false;
        }

        var local = ticks + (minutes * TimeSpan.TicksPerMinute);
        if (ticks < DateTime.MinValue.Ticks || ticks > DateTime.MaxValue.Ticks || local < DateTime.MinValue.Ticks || local > DateTime.MaxValue.Ticks)
        {
            return false;
        }

        time = new DateTimeOffset(local, TimeSpan.FromMinutes(minutes));
        return true;
    }
}
