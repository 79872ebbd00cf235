namespace Personalize.Training.Evaluation;

/// <summary>What the gate decided, with the figures it decided by.</summary>
/// <param name="Outcome">The verdict and its reason.</param>
/// <param name="BaseNll">The base's mean loss on the later interactions, in nats a token.</param>
/// <param name="AdapterNll">The new adapter's.</param>
/// <param name="IncumbentNll">That of the adapter in use, if there is one.</param>
/// <param name="Tokens">How many tokens the means are over.</param>
public sealed record GateDecision(GateOutcome Outcome, double BaseNll, double AdapterNll, double? IncumbentNll, int Tokens)
{
    /// <summary>Whether the adapter may be used.</summary>
    public bool IsPromoted => Outcome == GateOutcome.Promoted;

    /// <summary>By how much the adapter lowers the base's loss, in percent of it; 0 where the base has none.</summary>
    public double GainPercent => BaseNll > 0 ? 100 * (BaseNll - AdapterNll) / BaseNll : 0;
}
