using System.Diagnostics.CodeAnalysis;
using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>An interaction as the bytes that are sealed. Everything but the id, which the seal binds as the row.</summary>
internal static class InteractionCodec
{
    private const byte FormatVersion = 1;

    /// <summary>The bytes of a valid interaction; the caller clears them.</summary>
    /// <exception cref="InvalidInteractionException">It must not be stored as it is.</exception>
    public static byte[] Encode(Interaction interaction)
    {
        if (string.IsNullOrWhiteSpace(interaction.Text))
        {
            throw new InvalidInteractionException(InteractionProblem.EmptyText);
        }

        if (string.IsNullOrWhiteSpace(interaction.Source))
        {
            throw new InvalidInteractionException(InteractionProblem.EmptySource);
        }

        var size = 1L + 16 + RecordWriter.SizeOf(interaction.Source) + RecordWriter.SizeOf(interaction.ExternalId) + RecordWriter.SizeOf(interaction.Context) + RecordWriter.SizeOf(interaction.Text);
        if (size > RecordWriter.MaximumSize)
        {
            throw new InvalidInteractionException(InteractionProblem.TooLong);
        }

        var bytes = new byte[size];
        var writer = new RecordWriter(bytes);
        writer.Write(FormatVersion);
        writer.Write(interaction.Timestamp);
        writer.Write(interaction.Source);
        writer.Write(interaction.ExternalId);
        writer.Write(interaction.Context);
        writer.Write(interaction.Text);
        return bytes;
    }

    public static bool TryDecode(long id, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out Interaction? interaction)
    {
        var reader = new RecordReader(bytes);
        interaction = null;
        if (reader.TryRead(out byte version)
            && version == FormatVersion
            && reader.TryRead(out DateTimeOffset timestamp)
            && reader.TryRead(out string? source)
            && reader.TryReadOptional(out var externalId)
            && reader.TryRead(out string? context)
            && reader.TryRead(out string? text)
            && reader.IsAtEnd)
        {
            interaction = new Interaction(id, externalId, timestamp, source, context, text);
        }

        return interaction is not null;
    }
}
