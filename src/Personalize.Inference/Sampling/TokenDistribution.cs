namespace Personalize.Inference.Sampling;

/// <summary>What remains after all filters: the tokens that can still be chosen, and their probabilities, which sum to 1.</summary>
/// <remarks>Owned by the <see cref="Sampler"/> that made it and overwritten by its next call. Not thread-safe.</remarks>
public sealed class TokenDistribution
{
    private readonly int[] _allTokens;
    private readonly int[] _tokens;
    private readonly float[] _probabilities;
    private bool _holdsAllTokens;
    private int _count;

    internal TokenDistribution(int vocabularySize)
    {
        _tokens = new int[vocabularySize];
        _allTokens = new int[vocabularySize];
        _probabilities = new float[vocabularySize];
        for (var token = 0; token < vocabularySize; token++)
        {
            _allTokens[token] = token;
        }
    }

    /// <summary>The tokens, most probable first when top-k or top-p chose them, by id otherwise. Valid until the sampler's next call.</summary>
    public ReadOnlySpan<int> Tokens => (_holdsAllTokens ? _allTokens : _tokens).AsSpan(0, _count);

    /// <summary>The probability of each of <see cref="Tokens"/>. Valid until the sampler's next call.</summary>
    public ReadOnlySpan<float> Probabilities => _probabilities.AsSpan(0, _count);

    /// <summary>The probability of one token, 0 when a filter removed it.</summary>
    /// <param name="token">A token id.</param>
    /// <returns>From 0 to 1.</returns>
    public float ProbabilityOf(int token)
    {
        var index = Tokens.IndexOf(token);
        return index < 0 ? 0 : _probabilities[index];
    }

    /// <summary>Draws a token by inverting the cumulative sum at <paramref name="uniform"/>.</summary>
    /// <param name="uniform">A number of [0, 1).</param>
    /// <returns>A token whose probability is above 0.</returns>
    public int Draw(double uniform)
    {
        double total = 0;
        foreach (var probability in Probabilities)
        {
            total += probability;
        }

        // The floats sum to 1 only within rounding: the target is a part of what they do sum to.
        var target = uniform * total;
        double sum = 0;
        var chosen = 0;
        for (var i = 0; i < _count; i++)
        {
            if (_probabilities[i] <= 0)
            {
                continue;
            }

            chosen = i;
            sum += _probabilities[i];
            if (sum > target)
            {
                break;
            }
        }

        return Tokens[chosen];
    }

    /// <summary>Turns p into <c>max(0, p - q)</c>, which need not sum to 1; where rounding leaves nothing of it, p stays.</summary>
    /// <param name="other">q, by id.</param>
    internal void Subtract(ReadOnlySpan<float> other)
    {
        var tokens = Tokens;
        var left = false;
        for (var i = 0; i < tokens.Length && !left; i++)
        {
            left = _probabilities[i] > other[tokens[i]];
        }

        for (var i = 0; left && i < tokens.Length; i++)
        {
            _probabilities[i] = MathF.Max(0, _probabilities[i] - other[tokens[i]]);
        }
    }

    /// <summary>All weights, by id; the caller fills them and calls <see cref="Complete"/>.</summary>
    internal Span<float> BeginAll()
    {
        _holdsAllTokens = true;
        _count = _allTokens.Length;
        return _probabilities;
    }

    /// <summary>Empties the distribution for <see cref="Add"/>.</summary>
    internal void Begin()
    {
        _holdsAllTokens = false;
        _count = 0;
    }

    internal void Add(int token, float weight)
    {
        _tokens[_count] = token;
        _probabilities[_count++] = weight;
    }

    /// <summary>Divides the weights by their sum.</summary>
    internal void Complete()
    {
        double sum = 0;
        foreach (var weight in Probabilities)
        {
            sum += weight;
        }

        var scale = 1 / sum;
        foreach (ref var weight in _probabilities.AsSpan(0, _count))
        {
            weight = (float)(weight * scale);
        }
    }
}
