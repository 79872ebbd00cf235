using Personalize.Core.Tokenization;
using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>Lets a smaller model of the same vocabulary write ahead (arXiv 2211.17192). With sampling its tokens are drawn by the same rules as the text's and come with their probabilities; greedy ones are guesses.</summary>
public sealed class ModelDrafter : IDrafter
{
    /// <summary>A draft ends where its model's best token is less probable than this.</summary>
    private const float SmallestProbability = 0.3f;

    // The draft's numbers must not depend on those that the text is drawn with.
    private const ulong SeedOfDrafts = 0xD1B54A32D192ED03;
    private readonly IDecoderSession _session;
    private int[] _tokens = [];
    private int _fed;
    private Sampler? _sampler;
    private SamplingRandom _random = new(SeedOfDrafts);
    private bool _isGreedy;
    private int _vocabularySize;

    /// <summary>Takes over a session of the draft model: from here on only this drafter feeds it.</summary>
    /// <param name="session">A session without tokens. The caller keeps the duty to free it.</param>
    /// <param name="draftTokenizer">The draft model's tokenizer.</param>
    /// <param name="modelTokenizer">The tokenizer of the model that verifies.</param>
    /// <param name="relativeCost">What a step of the draft model costs in steps of the model, roughly: the ratio of their weights' bytes.</param>
    /// <exception cref="DraftVocabularyException">The tokens of the two are not the same.</exception>
    /// <exception cref="ArgumentException">The session holds tokens.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The cost is negative or not finite.</exception>
    public ModelDrafter(IDecoderSession session, ITokenizer draftTokenizer, ITokenizer modelTokenizer, double relativeCost)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(draftTokenizer);
        ArgumentNullException.ThrowIfNull(modelTokenizer);
        ArgumentOutOfRangeException.ThrowIfNegative(relativeCost);
        if (session.Position != 0)
        {
            throw new ArgumentException($"the session holds {session.Position} tokens that this drafter does not know", nameof(session));
        }

        CheckVocabulary(draftTokenizer, modelTokenizer);
        if (session.VocabularySize < draftTokenizer.VocabularySize)
        {
            throw new DraftVocabularyException(session.VocabularySize, modelTokenizer.VocabularySize, firstDifference: -1);
        }

        _session = session;
        RelativeCost = relativeCost;
    }

    /// <inheritdoc/>
    public double RelativeCost { get; }

    /// <inheritdoc/>
    public bool GivesProbabilities => true;

    /// <inheritdoc/>
    public void Begin(SamplingOptions sampling, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(sampling);
        _vocabularySize = Math.Min(vocabularySize, _session.VocabularySize);
        _isGreedy = sampling.IsGreedy;

        // A greedy text is drafted greedily, but how sure the draft model is shows only at a temperature.
        _sampler = new Sampler(_isGreedy ? new SamplingOptions { Temperature = 1, RepetitionPenalty = sampling.RepetitionPenalty, RepetitionWindow = sampling.RepetitionWindow } : sampling, _vocabularySize);
        _random = new SamplingRandom(sampling.Seed ^ SeedOfDrafts);
    }

    /// <inheritdoc/>
    public void Propose(ReadOnlySpan<int> sequence, Draft draft)
    {
        ArgumentNullException.ThrowIfNull(draft);
        if (_sampler is null)
        {
            throw new InvalidOperationException("no text was begun");
        }

        // The last drafted token is not fed, so that one more than there is room for can be drafted.
        var limit = Math.Min(draft.Limit, _session.ContextLength - sequence.Length + 1);
        if (limit <= 0 || sequence.Length == 0 || sequence.ContainsAnyExceptInRange(0, _vocabularySize - 1))
        {
            return;
        }

        Synchronize(sequence, limit);
        draft.Origin = DraftOrigin.Model;
        while (true)
        {
            var length = sequence.Length + draft.Count;
            var distribution = _sampler.Filter(_session.Logits[.._vocabularySize], _tokens.AsSpan(0, length));
            var (best, probability) = MostProbable(distribution);
            if (probability < SmallestProbability)
            {
                // Decided before a token is drawn: holding back a drawn token would bend the distribution of the text.
                return;
            }

            var token = best;
            if (_isGreedy)
            {
                draft.Add(token);
            }
            else
            {
                token = distribution.Draw(_random.NextDouble());
                draft.Add(token, distribution);
            }

            if (draft.Count >= limit)
            {
                return;
            }

            _session.Decode(token);
            _tokens[_fed++] = token;
        }
    }

    /// <inheritdoc/>
    public void End(ReadOnlySpan<int> sequence)
    {
        // The session keeps what the next prompt may share.
    }

    private static (int Token, float Probability) MostProbable(TokenDistribution distribution)
    {
        var index = LogitMaximum.IndexOf(distribution.Probabilities);
        return (distribution.Tokens[index], distribution.Probabilities[index]);
    }

    private static void CheckVocabulary(ITokenizer draft, ITokenizer model)
    {
        if (draft.VocabularySize != model.VocabularySize)
        {
            throw new DraftVocabularyException(draft.VocabularySize, model.VocabularySize, firstDifference: -1);
        }

        for (var token = 0; token < model.VocabularySize; token++)
        {
            if (!draft.GetTokenBytes(token).SequenceEqual(model.GetTokenBytes(token)) || draft.IsSpecial(token) != model.IsSpecial(token))
            {
                throw new DraftVocabularyException(draft.VocabularySize, model.VocabularySize, token);
            }
        }
    }

    // Takes back what was drafted in vain and feeds what came since; the last token is always fed, for its logits.
    private void Synchronize(ReadOnlySpan<int> sequence, int limit)
    {
        var shared = Math.Min(sequence.CommonPrefixLength(_tokens.AsSpan(0, _fed)), sequence.Length - 1);
        _session.TruncateTo(shared);
        if (_tokens.Length < sequence.Length + limit)
        {
            Array.Resize(ref _tokens, 2 * (sequence.Length + limit));
        }

        sequence[shared..].CopyTo(_tokens.AsSpan(shared));
        _fed = shared;
        _session.Prefill(sequence[shared..], CancellationToken.None);
        _fed = sequence.Length;
    }
}
