"""Writes the sample adapter beside this file: python make.py. Every weight follows from its place, so nothing in it was learned from anybody."""
import json, math, pathlib, struct

here, rank, hidden, intermediate, heads, kv_heads, head_dim, layers = pathlib.Path(__file__).parent, 2, 64, 160, 4, 2, 16, 3
shapes = {
    "self_attn.q_proj": (hidden, heads * head_dim), "self_attn.k_proj": (hidden, kv_heads * head_dim), "self_attn.v_proj": (hidden, kv_heads * head_dim),
    "self_attn.o_proj": (heads * head_dim, hidden), "mlp.gate_proj": (hidden, intermediate), "mlp.up_proj": (hidden, intermediate), "mlp.down_proj": (intermediate, hidden),
}
header, blob = {"__metadata__": {"format": "pt"}}, b""
for layer in range(layers):
    for number, (module, (n_in, n_out)) in enumerate(shapes.items()):
        for letter, shape in (("A", (rank, n_in)), ("B", (n_out, rank))):
            values = [0.01 * math.sin(1 + 7 * layer + number + 0.1 * i + (letter == "B")) for i in range(shape[0] * shape[1])]
            header[f"base_model.model.model.layers.{layer}.{module}.lora_{letter}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(blob), len(blob) + 4 * len(values)]}
            blob += struct.pack(f"<{len(values)}f", *values)
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
(here / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + blob)
config = {
    "bias": "none", "fan_in_fan_out": False, "inference_mode": True, "lora_alpha": 4, "lora_dropout": 0.0, "modules_to_save": None, "peft_type": "LORA", "r": rank,
    "target_modules": [name.split(".")[1] for name in shapes], "task_type": "CAUSAL_LM", "use_dora": False, "use_rslora": False,
}
(here / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
