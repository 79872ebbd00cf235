using System.Diagnostics.CodeAnalysis;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;

namespace Personalize.Core.Privacy;

/// <summary>A consent decision as the bytes that are sealed.</summary>
internal static class ConsentCodec
{
    private const byte FormatVersion = 1;

    /// <exception cref="InvalidInteractionException">The source has no valid name.</exception>
    public static byte[] Encode(ConsentEntry entry)
    {
        if (string.IsNullOrWhiteSpace(entry.Source))
        {
            throw new InvalidInteractionException(InteractionProblem.EmptySource);
        }

        var bytes = new byte[2 + 16 + RecordWriter.SizeOf(entry.Source)];
        var writer = new RecordWriter(bytes);
        writer.Write(FormatVersion);
        writer.Write(entry.Given ? (byte)1 : (byte)0);
        writer.Write(entry.At);
        writer.Write(entry.Source);
        return bytes;
    }

    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ConsentEntry? entry)
    {
        var reader = new RecordReader(bytes);
        entry = null;
        if (reader.TryRead(out byte version)
            && version == FormatVersion
            && reader.TryRead(out byte given)
            && reader.TryRead(out DateTimeOffset at)
            && reader.TryRead(out string? source)
            && reader.IsAtEnd)
        {
            entry = new ConsentEntry(source, given != 0, at);
        }

        return entry is not null;
    }
}
