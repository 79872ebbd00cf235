using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>
/// Guesses a block and lets the passes that verify it refine it: what the model said at each place of the block, wrong ones before it notwithstanding, is the next guess for the place behind (Jacobi iteration, arXiv 2305.10427).
/// Sequences that came up on the way are kept and tried first where their first token comes again (lookahead decoding, arXiv 2402.02057, with one guess a pass instead of many).
/// </summary>
/// <remarks>
/// Needs neither a second model nor text to copy from. What is guessed depends on earlier passes, what is accepted does not, so texts stay what they are. The memory for sequences is fixed (<see cref="ByteLength"/>) and lasts
/// from text to text of a conversation.
/// </remarks>
public sealed class RefinementDrafter : IDrafter
{
    private const int Block = 8;
    private readonly NGramPool _grams = new();

    // The last passes, the latest last: what each said by position in the text, and what the latest was fed.
    private readonly List<Pass> _passes = [];

    /// <inheritdoc/>
    public double RelativeCost => 0;

    /// <inheritdoc/>
    public bool GivesProbabilities => false;

    /// <inheritdoc/>
    public bool LearnsFromPasses => true;

    /// <summary>How many bytes the sequences take, however long the conversation is.</summary>
    public long ByteLength => _grams.ByteLength;

    /// <inheritdoc/>
    public void Begin(SamplingOptions sampling, int vocabularySize) => _passes.Clear();

    /// <inheritdoc/>
    public void Propose(ReadOnlySpan<int> sequence, Draft draft)
    {
        ArgumentNullException.ThrowIfNull(draft);
        draft.Origin = DraftOrigin.Refinement;
        var limit = Math.Min(draft.Limit, Block);
        var known = Math.Min(limit, AddSequences(sequence[^1], draft, limit));

        // How far sequences reach decides how far a draft can be trusted; what lies behind is a guess.
        draft.MatchLength = known;
        for (var i = known; i < limit; i++)
        {
            draft.Add(Guess(sequence, sequence.Length + i));
        }
    }

    /// <inheritdoc/>
    public void Learn(int position, ReadOnlySpan<int> tokens, ReadOnlySpan<int> predicted)
    {
        if (_passes.Count == NGramPool.LongestGram - 1)
        {
            _passes.RemoveAt(0);
        }

        _passes.Add(new Pass(position, tokens.ToArray(), predicted.ToArray()));
        Span<int> gram = stackalloc int[NGramPool.LongestGram];
        for (var i = 0; i < predicted.Length; i++)
        {
            // Backwards from what was said now: what the pass before said of the place before, and so on; at last what a pass was fed.
            var length = 0;
            var place = position + i + 1;
            var pass = _passes.Count - 1;
            gram[^++length] = predicted[i];
            while (length < NGramPool.LongestGram - 1 && pass > 0 && _passes[pass - 1].TryGetPredicted(place - 1, out var before) && before == _passes[pass].TokenAt(place - 1))
            {
                gram[^++length] = before;
                place--;
                pass--;
            }

            gram[^++length] = _passes[pass].TokenAt(place - 1);
            _grams.Add(gram[^length..]);
        }
    }

    /// <inheritdoc/>
    public void End(ReadOnlySpan<int> sequence) => _passes.Clear();

    private int AddSequences(int last, Draft draft, int limit)
    {
        while (draft.Count < limit)
        {
            var next = _grams.Find(last);
            if (next.IsEmpty)
            {
                break;
            }

            foreach (var token in next[..Math.Min(next.Length, limit - draft.Count)])
            {
                draft.Add(token);
                last = token;
            }
        }

        return draft.Count;
    }

    private int Guess(ReadOnlySpan<int> sequence, int position)
    {
        if (_passes.Count > 0 && _passes[^1].TryGetPredicted(position, out var token))
        {
            return token;
        }

        // Any block will do to begin with; the text's own last tokens are at least of its kind.
        var back = Math.Min(Block, sequence.Length);
        return sequence[sequence.Length - back + ((position - sequence.Length) % back)];
    }

    private readonly record struct Pass(int Position, int[] Tokens, int[] Predicted)
    {
        /// <summary>What was fed at a position of the text.</summary>
        public int TokenAt(int position) => Tokens[position - Position];

        /// <summary>What the pass said of a position of the text.</summary>
        public bool TryGetPredicted(int position, out int token)
        {
            var index = position - Position - 1;
            var isThere = (uint)index < (uint)Predicted.Length;
            token = isThere ? Predicted[index] : -1;
            return isThere;
        }
    }
}
