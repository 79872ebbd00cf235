namespace Personalize.Inference.Speculation;

/// <summary>
/// Decides how many drafted tokens to verify: the number n with the most expected tokens a cost, <c>(1 + a1 + a1 a2 + ... + a1 ... an) / cost(n + 1)</c> with the probability of each token, and none where that is not above 1; speculation ends for the rest of a text
/// where what it gave did not outweigh what it took.
/// </summary>
internal sealed class SpeculationGovernor
{
    private const int TrialPasses = 12;
    private const int ProbeInterval = 24;
    private const int ProbeLength = 1;
    private const int PlainInterval = 24;
    private readonly int _maxDraft;
    private readonly double _draftCost;
    private readonly StepCosts _costs;
    private readonly int[] _declined = new int[AcceptanceEstimates.KindCount];
    private bool _byCountsAlone;
    private int _passes;
    private int _sincePlain;
    private double _given;
    private double _taken;

    /// <summary>Starts without measurements.</summary>
    /// <param name="maxDraft">How many tokens can be drafted at most.</param>
    /// <param name="draftCost">What drafting a token is assumed to cost, in plain steps.</param>
    public SpeculationGovernor(int maxDraft, double draftCost)
    {
        _maxDraft = maxDraft;
        _draftCost = draftCost;
        _costs = new StepCosts(maxDraft + 1);
    }

    /// <summary>How probable it is that a drafted token is right.</summary>
    public AcceptanceEstimates Acceptance { get; } = new();

    /// <summary>Whether speculation ended for this text because it did not pay.</summary>
    public bool IsOff { get; private set; }

    /// <summary>Starts a text; what was learned from earlier ones stays.</summary>
    /// <param name="byCountsAlone">True where drafts decide which random number serves which token, so that a decision by measured time would make the text depend on the machine's load.</param>
    public void Begin(bool byCountsAlone)
    {
        if (byCountsAlone)
        {
            Acceptance.Clear();
            Array.Clear(_declined);
        }

        _byCountsAlone = byCountsAlone;
        IsOff = false;
        _passes = 0;
        _given = 0;
        _taken = 0;
        _sincePlain = 0;
    }

    /// <summary>How many tokens to ask a drafter for.</summary>
    /// <param name="room">How many there is use for.</param>
    public int Allow(int room)
    {
        room = Math.Min(room, _maxDraft);
        if (IsOff || room <= 0 || (!_byCountsAlone && _sincePlain >= PlainInterval))
        {
            return 0;
        }

        // Copies cost nothing, so their length is decided once they are there; a model's tokens are paid for before.
        return _draftCost > 0 ? BestLength(draft: null, room) : room;
    }

    /// <summary>Shortens a draft to what pays.</summary>
    public void Cut(Draft draft)
    {
        if (draft.Count > 0 && _draftCost == 0)
        {
            draft.CutTo(BestLength(draft, draft.Count));
        }
    }

    /// <summary>Counts a step without a draft.</summary>
    public void RecordPlain(bool wasDraftWanted, TimeSpan draftTime, TimeSpan time)
    {
        _sincePlain = 0;
        if (!_byCountsAlone)
        {
            _costs.Record(1, time);
        }

        if (wasDraftWanted && _draftCost > 0)
        {
            // A draft model that is not sure enough to propose anything has computed all the same.
            Count(given: 0, _byCountsAlone ? _draftCost : _costs.InSteps(draftTime));
        }
    }

    /// <summary>Counts a verified draft, once it is known how much of it was right.</summary>
    public void RecordVerified(Draft draft, int accepted, TimeSpan draftTime, TimeSpan time)
    {
        var drafted = draft.Count;

        // What comes after the first wrong token was not tested.
        for (var i = 0; i <= accepted && i < drafted; i++)
        {
            Acceptance.Record(draft.KindOf(i), i < accepted);
        }

        _sincePlain++;
        if (_byCountsAlone)
        {
            Count(accepted + 1, StepCosts.Assumed(drafted + 1) + (drafted * _draftCost));
            return;
        }

        _costs.Record(drafted + 1, time);
        Count(accepted + 1, _costs.Of(drafted + 1) + (_costs.IsMeasured ? _costs.InSteps(draftTime) : drafted * _draftCost));
    }

    private void Count(int given, double taken)
    {
        _given += given;
        _taken += taken;
        IsOff |= ++_passes >= TrialPasses && _given <= _taken;
    }

    // Without a draft: of a model's tokens, which are yet to come and are all of one kind.
    private int BestLength(Draft? draft, int most)
    {
        var best = 0;
        var bestGain = 1.0;
        var expected = 1.0;
        var power = 1.0;
        for (var length = 1; length <= most; length++)
        {
            power *= Acceptance.Of(KindOf(draft, length - 1));
            expected += power;
            var cost = _byCountsAlone ? StepCosts.Assumed(length + 1) : _costs.Of(length + 1);
            var gain = expected / (cost + (length * _draftCost));
            if (gain > bestGain)
            {
                (best, bestGain) = (length, gain);
            }
        }

        if (best == 0 && ++_declined[KindOf(draft, 0)] >= ProbeInterval)
        {
            // What once did not pay may pay in another text; without a trial nobody would know.
            _declined[KindOf(draft, 0)] = 0;
            return Math.Min(ProbeLength, most);
        }

        return best;
    }

    private static int KindOf(Draft? draft, int index) => draft?.KindOf(index) ?? AcceptanceEstimates.KindOf(DraftOrigin.Model, 0, 0, 0);
}
