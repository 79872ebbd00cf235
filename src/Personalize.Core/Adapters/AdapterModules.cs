using System.Diagnostics.CodeAnalysis;
using Personalize.Core.Models;

namespace Personalize.Core.Adapters;

/// <summary>What the seven linear maps are called in each format, and their sizes in a model.</summary>
internal static class AdapterModules
{
    // In the order of LinearModule.
    private static readonly (string Target, string Peft, string Gguf)[] Names =
    [
        ("q_proj", "self_attn.q_proj", "attn_q"),
        ("k_proj", "self_attn.k_proj", "attn_k"),
        ("v_proj", "self_attn.v_proj", "attn_v"),
        ("o_proj", "self_attn.o_proj", "attn_output"),
        ("gate_proj", "mlp.gate_proj", "ffn_gate"),
        ("up_proj", "mlp.up_proj", "ffn_up"),
        ("down_proj", "mlp.down_proj", "ffn_down"),
    ];

    /// <summary>The name in <c>target_modules</c>, such as <c>q_proj</c>.</summary>
    public static string TargetName(LinearModule module) => Names[(int)module].Target;

    /// <summary>The path within a layer as Hugging Face spells it, such as <c>self_attn.q_proj</c>.</summary>
    public static string PeftName(LinearModule module) => Names[(int)module].Peft;

    /// <summary>The name within a block as GGUF spells it, such as <c>attn_q</c>.</summary>
    public static string GgufName(LinearModule module) => Names[(int)module].Gguf;

    public static bool TryParseTarget(string? name, out LinearModule module) => TryFind(names => names.Target, name, out module);

    public static bool TryParsePeft(string name, out LinearModule module) => TryFind(names => names.Peft, name, out module);

    public static bool TryParseGguf(string name, out LinearModule module) => TryFind(names => names.Gguf, name, out module);

    private static bool TryFind(Func<(string Target, string Peft, string Gguf), string> part, [NotNullWhen(true)] string? name, out LinearModule module)
    {
        var index = Array.FindIndex(Names, names => string.Equals(part(names), name, StringComparison.Ordinal));
        module = (LinearModule)Math.Max(index, 0);
        return index >= 0;
    }
}
