using System.Globalization;
using Personalize.Core.Adapters;

namespace Personalize.Inference.Merging;

/// <summary>What linear maps are called in a GGUF file.</summary>
internal static class MergedTensorNames
{
    // In the order of LinearModule.
    private static readonly string[] Names = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];

    public static string Of(int layer, LinearModule module) => string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.{Names[(int)module]}.weight");

    public static string OfBias(int layer, LinearModule module) => string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.{Names[(int)module]}.bias");
}
