using System.Text;
using Personalize.Core.Interactions;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Inference.Retrieval;

/// <summary>Puts interactions before a request as if they had been said in the same conversation (LaMP, arXiv 2304.11406). Immutable; safe to share between threads.</summary>
/// <param name="tokenizer">The model's tokenizer, to cut by.</param>
/// <param name="options">How many tokens each may take; null for the defaults.</param>
public sealed class RetrievalPrompt(ITokenizer tokenizer, RetrievalOptions? options = null)
{
    private readonly RetrievalOptions _options = options ?? new RetrievalOptions();

    /// <summary>Composes the conversation.</summary>
    /// <param name="similar">The interactions, the most similar first; they are put in the opposite order, so that the most similar stands next to the request.</param>
    /// <param name="request">What is asked.</param>
    /// <returns>The turns, the request last. All their text is untrusted.</returns>
    public IReadOnlyList<PromptMessage> Compose(IEnumerable<Interaction> similar, string request)
    {
        ArgumentNullException.ThrowIfNull(similar);
        ArgumentNullException.ThrowIfNull(request);
        var messages = new List<PromptMessage>();
        foreach (var interaction in similar.Reverse())
        {
            // The text is what is to be learnt from: the context gets a third at most.
            var context = Cut(interaction.Context, _options.TokensEach / 3, out var used);
            messages.Add(new PromptMessage("user", context));
            messages.Add(new PromptMessage("assistant", Cut(interaction.Text, _options.TokensEach - used, out _)));
        }

        messages.Add(new PromptMessage("user", request));
        return messages;
    }

    private string Cut(string text, int maximum, out int used)
    {
        var ids = tokenizer.Encode(text, parseSpecialTokens: false);
        used = Math.Min(ids.Length, maximum);
        if (ids.Length <= maximum)
        {
            return text;
        }

        // A token may end within a character: what is left of it goes too.
        var bytes = new List<byte>();
        foreach (var id in ids.AsSpan(0, maximum))
        {
            bytes.AddRange(tokenizer.GetTokenBytes(id));
        }

        return Encoding.UTF8.GetString([.. bytes]).TrimEnd('\uFFFD');
    }
}
