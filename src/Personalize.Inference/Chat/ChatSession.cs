using Personalize.Core.Tokenization;
using Personalize.Inference.Generation;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Chat;

/// <summary>A session with its generator, as the pool keeps it.</summary>
internal sealed class ChatSession(IDecoderSession session, ITokenizer tokenizer, TimeProvider time, IDrafter? drafter) : IDisposable
{
    /// <summary>Computes with the session.</summary>
    public TextGenerator Generator { get; } = new(session, tokenizer, time, drafter);

    /// <summary>When it was last taken, as a count; the pool's.</summary>
    public long LastUse { get; set; }

    /// <summary>How many tokens it holds.</summary>
    public int Count => Generator.CachedTokens.Count;

    /// <summary>How many tokens at the beginning of a prompt it holds.</summary>
    public int SharedWith(ReadOnlySpan<int> prompt) => Generator.SharedWith(prompt);

    public void Dispose() => (session as IDisposable)?.Dispose();
}
