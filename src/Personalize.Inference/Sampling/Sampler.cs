using Personalize.Core.Errors;
using Personalize.Core.Kernels;

namespace Personalize.Inference.Sampling;

/// <summary>Chooses the next token. After the first calls nothing is allocated. Not thread-safe: one sampler a conversation.</summary>
/// <remarks>
/// The order is that of Hugging Face transformers:
/// <list type="number">
/// <item>repetition penalty: each distinct token of the window once, <c>l / penalty</c> if <c>l &gt; 0</c>, else <c>l * penalty</c>;</item>
/// <item>temperature: <c>p = softmax(l / T)</c>; at T = 0 the token with the largest logit is certain, the lowest id at ties, and nothing below applies;</item>
/// <item>top-k: exactly the k most probable, lower ids first at ties, renormalized;</item>
/// <item>top-p: the shortest prefix, in falling order, whose sum reaches p, at least one token;</item>
/// <item>min-p: those with at least <c>minP * max(p)</c>; renormalized.</item>
/// </list>
/// Speculation verifies against the distribution after all of these: <see cref="Filter"/>.
/// </remarks>
public sealed class Sampler
{
    // A nucleus seldom reaches below a thousandth of the largest probability, so only few tokens have to be sorted; zero takes all.
    private static readonly float[] NucleusThresholds = [1e-3f, 1e-5f, 0f];

    private readonly SamplingOptions _options;
    private readonly SamplingRandom _random;
    private readonly TokenDistribution _distribution;
    private readonly float[] _logits;
    private readonly float[] _weights;
    private readonly int[] _stamps;
    private readonly float _inverseTemperature;
    private ulong[] _ranks = [];
    private int _stamp;

