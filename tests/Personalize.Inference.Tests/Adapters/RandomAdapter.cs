using Personalize.Core.Adapters;
using Personalize.Core.Models;

namespace Personalize.Inference.Tests.Adapters;

/// <summary>An adapter of seeded random numbers, strong enough to change every logit.</summary>
internal static class RandomAdapter
{
    private const float Spread = 0.05f;

    public static LoraAdapter Create(DecoderModel model, int seed, int rank = 8, float alpha = 16, params IReadOnlyList<LinearModule> targets)
    {
        var random = new Random(seed);
        var modules = targets.Count == 0 ? LoraConfiguration.AllTargets : targets;
        var pairs = new List<LoraPair>();
        for (var layer = 0; layer < model.Description.LayerCount; layer++)
        {
            foreach (var module in modules)
            {
                var (input, output) = model.GetShape(module);
                pairs.Add(new LoraPair(layer, module, rank, Values(rank * input), Values(output * rank)));
            }
        }

        return new LoraAdapter(new LoraConfiguration(rank, alpha, UseRankStabilizedScaling: false, modules), model.Fingerprint, pairs);

        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => Spread * ((2 * random.NextSingle()) - 1))];
    }
}
