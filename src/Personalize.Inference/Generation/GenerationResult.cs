namespace Personalize.Inference.Generation;

/// <summary>A finished text and how it came about.</summary>
/// <param name="Text">The text, without stop tokens and stop strings; equal to the joined <see cref="GeneratedToken.Text"/>s.</param>
/// <param name="Ids">The generated tokens, a stop token included.</param>
/// <param name="PromptTokens">How many tokens the prompt has.</param>
/// <param name="ReusedTokens">How many of them were in the cache already and were not computed again.</param>
/// <param name="PrefillTokensPerSecond">Computed prompt tokens a second; 0 when no time passed.</param>
/// <param name="DecodeTokensPerSecond">Generated tokens a second after the first, which the prefill gives; choosing the token is counted, what the consumer does between two tokens is not. 0 when no time passed.</param>
/// <param name="DraftedTokens">How many tokens of a drafter were verified.</param>
/// <param name="AcceptedTokens">How many of those the model chose itself.</param>
/// <param name="StopReason">Why it ended.</param>
public sealed record GenerationResult(
    string Text,
    IReadOnlyList<int> Ids,
    int PromptTokens,
    int ReusedTokens,
    double PrefillTokensPerSecond,
    double DecodeTokensPerSecond,
    int DraftedTokens,
    int AcceptedTokens,
    GenerationStopReason StopReason)
{
    /// <summary>Whether speculation was given up within the text because it took longer than it saved.</summary>
    public bool SpeculationGivenUp { get; init; }
}
