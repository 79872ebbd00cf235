"""Cuts layer 0's query and key pairs out of the oracles' adapter, once as PEFT saved it and once as llama.cpp's converter wrote it: python cut.py SHARED/oracles/lora"""
import json, pathlib, struct, sys

source, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent
KEEP = ("q_proj", "k_proj")

# PEFT
(here / "peft").mkdir(exist_ok=True)
config = json.loads((source / "peft-adapter/adapter_config.json").read_text())
config["target_modules"] = list(KEEP)
(here / "peft/adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
raw = (source / "peft-adapter/adapter_model.safetensors").read_bytes()
size = struct.unpack("<Q", raw[:8])[0]
header, data, out, blob = json.loads(raw[8:8 + size]), raw[8 + size:], {"__metadata__": {"format": "pt"}}, b""
for name, entry in header.items():
    if ".layers.0." in name and any(f".{k}." in name for k in KEEP):
        begin, end = entry["data_offsets"]
        out[name] = dict(entry, data_offsets=[len(blob), len(blob) + end - begin])
        blob += data[begin:end]
text = json.dumps(out).encode()
text += b" " * (-len(text) % 8)
(here / "peft/adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + blob)

# GGUF: the key-value pairs stay byte for byte, the tensors are cut
raw = (source / "adapter-f16.gguf").read_bytes()
at = 8


def take(form):
    global at
    value = struct.unpack_from("<" + form, raw, at)[0]
    at += struct.calcsize("<" + form)
    return value


def string():
    global at
    n = take("Q")
    at += n
    return raw[at - n:at].decode()


def skip(kind):
    global at
    if kind == 8:
        string()
    elif kind == 9:
        element, n = take("I"), take("Q")
        for _ in range(n):
            skip(element)
    else:
        at += {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[kind]


tensors, pairs = take("Q"), take("Q")
begin = at
for _ in range(pairs):
    string()
    skip(take("I"))
metadata, infos = raw[begin:at], []
for _ in range(tensors):
    name, dims = string(), [take("Q") for _ in range(take("I"))]
    infos.append((name, dims, take("I"), take("Q")))
base, kept, blob = -(-at // 32) * 32, [], b""
for name, dims, kind, offset in infos:
    if name.startswith(("blk.0.attn_q.", "blk.0.attn_k.")):
        kept.append((name, dims, kind, len(blob)))
        n = 2 * dims[0] * dims[1]
        blob += raw[base + offset:base + offset + n] + b"\0" * (-n % 32)
out = b"GGUF" + struct.pack("<IQQ", 3, len(kept), pairs) + metadata
for name, dims, kind, offset in kept:
    out += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims) + struct.pack("<IQ", kind, offset)
(here / "llama-f16.gguf").write_bytes(out + b"\0" * (-len(out) % 32) + blob)
