using Personalize.Core.Tokenization;
using Personalize.Inference.Generation;

namespace Personalize.Inference.Chat;

/// <summary>Which of the generated tokens stand for the text that an answer was given as.</summary>
internal static class ChatAnswer
{
    /// <summary>The tokens of the text, or of as much of its beginning as whole tokens make up.</summary>
    /// <param name="result">The answer.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <returns>The number of tokens and the text they stand for. Where a stop string or a cut-off character makes them differ from the answer, the rest is encoded anew in the next prompt.</returns>
    public static (int Tokens, string Text) Kept(GenerationResult result, ITokenizer tokenizer)
    {
        int[] ids = [.. result.Ids];
        var count = ids.Length > 0 && result.StopReason == GenerationStopReason.StopToken ? ids.Length - 1 : ids.Length;
        var text = tokenizer.Decode(ids.AsSpan(0, count), includeSpecialTokens: false);

        // The same text in the next prompt then means these very tokens, whatever bytes they hold.
        while (!string.Equals(text, result.Text, StringComparison.Ordinal))
        {
            text = tokenizer.Decode(ids.AsSpan(0, --count), includeSpecialTokens: false);
            if (result.Text.StartsWith(text, StringComparison.Ordinal) && !text.EndsWith('\uFFFD'))
            {
                break;
            }
        }

        return (count, text);
    }
}
