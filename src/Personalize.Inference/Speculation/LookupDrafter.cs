using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>Copies what followed the longest earlier occurrence of the text's last tokens, in the prompt or in the answer itself (prompt lookup): pays where an answer quotes, edits or repeats.</summary>
public sealed class LookupDrafter : IDrafter
{
    /// <summary>The shortest match that is copied from by default, in tokens.</summary>
    public const int DefaultShortestMatch = 2;

    private readonly TextMatcher _matcher;

    /// <summary>Creates a drafter.</summary>
    /// <param name="shortestMatch">How many of the last tokens have to agree at least.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not positive.</exception>
    public LookupDrafter(int shortestMatch = DefaultShortestMatch) => _matcher = new TextMatcher(shortestMatch);

    /// <inheritdoc/>
    public double RelativeCost => 0;

    /// <inheritdoc/>
    public bool GivesProbabilities => false;

    /// <inheritdoc/>
    public void Begin(SamplingOptions sampling, int vocabularySize)
    {
        // Works on tokens alone; the index is kept, for the next prompt usually begins like the last.
    }

    /// <inheritdoc/>
    public void Propose(ReadOnlySpan<int> sequence, Draft draft)
    {
        ArgumentNullException.ThrowIfNull(draft);
        _matcher.Update(sequence);
        var match = _matcher.Find(out var next);
        if (match == 0)
        {
            return;
        }

        draft.Origin = DraftOrigin.Text;
        draft.MatchLength = match;
        for (var i = 0; i < draft.Limit; i++)
        {
            // A copy that reaches the end of the text goes on in itself: what repeats keeps repeating.
            var position = next + i;
            draft.Add(position < _matcher.Count ? _matcher[position] : draft.Tokens[position - _matcher.Count]);
        }
    }

    /// <inheritdoc/>
    public void End(ReadOnlySpan<int> sequence)
    {
        // What a later prompt repeats of the text is found there.
    }
}
