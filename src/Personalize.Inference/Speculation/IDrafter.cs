using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>Guesses how a text goes on, so that the model can verify several tokens in one pass (arXiv 2211.17192). A wrong guess costs time and never changes a text. Not thread-safe: one drafter a conversation.</summary>
public interface IDrafter
{
    /// <summary>What one drafted token costs in steps of the verifying model, roughly; 0 where it is next to nothing.</summary>
    double RelativeCost { get; }

    /// <summary>Whether drafts for a text that is not greedy come with the probabilities that they were drawn with; otherwise they are guesses, and which tokens are drafted does not even change the numbers that a text is drawn with.</summary>
    bool GivesProbabilities { get; }

    /// <summary>Starts a text.</summary>
    /// <param name="sampling">How its tokens are chosen.</param>
    /// <param name="vocabularySize">How many tokens there are to choose from.</param>
    void Begin(SamplingOptions sampling, int vocabularySize);

    /// <summary>Proposes up to <see cref="Draft.Limit"/> tokens; none where there is nothing to go by.</summary>
    /// <param name="sequence">The prompt and all tokens generated so far: what an earlier call of the same text saw, and what came since.</param>
    /// <param name="draft">Empty; receives the tokens.</param>
    void Propose(ReadOnlySpan<int> sequence, Draft draft);

    /// <summary>Whether <see cref="Learn"/> is of use, which costs a look through the logits of every verified token.</summary>
    bool LearnsFromPasses => false;

    /// <summary>Learns what the verifying model would have said at every token of a pass, wrong ones included.</summary>
    /// <param name="position">The position of the first of the tokens in the text.</param>
    /// <param name="tokens">What was fed: the text's last token and the draft.</param>
    /// <param name="predicted">The most probable token after each of them, were all before it right.</param>
    void Learn(int position, ReadOnlySpan<int> tokens, ReadOnlySpan<int> predicted)
    {
    }

    /// <summary>Learns from a text that ended.</summary>
    /// <param name="sequence">The prompt and all generated tokens.</param>
    void End(ReadOnlySpan<int> sequence);
}
