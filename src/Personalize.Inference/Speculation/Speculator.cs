using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>Runs the passes of one generator: drafts, feeds the last token and its draft at once, hands out the logits of one token after the other while the draft holds, and takes the rest back.</summary>
internal sealed class Speculator
{
    private readonly TextGenerator _generator;
    private readonly IDrafter _drafter;
    private readonly Draft _draft;
    private readonly SpeculationGovernor _governor;
    private readonly int[] _batch;
    private readonly int[] _predicted;
    private IReadOnlyCollection<int> _stopTokens = [];
    private int _vocabularySize;
    private int _passStart;
    private int _row;
    private bool _isPassOpen;
    private TimeSpan _draftTime;
    private TimeSpan _passTime;

    public Speculator(TextGenerator generator, IDrafter drafter)
    {
        _generator = generator;
        _drafter = drafter;
        _batch = new int[generator.Session.MaxVerifyTokens];
        _predicted = new int[_batch.Length];
        _governor = new SpeculationGovernor(_batch.Length - 1, drafter.RelativeCost);
        _draft = new Draft(_batch.Length - 1, generator.Session.VocabularySize) { Estimates = _governor.Acceptance };
    }

    /// <summary>How many tokens of this text were drafted and verified.</summary>
    public int DraftedTokens { get; private set; }

    /// <summary>How many of those the model chose itself.</summary>
    public int AcceptedTokens { get; private set; }

    /// <summary>Whether speculation ended for this text because it did not pay.</summary>
    public bool IsOff => _governor.IsOff;

    private bool HasDraftedNext => _isPassOpen && _row < _draft.Count;

    public void Begin(SamplingOptions sampling, int vocabularySize, IReadOnlyCollection<int> stopTokens)
    {
        DraftedTokens = 0;
        AcceptedTokens = 0;
        _stopTokens = stopTokens;
        _vocabularySize = vocabularySize;
        _drafter.Begin(sampling, vocabularySize);
        _governor.Begin(byCountsAlone: !sampling.IsGreedy && _drafter.GivesProbabilities);
    }

    /// <summary>Makes the logits after the last token of the sequence available.</summary>
    /// <param name="sequence">The prompt and all generated tokens.</param>
    /// <param name="room">How many tokens after it can be of use.</param>
    public void Step(ReadOnlySpan<int> sequence, int room)
    {
        var last = sequence[^1];
        if (HasDraftedNext && _draft.Tokens[_row] == last)
        {
            _row++;
            AcceptedTokens++;
            return;
        }

        Close();
        Propose(sequence, room);
        var start = _generator.Time.GetTimestamp();
        if (_draft.Count == 0)
        {
            _generator.Decode(last);
            _governor.RecordPlain(_draft.Limit > 0, _draftTime, _generator.Time.GetElapsedTime(start));
            return;
        }

        _batch[0] = last;
        _draft.Tokens.CopyTo(_batch.AsSpan(1));
        _passStart = _generator.Session.Position;
        _generator.Verify(_batch.AsSpan(0, _draft.Count + 1));
        if (_drafter.LearnsFromPasses)
        {
            Teach(sequence.Length - 1);
        }

        _passTime = _generator.Time.GetElapsedTime(start);
        _isPassOpen = true;
        _row = 0;
        DraftedTokens += _draft.Count;
    }

    /// <summary>The logits that <see cref="Step"/> or the prefill left.</summary>
    public ReadOnlySpan<float> Logits => _isPassOpen ? _generator.Session.VerifiedLogits(_row) : _generator.Session.Logits;

    /// <summary>Chooses the next token: as without speculation but where the draft was drawn at random; there accepted with <c>min(1, p / q)</c>, else drawn from <c>max(0, p - q)</c>.</summary>
    public int Choose(Sampler sampler, ReadOnlySpan<float> logits, ReadOnlySpan<int> history) => HasDraftedNext && _draft.HasProbabilities
        ? sampler.SampleAgainst(logits, history, _draft.Tokens[_row], _draft.ProbabilitiesOf(_row))
        : sampler.Sample(logits, history);

    /// <summary>Ends a text: takes back what the model did not choose, and lets the drafter learn.</summary>
    public void End(ReadOnlySpan<int> sequence)
    {
        if (_isPassOpen)
        {
            // The last token is not fed any more, so no step has compared it.
            AcceptedTokens += HasDraftedNext && sequence.Length == _passStart + _row + 2 && sequence[^1] == _draft.Tokens[_row] ? 1 : 0;
            _isPassOpen = false;
            _generator.TakeBack(_passStart + 1 + _row);
        }

        _drafter.End(sequence);
    }

    private void Propose(ReadOnlySpan<int> sequence, int room)
    {
        var start = _generator.Time.GetTimestamp();
        _draft.Clear(_governor.Allow(room));
        if (_draft.Limit > 0)
        {
            _drafter.Propose(sequence, _draft);
            _draft.CutAfter(_stopTokens);
            _governor.Cut(_draft);
        }

        _draftTime = _generator.Time.GetElapsedTime(start);
    }

    private void Teach(int position)
    {
        var count = _draft.Count + 1;
        for (var i = 0; i < count; i++)
        {
            _predicted[i] = LogitMaximum.IndexOf(_generator.Session.VerifiedLogits(i)[.._vocabularySize]);
            if (_predicted[i] < 0)
            {
                // Not a number: choosing the token says so, if it comes to that.
                return;
            }
        }

        _drafter.Learn(position, _batch.AsSpan(0, count), _predicted.AsSpan(0, count));
    }

    private void Close()
    {
        if (_isPassOpen)
        {
            _isPassOpen = false;
            _generator.TakeBack(_passStart + 1 + _row);
            _governor.RecordVerified(_draft, _row, _draftTime, _passTime);
        }
    }
}
