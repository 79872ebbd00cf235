using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Inference.Speculation;

namespace Personalize.Cli.Benchmarks;

/// <summary>One way to draft, made anew for each scenario.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Create">Makes it for a scenario and for conversations of so many tokens.</param>
internal sealed record DrafterKind(string Name, Func<SpeculationScenario, int, Drafting> Create)
{
    /// <summary>All that need nothing further, and a draft model where one is given.</summary>
    public static IReadOnlyList<DrafterKind> All(CommandContext context, Engine engine, string? draftModel)
    {
        var kinds = new List<DrafterKind> { new("lookup", (_, _) => Drafting.FromText()), new("history", (scenario, _) => Drafting.FromTexts(scenario.History)), new("refine", (_, _) => Drafting.FromPasses()) };
        if (draftModel is not null)
        {
            kinds.Add(new DrafterKind("draft", (_, contextLength) => Drafting.FromModel(context, engine, draftModel, contextLength)));
        }

        return kinds;
    }
}
