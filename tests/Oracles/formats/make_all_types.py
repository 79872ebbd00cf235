"""Writes all-types.gguf byte by byte from the specification, without any GGUF library: make_all_types.py OUT.gguf"""
import struct
import sys


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def pair(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def array(key, kind, count, body):
    return pair(key, 9, struct.pack("<IQ", kind, count) + body)


SCALARS = [("u8", 0, "B", 255), ("i8", 1, "b", -128), ("u16", 2, "H", 65535), ("i16", 3, "h", -32768), ("u32", 4, "I", 4294967295), ("i32", 5, "i", -2147483648),
           ("f32", 6, "f", 0.1), ("bool", 7, "B", 1), ("u64", 10, "Q", 18446744073709551615), ("i64", 11, "q", -9223372036854775808), ("f64", 12, "d", 0.1)]
pairs = [pair("general.alignment", 4, struct.pack("<I", 64)), pair("scalar.string", 8, text("grüße 🦙")), pair("scalar.empty", 8, text(""))]
pairs += [pair("scalar." + n, k, struct.pack("<" + f, v)) for n, k, f, v in SCALARS]
pairs += [array("array." + n, k, 2, struct.pack("<2" + f, v, 1)) for n, k, f, v in SCALARS]
pairs += [array("array.string", 8, 3, text("a") + text("") + text("ö")), array("array.empty", 4, 0, b"")]

f32 = struct.pack("<6f", 1, 2, 3, 4, 5, 6)
q4_1 = struct.pack("<ee", 0.5, -2) + bytes(range(16))
q4_k = bytes(144)
infos, data = b"", b""
for name, dims, kind, body in [("matrix", (3, 2), 0, f32), ("quantized", (32,), 3, q4_1), ("described", (256, 1), 12, q4_k), ("scalar", (), 0, struct.pack("<f", 7))]:
    infos += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims) + struct.pack("<IQ", kind, len(data))
    data += body + bytes(-len(body) % 64)
head = b"GGUF" + struct.pack("<IQQ", 3, 4, len(pairs)) + b"".join(pairs) + infos
open(sys.argv[1], "wb").write(head + bytes(-len(head) % 64) + data)
