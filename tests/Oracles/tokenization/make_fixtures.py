"""Makes tiny-vocabulary.json and renderings.json in this folder. python3 make_fixtures.py [PATH_OF_THE_LARGE_renderings.json]

A byte-pair vocabulary trained here on a few sentences, and the ids of strings under four pre-tokenizers, by the slowest
code that can be right: pieces by regular expressions over a string of character classes, merges one at a time.
Python's standard library only.
"""
import collections, json, random, re, sys, unicodedata
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRAINING = """The tide comes in at half past six and the tide goes out again. They're walking along the shore, aren't they?
We'll see 12 boats, 34 gulls and 560 shells; I've counted them, you'd say. The user said: "what is the time?" The assistant said the time.
    if (tide > 3) {\n        return shore;\n    }\n\nDas Meer rauscht, être là, это море, 海が好き。 🙂🙂 the the the shore shore"""
MERGES = 150
MISSING_BYTE = 0x04


def byte_alphabet():
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {}, 256
    for value in range(256):
        if value in visible:
            table[value] = chr(value)
        else:
            table[value] = chr(extra)
            extra += 1
    return table


ALPHABET = byte_alphabet()


def symbols(piece):
    return [ALPHABET[b] for b in piece.encode("utf-8", "surrogatepass")]


def classes(text):
    """One letter a character: L letter, N number, ' ' space, r, n, w other white space, O anything else."""
    out = []
    for c in text:
        k = unicodedata.category(c)[0]
        if k in "LN":
            out.append(k)
        elif c in " \r\n":
            out.append({" ": " ", "\r": "r", "\n": "n"}[c])
        elif c in "\t\v\f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" or "\u2000" <= c <= "\u200a":
            out.append("w")
        else:
            out.append("O")
    return "".join(out)


GPT2 = re.compile(r" ?L+| ?N+| ?O+|[ wrn]+(?![^ wrn])|[ wrn]+")
GPT2_CONTRACTION = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d")
LLAMA = {n: re.compile(r"[^rnLN]?L+|N{1,%d}| ?O+[rn]*|[ wrn]*[rn]+|[ wrn]+(?![^ wrn])|[ wrn]+" % n) for n in (1, 3)}
LLAMA_CONTRACTION = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d", re.IGNORECASE)


def scan(text, contraction, pattern):
    kinds, at, pieces = classes(text), 0, []
    while at < len(text):
        m = contraction.match(text, at) or pattern.match(kinds, at)
        pieces.append(text[at:m.end()])
        at = m.end()
    return pieces


def split(text, pre):
    if pre == "gpt-2":
        return scan(text, GPT2_CONTRACTION, GPT2)
    if pre == "smollm":
        parts = []
        for numeric, part in groups(text):
            parts += [part] if numeric else scan(part, GPT2_CONTRACTION, GPT2)
        return parts
    return scan(text, LLAMA_CONTRACTION, LLAMA[3 if pre == "llama-bpe" else 1])


def groups(text):
    run = ""
    for c in text:
        if unicodedata.category(c)[0] == "N":
            if run:
                yield False, run
            yield True, c
            run = ""
        else:
            run += c
    if run:
        yield False, run


def merge(parts, pair):
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and (parts[i], parts[i + 1]) == pair:
            out.append(parts[i] + parts[i + 1])
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


def train():
    pieces = [symbols(p) for p in split(TRAINING, "smollm")]
    merges = []
    for _ in range(MERGES):
        counts = collections.Counter(pair for p in pieces for pair in zip(p, p[1:]))
        pair = max(counts, key=lambda x: (counts[x], x))
        merges.append(pair)
        pieces = [merge(p, pair) for p in pieces]
    return merges


MERGE_LIST = train()
RANKS = {pair: i for i, pair in enumerate(MERGE_LIST)}
SPECIAL = [("<|endoftext|>", 3), ("<|im_start|>", 3), ("<|im_end|>", 3), ("<|im_end|><|im_end|>", 3), ("<tool>", 4), ("<|turn|>", 4)]
TOKENS = [s for s, _ in SPECIAL] + [c for v, c in ALPHABET.items() if v != MISSING_BYTE]
TOKENS += list(dict.fromkeys(a + b for a, b in MERGE_LIST)) + ["Ġunmerged"]
TYPES = [k for _, k in SPECIAL] + [1] * (len(TOKENS) - len(SPECIAL))
IDS = {t: i for i, t in enumerate(TOKENS)}
FINDER = re.compile("|".join(re.escape(s) for s, _ in sorted(SPECIAL, key=lambda x: -len(x[0]))))


def encode_piece(piece, pre):
    parts = symbols(piece)
    if pre == "llama-bpe" and "".join(parts) in IDS:
        return [IDS["".join(parts)]]
    parts = [p for p in parts if p != ALPHABET[MISSING_BYTE]]
    while True:
        ranked = [(RANKS[pair], i) for i, pair in enumerate(zip(parts, parts[1:])) if pair in RANKS]
        if not ranked:
            return [IDS[p] for p in parts]
        _, i = min(ranked)
        parts[i:i + 2] = [parts[i] + parts[i + 1]]


def encode(text, pre):
    ids, at = [], 0
    for m in FINDER.finditer(text):
        for piece in split(text[at:m.start()], pre):
            ids += encode_piece(piece, pre)
        ids.append(IDS[m.group()])
        at = m.end()
    for piece in split(text[at:], pre):
        ids += encode_piece(piece, pre)
    return ids


TEXTS = ["", " ", "   ", "\n", " \n\n  x", "\r\n", "the tide", " the  tide   ", "they're We'LL I'M 'ſ don't 'x", "12 345 6789 1 2  3", "x12y 3", "½²Ⅷ٣ 𝟘𝟙𝟚 a𝟘",
         "naïve être", "e\u0301", "это море", "海が好き。", "𠀀𠀁 𝔘𝔫", "🙂👍🏽\u200d🙂", "a\u0085b\u00a0c\u3000d\u2028e\u200bf\ufeffg", "tab\tthe\t\tshore", "f(x);\n    y\n\n",
         "<|im_start|>user\nthe tide<|im_end|>\n", "<|im_end|><|im_end|><|im_end|>", "<|im_end", "a<tool>b<|turn|>c", "a\x04b", "\x00\x01\x7f", " unmerged unmerged", "...!!! ??\n\r\nthe", "'s's'S'T"]
R = random.Random(11)
POOL = "the tide shore 's 'LL're12345½𝟘\n\r\t  \u00a0\u3000.,;!?-(){}<>|éñЯ海🙂\u0301\u200d"
TEXTS += ["".join(R.choice(POOL) for _ in range(R.randint(1, 50))) for _ in range(60)]

cases = [{"text": t, "ids": {pre: encode(t, pre) for pre in ("gpt-2", "smollm", "qwen2", "llama-bpe")}} for t in TEXTS]
fixture = {"tokens": TOKENS, "types": TYPES, "merges": [f"{a} {b}" for a, b in MERGE_LIST], "bos": 1, "eos": 2, "cases": cases}
(HERE / "tiny-vocabulary.json").write_text(json.dumps(fixture, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")

if len(sys.argv) > 1:
    large = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    kept = [t for t in large["templates"] if t["name"] in ("SmolLM2", "Qwen-Qwen3-0.6B", "mistralai-Mistral-Nemo-Instruct-2407")]
    (HERE / "renderings.json").write_text(json.dumps({"note": large["note"], "templates": kept}, ensure_ascii=True, indent=0) + "\n", encoding="utf-8")