    /// <summary>Plans the buffers: about 24 bytes a token of the vocabulary.</summary>
    /// <param name="options">How to choose.</param>
    /// <param name="vocabularySize">How many logits there are.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary is empty.</exception>
    public Sampler(SamplingOptions options, int vocabularySize)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabularySize);
        _options = options;
        _random = new SamplingRandom(options.Seed);
        _distribution = new TokenDistribution(vocabularySize);
        _logits = new float[vocabularySize];
        _weights = new float[vocabularySize];
        _stamps = new int[vocabularySize];
        // Finite, so that it leaves the largest logit's difference of zero a zero at any temperature.
        _inverseTemperature = Math.Min(1 / options.Temperature, float.MaxValue);
    }

    /// <summary>Chooses a token.</summary>
    /// <param name="logits"><c>[vocabulary]</c>; not changed.</param>
    /// <param name="history">All tokens so far, oldest first; only the penalty looks at them.</param>
    /// <returns>A token id.</returns>
    /// <exception cref="ArgumentException">There are not as many logits as the vocabulary has tokens.</exception>
    /// <exception cref="NonFiniteLogitsException">A logit is NaN, or the largest is infinite.</exception>
    public int Sample(ReadOnlySpan<float> logits, ReadOnlySpan<int> history)
    {
        CheckLength(logits);
        return _options.IsGreedy ? MostProbable(Penalize(logits, history), history.Length) : Filter(logits, history).Draw(_random.NextDouble());
    }

    /// <summary>Chooses a token where another was drawn from a distribution q before: that one with probability <c>min(1, p / q)</c>, else one drawn from <c>max(0, p - q)</c>, so that the choice is distributed as p (arXiv 2211.17192, algorithm 1).</summary>
    /// <param name="logits"><c>[vocabulary]</c>; not changed.</param>
    /// <param name="history">All tokens so far, oldest first; only the penalty looks at them.</param>
    /// <param name="drafted">The token that was drawn from q, independently of this sampler's numbers.</param>
    /// <param name="draftProbabilities">q, at least <c>[vocabulary]</c>.</param>
    /// <returns>A token id; <paramref name="drafted"/> exactly where it was accepted.</returns>
    /// <exception cref="ArgumentException">There are not as many logits as the vocabulary has tokens, or fewer probabilities.</exception>
    /// <exception cref="NonFiniteLogitsException">A logit is NaN, or the largest is infinite.</exception>
    internal int SampleAgainst(ReadOnlySpan<float> logits, ReadOnlySpan<int> history, int drafted, ReadOnlySpan<float> draftProbabilities)
    {
        if (draftProbabilities.Length < logits.Length)
        {
            throw new ArgumentException($"expected {logits.Length} probabilities, found {draftProbabilities.Length}", nameof(draftProbabilities));
        }

        var distribution = Filter(logits, history);
        if (_random.NextDouble() * draftProbabilities[drafted] < distribution.ProbabilityOf(drafted))
        {
            return drafted;
        }

        distribution.Subtract(draftProbabilities);
        return distribution.Draw(_random.NextDouble());
    }

    /// <summary>The distribution that <see cref="Sample"/> draws from; draws nothing.</summary>
    /// <param name="logits"><c>[vocabulary]</c>; not changed.</param>
    /// <param name="history">All tokens so far, oldest first; only the penalty looks at them.</param>
    /// <returns>This sampler's one distribution, overwritten by the next call.</returns>
    /// <exception cref="ArgumentException">There are not as many logits as the vocabulary has tokens.</exception>
    /// <exception cref="NonFiniteLogitsException">A logit is NaN, or the largest is infinite.</exception>
    public TokenDistribution Filter(ReadOnlySpan<float> logits, ReadOnlySpan<int> history)
    {
        CheckLength(logits);
        var penalized = Penalize(logits, history);
        if (_options.IsGreedy)
        {
            _distribution.Begin();
            _distribution.Add(MostProbable(penalized, history.Length), 1);
            return _distribution;
        }

        var maximum = LogitMaximum.Find(penalized);
        if (!float.IsFinite(maximum))
        {
            throw new NonFiniteLogitsException(history.Length);
        }

        if (_options.TopK > 0 && _options.TopK < penalized.Length)
        {
            FilterTopK(penalized, maximum);
        }
        else
        {
            FilterAll(penalized, maximum);
        }

        _distribution.Complete();
        return _distribution;
    }

    private static int MostProbable(ReadOnlySpan<float> logits, int position)
    {
        var token = LogitMaximum.IndexOf(logits);
        return token >= 0 && float.IsFinite(logits[token]) ? token : throw new NonFiniteLogitsException(position);
    }

    private void CheckLength(ReadOnlySpan<float> logits)
    {
        if (logits.Length != _logits.Length)
        {
            throw new ArgumentException($"expected {_logits.Length} logits, found {logits.Length}", nameof(logits));
        }
    }

    private ReadOnlySpan<float> Penalize(ReadOnlySpan<float> logits, ReadOnlySpan<int> history)
    {
        var penalty = _options.RepetitionPenalty;
        if (penalty == 1)
        {
            return logits;
        }

        logits.CopyTo(_logits);
        if (++_stamp == int.MaxValue)
        {
            Array.Clear(_stamps);
            _stamp = 1;
        }

        foreach (var token in history[Math.Max(0, history.Length - _options.RepetitionWindow)..])
        {
            if (_stamps[token] != _stamp)
            {
                _stamps[token] = _stamp;
                ref var logit = ref _logits[token];
                logit = logit > 0 ? logit / penalty : logit * penalty;
            }
        }

        return _logits;
    }

    private void FilterTopK(ReadOnlySpan<float> logits, float maximum)
    {
        var ranks = Ranks(_options.TopK);
        TopKSelection.Select(logits, ranks);
        double total = 0;
        foreach (var rank in ranks)
        {
            var token = RankKey.Index(rank);
            var weight = VectorExp.Exp((logits[token] - maximum) * _inverseTemperature);
            _weights[token] = weight;
            total += weight;
        }

        AddNucleus(ranks, total);
    }

    private void FilterAll(ReadOnlySpan<float> logits, float maximum)
    {
        if (_options is { TopP: 1, MinP: 0 })
        {
            Exponential.Apply(logits, maximum, _inverseTemperature, _distribution.BeginAll());
            return;
        }

        var total = Exponential.Apply(logits, maximum, _inverseTemperature, _weights);
        var ranks = Ranks(_weights.Length);
        if (_options.TopP == 1)
        {
            var count = WeightSelection.AtLeast(_weights, _options.MinP, ranks, out _);
            _distribution.Begin();
            foreach (var rank in ranks[..count])
            {
                _distribution.Add(RankKey.Index(rank), _weights[RankKey.Index(rank)]);
            }

            return;
        }

        foreach (var threshold in NucleusThresholds)
        {
            // What min-p removes anyway need not be sorted either.
            var count = WeightSelection.AtLeast(_weights, Math.Max(threshold, _options.MinP), ranks, out var mass);
            if (mass >= _options.TopP * total || threshold <= _options.MinP)
            {
                ranks = ranks[..count];
                break;
            }
        }

        ranks.Sort();
        AddNucleus(ranks, total);
    }

    // The largest weight is exp(0) = 1, so min-p compares with the weights as they are.
    private void AddNucleus(ReadOnlySpan<ulong> ranks, double total)
    {
        _distribution.Begin();
        var enough = _options.TopP < 1 ? _options.TopP * total : double.PositiveInfinity;
        double sum = 0;
        foreach (var rank in ranks)
        {
            var token = RankKey.Index(rank);
            var weight = _weights[token];
            if (sum >= enough || weight < _options.MinP)
            {
                break;
            }

            _distribution.Add(token, weight);
            sum += weight;
        }
    }

    private Span<ulong> Ranks(int count)
    {
        if (_ranks.Length < count)
        {
            _ranks = new ulong[count];
        }

        return _ranks.AsSpan(0, count);
    }
}
