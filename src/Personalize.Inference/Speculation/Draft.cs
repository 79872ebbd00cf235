using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>Tokens that a drafter proposes to continue a text. Filled by an <see cref="IDrafter"/>, owned and emptied by who asked for it. Not thread-safe.</summary>
public sealed class Draft
{
    private readonly int[] _tokens;
    private readonly (int Agreeing, int Places)[] _support;
    private readonly int _vocabularySize;
    private float[] _probabilities = [];

    /// <summary>Makes room.</summary>
    /// <param name="capacity">How many tokens there can be at most.</param>
    /// <param name="vocabularySize">How many tokens the verifying model can choose from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not positive.</exception>
    public Draft(int capacity, int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        _tokens = new int[capacity];
        _support = new (int, int)[capacity];
        _vocabularySize = vocabularySize;
        Limit = capacity;
    }

    /// <summary>How many tokens are wanted now.</summary>
    public int Limit { get; private set; }

    /// <summary>How many tokens there are.</summary>
    public int Count { get; private set; }

    /// <summary>Whether each token was drawn from a distribution that is known; otherwise each is a guess (a point mass).</summary>
    public bool HasProbabilities { get; private set; }

    /// <summary>Where the tokens come from.</summary>
    public DraftOrigin Origin { get; set; }

    /// <summary>How many of the latest tokens agree with the place that the draft was copied from; 0 where nothing was copied.</summary>
    public int MatchLength { get; set; }

    /// <summary>The tokens; valid until the draft is changed.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>How probable it is that a token is right.</summary>
    internal AcceptanceEstimates Estimates { get; init; } = new();

    /// <summary>How many of the tokens can be expected to be right: the sum, over the tokens, of the probability that all up to there are.</summary>
    internal double ExpectedTokens
    {
        get
        {
            var (expected, all) = (0.0, 1.0);
            for (var i = 0; i < Count; i++)
            {
                all *= Estimates.Of(KindOf(i));
                expected += all;
            }

            return expected;
        }
    }

    /// <summary>Empties the draft.</summary>
    /// <param name="limit">How many tokens are wanted; from 0 to the capacity.</param>
    /// <exception cref="ArgumentOutOfRangeException">Outside that range.</exception>
    public void Clear(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, _tokens.Length);
        Limit = limit;
        Count = 0;
        HasProbabilities = false;
        Origin = default;
        MatchLength = 0;
    }

    /// <summary>Appends a guess.</summary>
    /// <param name="token">A token below the vocabulary's size.</param>
    /// <exception cref="InvalidOperationException">The limit is reached, or earlier tokens came with probabilities.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Not a token of the vocabulary.</exception>
    public void Add(int token) => AddGuess(token, 0, 0);

    /// <summary>Appends a guess that was found to follow.</summary>
    /// <param name="token">A token below the vocabulary's size.</param>
    /// <param name="agreeing">After how many of the places it came.</param>
    /// <param name="places">At how many places the tokens before it stood.</param>
    /// <exception cref="InvalidOperationException">The limit is reached, or earlier tokens came with probabilities.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Not a token of the vocabulary, no place, or more than there are.</exception>
    public void Add(int token, int agreeing, int places)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(agreeing);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(agreeing, places);
        AddGuess(token, agreeing, places);
    }

    /// <summary>Appends a token that was drawn from a distribution.</summary>
    /// <param name="token">The token.</param>
    /// <param name="distribution">What it was drawn from, after all filters; copied.</param>
    /// <exception cref="InvalidOperationException">The limit is reached, or earlier tokens came without probabilities.</exception>
    /// <exception cref="ArgumentException">The distribution does not hold the token, or holds one outside the vocabulary.</exception>
    public void Add(int token, TokenDistribution distribution)
    {
        ArgumentNullException.ThrowIfNull(distribution);
        if (Count > 0 && !HasProbabilities)
        {
            throw new InvalidOperationException("the draft's earlier tokens came without probabilities");
        }

        if (!(distribution.ProbabilityOf(token) > 0))
        {
            throw new ArgumentException($"token {token} cannot be drawn from the distribution", nameof(distribution));
        }

        Append(token, 0, 0);
        HasProbabilities = true;
        if (_probabilities.Length == 0)
        {
            _probabilities = new float[_tokens.Length * _vocabularySize];
        }

        var row = Row(Count - 1);
        row.Clear();
        var tokens = distribution.Tokens;
        for (var i = 0; i < tokens.Length; i++)
        {
            row[tokens[i]] = distribution.Probabilities[i];
        }
    }

    /// <summary>The distribution that a token was drawn from, <c>[vocabulary]</c>; only where <see cref="HasProbabilities"/>.</summary>
    internal ReadOnlySpan<float> ProbabilitiesOf(int index) => Row(index);

    /// <summary>The kind of evidence that speaks for a token. A copy's match grows with every token of it that is right; of refined tokens those behind the known sequences have none.</summary>
    internal int KindOf(int index)
    {
        var match = Origin switch
        {
            DraftOrigin.Text or DraftOrigin.History => MatchLength + index,
            DraftOrigin.Refinement when index < MatchLength => MatchLength,
            _ => 0,
        };
        return AcceptanceEstimates.KindOf(Origin, match, _support[index].Agreeing, _support[index].Places);
    }

    /// <summary>Keeps the first tokens only.</summary>
    internal void CutTo(int count) => Count = Math.Min(Count, count);

    /// <summary>Drops what follows a token that ends a text: there is no use for it.</summary>
    internal void CutAfter(IReadOnlyCollection<int> stopTokens)
    {
        for (var i = 0; i < Count; i++)
        {
            if (stopTokens.Contains(_tokens[i]))
            {
                CutTo(i + 1);
                return;
            }
        }
    }

    private Span<float> Row(int index) => _probabilities.AsSpan(index * _vocabularySize, _vocabularySize);

    private void AddGuess(int token, int agreeing, int places)
    {
        if (HasProbabilities)
        {
            throw new InvalidOperationException("the draft's earlier tokens came with probabilities");
        }

        Append(token, agreeing, places);
    }

    private void Append(int token, int agreeing, int places)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, _vocabularySize);
        if (Count >= Limit)
        {
            throw new InvalidOperationException($"the draft holds the {Limit} tokens that were asked for");
        }

        _support[Count] = (agreeing, places);
        _tokens[Count++] = token;
    }
}
