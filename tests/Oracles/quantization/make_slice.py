"""Cuts the first two rows of the formats that Personalize computes with out of blocks.safetensors: make_slice.py BLOCKS.safetensors OUT.safetensors"""
import json
import struct
import sys

FORMATS = ["Q4_0", "Q4_1", "Q8_0"]
QUANTIZED = ["F16", "BF16", *FORMATS]
ROWS = 2

data = open(sys.argv[1], "rb").read()
size = struct.unpack_from("<Q", data)[0]
header = json.loads(data[8:8 + size])
names = [f"{f}.{kind}" for f in FORMATS for kind in ("bytes", "values")] + ["quantize.input"] + [f"quantize.{f}" for f in QUANTIZED]
out, body = {}, b""
for name in names:
    info = header[name]
    begin, end = info["data_offsets"]
    part = data[8 + size + begin:8 + size + end][:(end - begin) * ROWS // info["shape"][0]]
    out[name] = {"dtype": info["dtype"], "shape": [ROWS, *info["shape"][1:]], "data_offsets": [len(body), len(body) + len(part)]}
    body += part
text = json.dumps(out).encode()
text += b" " * (-len(text) % 8)
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + body)
