namespace Personalize.Core.Adapters;

/// <summary>The seven linear maps of a decoder layer that an adapter can target, in PEFT's usual order.</summary>
public enum LinearModule
{
    /// <summary><c>self_attn.q_proj</c>, <c>[heads * headDim, hidden]</c>.</summary>
    Query,

    /// <summary><c>self_attn.k_proj</c>, <c>[keyValueHeads * headDim, hidden]</c>.</summary>
    Key,

    /// <summary><c>self_attn.v_proj</c>, <c>[keyValueHeads * headDim, hidden]</c>.</summary>
    Value,

    /// <summary><c>self_attn.o_proj</c>, <c>[hidden, heads * headDim]</c>.</summary>
    Output,

    /// <summary><c>mlp.gate_proj</c>, <c>[intermediate, hidden]</c>.</summary>
    Gate,

    /// <summary><c>mlp.up_proj</c>, <c>[intermediate, hidden]</c>.</summary>
    Up,

    /// <summary><c>mlp.down_proj</c>, <c>[hidden, intermediate]</c>.</summary>
    Down,
}
