using Personalize.Core.Tokenization;
using Personalize.Inference.Generation;

namespace Personalize.Inference.Chat;

/// <summary>A session with its generator, as the pool keeps it.</summary>
internal sealed class ChatSession(IDecoderSession session, ITokenizer tokenizer, TimeProvider time) : IDisposable
{
    /// <summary>Computes with the session.</summary>
    public TextGenerator Generator { get; } = new(session, tokenizer, time);

    /// <summary>When it was last taken, as a count; the pool's.</summary>
    public long LastUse { get; set; }

    /// <summary>How many tokens it holds.</summary>
    public int Count => Generator.CachedTokens.Count;

    /// <summary>How many tokens at the beginning of a prompt it holds.</summary>
    public int SharedWith(ReadOnlySpan<int> prompt)
    {
        var cached = Generator.CachedTokens;
        var shared = 0;
        while (shared < cached.Count && shared < prompt.Length && cached[shared] == prompt[shared])
        {
            shared++;
        }

        return shared;
    }

    public void Dispose() => (session as IDisposable)?.Dispose();
}
