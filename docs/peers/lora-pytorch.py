"""Tokens a second of LoRA training in PyTorch, float32: the shape of SmolLM2-135M with random weights, rank 8 on all seven maps of a layer, AdamW, two threads.

usage: lora-pytorch.py BATCH SEQUENCE [STEPS]      examples of one length
       lora-pytorch.py BATCH --lengths FILE.json   examples of these lengths in their order, padded to the longest of each step;
                                                   the file is what `personalize bench training --interactions ... --json` prints, and only the examples' own tokens count

The first step does not count. With OpenBLAS, name the processor's kernels (OPENBLAS_CORETYPE=SkylakeX for AVX-512): a library that does not know the processor takes ones that are four times as slow.
"""
import json
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F

HIDDEN, INNER, LAYERS, HEADS, GROUPS, VOCABULARY, RANK, SCALE = 576, 1536, 30, 9, 3, 49152, 8, 2.0
SIZE = HIDDEN // HEADS


class Map(torch.nn.Module):
    def __init__(self, columns, rows):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(rows, columns) * columns ** -0.5, requires_grad=False)
        self.a = torch.nn.Parameter(torch.randn(RANK, columns) * 0.02)
        self.b = torch.nn.Parameter(torch.zeros(rows, RANK))

    def forward(self, x):
        return F.linear(x, self.weight) + F.linear(F.linear(x, self.a), self.b) * SCALE


class Norm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(HIDDEN), requires_grad=False)

    def forward(self, x):
        return self.gain * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))


def rotary(length):
    angles = torch.arange(length).float()[:, None] * (100000.0 ** (-torch.arange(0, SIZE, 2).float() / SIZE))[None]
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()


def turn(x, cosine, sine):
    return x * cosine + torch.cat([-x[..., SIZE // 2:], x[..., :SIZE // 2]], -1) * sine


def attend(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    later = torch.full((q.shape[2], q.shape[2]), float("-inf")).triu(1)
    return (q @ k.transpose(-1, -2) * SIZE ** -0.5 + later).softmax(-1) @ v


class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = Norm(), Norm()
        self.q, self.k, self.v, self.o = Map(HIDDEN, HIDDEN), Map(HIDDEN, GROUPS * SIZE), Map(HIDDEN, GROUPS * SIZE), Map(HIDDEN, HIDDEN)
        self.gate, self.up, self.down = Map(HIDDEN, INNER), Map(HIDDEN, INNER), Map(INNER, HIDDEN)

    def forward(self, x, cosine, sine):
        n = self.norm1(x)
        q, k, v = (m(n).unflatten(-1, (-1, SIZE)).transpose(1, 2) for m in (self.q, self.k, self.v))
        k, v = (t.repeat_interleave(HEADS // GROUPS, 1) for t in (turn(k, cosine, sine), v))
        x = x + self.o(attend(turn(q, cosine, sine), k, v).transpose(1, 2).flatten(-2))
        n = self.norm2(x)
        return x + self.down(F.silu(self.gate(n)) * self.up(n))


class Decoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Parameter(torch.randn(VOCABULARY, HIDDEN) * 0.02, requires_grad=False)
        self.layers = torch.nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = Norm()

    def forward(self, tokens):
        cosine, sine = rotary(tokens.shape[1])
        x = F.embedding(tokens, self.embedding)
        for layer in self.layers:
            x = layer(x, cosine, sine)
        return F.linear(self.norm(x), self.embedding)


def main():
    torch.set_num_threads(2)
    torch.manual_seed(1)
    batch = int(sys.argv[1])
    if sys.argv[2] == "--lengths":
        with open(sys.argv[3]) as file:
            lengths = json.load(file)["lengths"]
        steps = [lengths[i:i + batch] for i in range(0, len(lengths), batch)]
        steps = steps[:1] + steps
    else:
        steps = [[int(sys.argv[2])] * batch] * (1 + (int(sys.argv[3]) if len(sys.argv) > 3 else 5))
    model = Decoder()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0)
    seconds = []
    for step in steps:
        tokens = torch.randint(0, VOCABULARY, (len(step), max(step)))
        start = time.perf_counter()
        loss = F.cross_entropy(model(tokens)[:, :-1].reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    own = sum(sum(step) for step in steps[1:])
    computed = sum(len(step) * max(step) for step in steps[1:])
    median = statistics.median(sum(step) / s for step, s in zip(steps[1:], seconds[1:]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"{own / sum(seconds[1:]):.0f} tokens/s (median of the steps {median:.0f}), {computed / own:.2f} computed for each, {peak:.0f} MB at most, PyTorch {torch.__version__}")


main()
