using Personalize.Core.Models;

namespace Personalize.Core.Adapters;

/// <summary>The shape and scale of a low-rank adapter: <c>W' x = W x + scale * B (A x)</c> (LoRA, arXiv 2106.09685), or with <see cref="UseDora"/> the rows of W' rescaled.</summary>
/// <param name="Rank">The inner dimension r of every pair without an override.</param>
/// <param name="Alpha">The numerator of the scale of every pair without an override.</param>
/// <param name="UseRankStabilizedScaling">Scale by <c>alpha / sqrt(r)</c> (rsLoRA, arXiv 2312.03732) in place of <c>alpha / r</c>.</param>
/// <param name="Targets">The linear maps that carry a pair, each at most once.</param>
public sealed record LoraConfiguration(int Rank, float Alpha, bool UseRankStabilizedScaling, IReadOnlyList<LinearModule> Targets)
{
    /// <summary>All seven linear maps of a layer.</summary>
    public static IReadOnlyList<LinearModule> AllTargets { get; } = Enum.GetValues<LinearModule>();

    /// <summary>Every pair has a magnitude m and <c>W' = m (W + scale * B A) / ||W + scale * B A||</c>, row by row (DoRA, arXiv 2402.09353).</summary>
    public bool UseDora { get; init; }

    /// <summary>Every pair whose map has a bias in the base has a bias b' of its own, <c>W' x + b'</c>, in place of the base's (PEFT's <c>bias="lora_only"</c>); other pairs have none.</summary>
    public bool TrainsBiases { get; init; }

    /// <summary>Other ranks and alphas for some maps; the first entry that covers a map and has a value decides.</summary>
    public IReadOnlyList<LoraOverride> Overrides { get; init; } = [];

    /// <summary>What the low-rank product is multiplied with: <c>alpha / r</c>, or <c>alpha / sqrt(r)</c> for rsLoRA; maps with an override have their own.</summary>
    public float Scale => ScaleOf(Rank, Alpha);

    /// <summary>The rank of one map's pair.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="module">The linear map.</param>
    /// <returns>The inner dimension.</returns>
    public int GetRank(int layer, LinearModule module) => Overrides.FirstOrDefault(o => o.Rank is not null && o.Covers(layer, module))?.Rank ?? Rank;

    /// <summary>The scale of one map's pair.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="module">The linear map.</param>
    /// <returns>What the low-rank product is multiplied with.</returns>
    public float GetScale(int layer, LinearModule module) =>
        ScaleOf(GetRank(layer, module), Overrides.FirstOrDefault(o => o.Alpha is not null && o.Covers(layer, module))?.Alpha ?? Alpha);

    /// <summary>Whether the pair of a map has a bias: where biases are trained and the base's map has one.</summary>
    /// <param name="model">The base.</param>
    /// <param name="module">The linear map.</param>
    /// <returns>True where it has one.</returns>
    public bool HasBias(DecoderDescription model, LinearModule module) => TrainsBiases && model.HasBias(module);

    private float ScaleOf(int rank, float alpha) => UseRankStabilizedScaling ? alpha / MathF.Sqrt(rank) : alpha / rank;
}
