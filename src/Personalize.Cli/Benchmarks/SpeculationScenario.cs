namespace Personalize.Cli.Benchmarks;

/// <summary>Prompts of one kind, and what was said before them.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Prompts">The prompts as tokens.</param>
/// <param name="History">Earlier texts, for the drafter that knows them.</param>
internal sealed record SpeculationScenario(string Name, IReadOnlyList<int[]> Prompts, IReadOnlyList<int[]> History)
{
    /// <summary>Those of the texts that are reported once more for themselves.</summary>
    public ScenarioPart? Part { get; init; }
}
