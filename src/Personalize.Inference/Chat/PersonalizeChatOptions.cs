using Personalize.Inference.Decoding;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Chat;

/// <summary>How a <see cref="PersonalizeChatClient"/> works where a request says nothing else. Every value is checked where it is set; immutable.</summary>
public sealed class PersonalizeChatOptions
{
    /// <summary>How many conversations are kept in memory and may run at once; a further one takes the place of the one that was used longest ago, or waits until one is free.</summary>
    /// <remarks>Each takes the memory of a <see cref="DecoderSession"/> of <see cref="Session"/>; none is planned before it is needed.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaxSessions
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    } = 4;

    /// <summary>Of how many conversations the generated tokens are remembered, which takes a few bytes a token; more than <see cref="MaxSessions"/>, so that a conversation that lost its place goes on with the tokens it had.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaxTranscripts
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    } = 256;

    /// <summary>How many tokens an answer has at most where the request does not say; the room that the context leaves is a further limit.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaxOutputTokens
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    } = 1024;

    /// <summary>How tokens are chosen; a request may replace temperature, top-k, top-p and seed. The seed is that of the first answer, the next ones count on from it.</summary>
    public SamplingOptions Sampling { get; init; } = new() { Temperature = 0.7f, TopP = 0.9f };

    /// <summary>Sizes and precision of each conversation.</summary>
    public DecoderSessionOptions Session { get; init; } = new() { ContextLength = 2048 };

    /// <summary>Makes what guesses tokens ahead in one conversation, called once for each that is kept; null computes one token after the other. Guesses change no answer, only its speed.</summary>
    /// <remarks>A <see cref="HistoryDrafter"/> comes to know the answers of its conversations as they go on; what the person wrote before is added to it where it is made.</remarks>
    public Func<IDrafter>? CreateDrafter { get; init; }

    /// <summary>What the client says its model is called; null takes the name of the model file.</summary>
    public string? ModelId { get; init; }
}
