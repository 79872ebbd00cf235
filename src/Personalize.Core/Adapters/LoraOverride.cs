namespace Personalize.Core.Adapters;

/// <summary>Another rank or alpha for some of the adapted maps: one entry of PEFT's <c>rank_pattern</c> or <c>alpha_pattern</c>.</summary>
/// <param name="Layer">The one layer it is for, counted from 0; null for all.</param>
/// <param name="Module">The linear map it is for.</param>
/// <param name="Rank">The rank, or null to leave it.</param>
/// <param name="Alpha">The numerator of the scale, or null to leave it.</param>
public sealed record LoraOverride(int? Layer, LinearModule Module, int? Rank = null, float? Alpha = null)
{
    /// <summary>Whether it is about a map.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="module">The linear map.</param>
    /// <returns>True if layer and module agree.</returns>
    public bool Covers(int layer, LinearModule module) => Module == module && (Layer is null || Layer == layer);
}
