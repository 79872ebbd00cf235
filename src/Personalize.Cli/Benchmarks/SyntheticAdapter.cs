using Personalize.Core.Adapters;
using Personalize.Core.Models;

namespace Personalize.Cli.Benchmarks;

/// <summary>An adapter of all linear maps with seeded random numbers, for measuring what one costs.</summary>
internal static class SyntheticAdapter
{
    public const int Rank = 8;
    private const float Spread = 0.01f;

    public static LoraAdapter Create(DecoderModel model, long seed)
    {
        var noise = new Noise((ulong)seed);
        var pairs = new List<LoraPair>();
        for (var layer = 0; layer < model.Description.LayerCount; layer++)
        {
            foreach (var module in LoraConfiguration.AllTargets)
            {
                var (input, output) = model.GetShape(module);
                pairs.Add(new LoraPair(layer, module, Rank, Values(Rank * input, noise), Values(output * Rank, noise)));
            }
        }

        return new LoraAdapter(new LoraConfiguration(Rank, 2 * Rank, UseRankStabilizedScaling: false, LoraConfiguration.AllTargets), model.Fingerprint, pairs);
    }

    private static float[] Values(int count, Noise noise)
    {
        var values = new float[count];
        foreach (ref var value in values.AsSpan())
        {
            value = Spread * noise.NextSigned();
        }

        return values;
    }
}
