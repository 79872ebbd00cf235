namespace Personalize.Core.Adapters;

/// <summary>The shape and scale of a low-rank adapter: <c>W' x = W x + scale * B (A x)</c> (LoRA, arXiv 2106.09685).</summary>
/// <param name="Rank">The inner dimension r of every pair.</param>
/// <param name="Alpha">The numerator of the scale.</param>
/// <param name="UseRankStabilizedScaling">Scale by <c>alpha / sqrt(r)</c> (rsLoRA, arXiv 2312.03732) in place of <c>alpha / r</c>.</param>
/// <param name="Targets">The linear maps that carry a pair, each at most once.</param>
public sealed record LoraConfiguration(int Rank, float Alpha, bool UseRankStabilizedScaling, IReadOnlyList<LinearModule> Targets)
{
    /// <summary>All seven linear maps of a layer.</summary>
    public static IReadOnlyList<LinearModule> AllTargets { get; } = Enum.GetValues<LinearModule>();

    /// <summary>What the low-rank product is multiplied with: <c>alpha / r</c>, or <c>alpha / sqrt(r)</c> for rsLoRA.</summary>
    public float Scale => UseRankStabilizedScaling ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;
}
