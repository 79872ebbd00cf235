using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.Decoding;

/// <summary>What a session is going to take, known before it is allocated.</summary>
public sealed unsafe partial class DecoderSession
{
    /// <summary>How many bytes the buffers of a session take at least: keys and values, the logits, and the states of a chunk.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <param name="options">The session's.</param>
    /// <returns>Next to all of <see cref="ByteLength"/>. A cache takes real memory only as far as the conversation fills it.</returns>
    /// <exception cref="ArgumentException">The options ask for what cannot be.</exception>
    public static long PlannedBytes(DecoderDescription description, DecoderSessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(options);
        DecoderSessionOptions.Validate(options, description);
        long chunk = Math.Min(options.ChunkSize, options.LimitOf(description));
        var states = (2L * description.HiddenSize) + (2L * description.QuerySize) + (2L * description.KeyValueSize) + (2L * description.IntermediateSize);
        var capacity = options.LayoutFor(description).Capacity;
        var head = CachedAttention.KeyBytes(capacity, description.HeadDimension, options.CachePrecision) + CachedAttention.ValueBytes(capacity, description.HeadDimension, options.CachePrecision);
        var cache = description.LayerCount * description.KeyValueHeadCount * head;
        return checked(cache + (sizeof(float) * ((chunk * states) + (Math.Min(MostVerifyTokens, chunk) * description.VocabularySize))));
    }

    private static void RequireMemory(DecoderModel model, DecoderSessionOptions options) =>
        MemoryShortageException.ThrowIfAbove(model.ByteLength + PlannedBytes(model.Description, options), options.MemoryLimitBytes);
}
