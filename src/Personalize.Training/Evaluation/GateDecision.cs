namespace Personalize.Training.Evaluation;

/// <summary>What the gate decided, with the figures it decided by.</summary>
/// <param name="Outcome">The verdict and its reason.</param>
/// <param name="BaseNll">The base's mean loss on the later interactions, in nats a token.</param>
/// <param name="AdapterNll">The new adapter's.</param>
/// <param name="IncumbentNll">That of the adapter in use, if there is one.</param>
/// <param name="Tokens">How many tokens the means are over.</param>
public sealed record GateDecision(GateOutcome Outcome, double BaseNll, double AdapterNll, double? IncumbentNll, int Tokens)
{
    /// <summary>By how much the adapter's loss differs from the base's, and how sure that is; null where it was not asked.</summary>
    public BootstrapInterval? AgainstBase { get; init; }

    /// <summary>By how much it differs from that of the adapter in use; null where there is none, or it was not asked.</summary>
    public BootstrapInterval? AgainstIncumbent { get; init; }

    /// <summary>What it did to texts that have nothing to do with the person; null where it was not measured.</summary>
    public GeneralChange? General { get; init; }

    /// <summary>Whether planted secrets were learnt; null where none were planted.</summary>
    public CanaryCheck? Canary { get; init; }

    /// <summary>Whether the adapter may be used.</summary>
    public bool IsPromoted => Outcome == GateOutcome.Promoted;

    /// <summary>By how much the adapter lowers the base's loss, in percent of it; 0 where the base has none.</summary>
    public double GainPercent => BaseNll > 0 ? 100 * (BaseNll - AdapterNll) / BaseNll : 0;

    /// <summary>Why the gate decided so.</summary>
    /// <returns>A sentence of figures for a person; none of their text.</returns>
    public string Explain() => Outcome switch
    {
        GateOutcome.Promoted => $"loss on later texts {BaseNll:F4} before, {AdapterNll:F4} with the adapter: {GainPercent:F1} % better",
        GateOutcome.NothingToJudge => "there was no later text to judge by: record more",
        GateOutcome.NotFinite => "a loss is not a number",
        GateOutcome.NotBelowBase => $"loss on later texts {AdapterNll:F4} with the adapter, not below the base's {BaseNll:F4}",
        GateOutcome.NotBelowIncumbent => $"loss on later texts {AdapterNll:F4} with the adapter, not below {IncumbentNll:F4} of the one in use",
        GateOutcome.WithinChanceOfBase => $"loss on later texts {AdapterNll:F4} with the adapter, {BaseNll:F4} before: with so few texts that may be chance ({Describe(AgainstBase)}); record more",
        GateOutcome.WithinChanceOfIncumbent => $"loss on later texts {AdapterNll:F4} with the adapter, {IncumbentNll:F4} with the one in use: that may be chance ({Describe(AgainstIncumbent)})",
        GateOutcome.GeneralAbilityLost => $"the adapter forgot too much of what the model can do: of general questions {General?.AdapterScore:F3}, {General?.BaseScore:F3} before",
        _ => $"the adapter learnt a planted secret by heart: {Canary?.AdapterBits:F1} of {Evaluation.Canary.MaximumBits:F0} bits",
    };

    private static string Describe(BootstrapInterval? interval) => interval is null ? "no interval" : $"the difference lies between {interval.Low:F4} and {interval.High:F4}";
}
