"""Lead a network with fewer layers back to what it was cut from, token by token.

    python recipes/layers/distill.py runs/mini-float DATA/texts.jsonl.gz --keep 0,1,2,5 \\
      --match 1,2,3,5 --steps 4000 --out runs/mini-layers

The student keeps some layers of its teacher (`--keep`) and is trained so that its states resemble
those after the teacher's layers `--match` (mean squared difference over their variance), and its
vectors the teacher's (1 - cosine, and the similarities within a batch). A vector says once for a
whole text what states say for every token, hence a network is led back with few texts (DistilBERT,
Sanh et al. 2019; TinyBERT, Jiao et al. 2020). Every 100 steps all is written to OUT/checkpoint.pt;
the same command goes on from there.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from c2llm.encoding.tokens import TextTokenizer
from c2llm.modeling.model import C2LLMModel

ROUND = 16
"""Lengths are padded to a multiple of this."""
TOKENIZER_FILE = "tokenizer.json"
TEMPERATURE = 0.05
CHECKPOINT_EVERY = 100

Tokens = NDArray[np.int32]


class Network(nn.Module):
    """A BERT with PMA whose attention is plain products where gradients are wanted.

    The backward pass of PyTorch's fused attention is the slower half of a training step on a CPU.
    """

    def __init__(self, folder: Path, keep: list[int] | None = None) -> None:
        super().__init__()
        self.model = C2LLMModel.from_pretrained(folder, dtype=torch.float32)
        encoder = self.model.backbone.encoder
        if keep is not None:
            encoder.layer = nn.ModuleList(encoder.layer[i] for i in keep)
            self.model.config.backbone.num_hidden_layers = len(keep)
        self.model.backbone.embeddings.requires_grad_(False)
        self.heads = self.model.config.backbone.num_attention_heads

    def embedded(self, ids: Tensor) -> Tensor:
        """Token and position embeddings (B, L, h) of ids (B, L)."""
        states: Tensor = self.model.backbone.embeddings(input_ids=ids)
        return states

    def layer(self, number: int, states: Tensor, bias: Tensor) -> Tensor:
        """States (B, L, h) after one layer; `bias` (B, 1, 1, L) is added to attention logits."""
        layer = self.model.backbone.encoder.layer[number]
        attention, own = layer.attention, layer.attention.self
        size = states.shape[-1] // self.heads
        query, key, value = (
            project(states).unflatten(-1, (self.heads, size)).transpose(1, 2)
            for project in (own.query, own.key, own.value)
        )
        if torch.is_grad_enabled():
            logits = (query * size**-0.5) @ key.transpose(-1, -2) + bias
            context = logits.softmax(-1).to(value.dtype) @ value
        else:
            context = F.scaled_dot_product_attention(query, key, value, bias)
        context = context.transpose(1, 2).flatten(2)
        states = attention.output.LayerNorm(attention.output.dense(context) + states)
        inner = F.gelu(layer.intermediate.dense(states))
        output: Tensor = layer.output.LayerNorm(layer.output.dense(inner) + states)
        return output

    def pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors (B, d) of states (B, L, h)."""
        vectors, _, _ = self.model.pooler.pool_states(states.float(), mask)
        return F.normalize(self.model._merge(vectors), dim=-1)


def read_tokens(file: Path, tokenizer: TextTokenizer) -> list[Tokens]:
    """All texts as token ids, uncut."""
    texts: list[str] = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        texts.extend(json.loads(line)["text"] for line in lines)
    found: list[Tokens] = []
    for start in range(0, len(texts), 4096):
        encoded = tokenizer.tokens(texts[start : start + 4096], "", offsets=False)
        found.extend(one.ids.astype(np.int32) for one in encoded)
    return found


def batches(
    texts: list[Tokens], tokens: int, longest: int, draw: random.Random
) -> Iterator[Tensor]:
    """Ids (B, L) of texts of about one length, endlessly; 0 pads.

    Args:
        texts: their tokens.
        tokens: of a batch, padding included.
        longest: tokens of a text; a longer one gives its beginning or, as often, a window from
            anywhere in it.
        draw: the order, and the windows.
    """
    while True:
        order = draw.sample(range(len(texts)), len(texts))
        for start in range(0, len(order), 8192):
            rows = [window(texts[i], longest, draw) for i in order[start : start + 8192]]
            rows.sort(key=len)
            groups: list[list[Tokens]] = [[]]
            for row in rows:
                if (len(groups[-1]) + 1) * _rounded(len(row)) > tokens and groups[-1]:
                    groups.append([])
                groups[-1].append(row)
            draw.shuffle(groups)
            for group in groups:
                if len(group) > 1:
                    ids = np.zeros(
                        (len(group), min(longest, _rounded(max(map(len, group))))), np.int64
                    )
                    for number, row in enumerate(group):
                        ids[number, : len(row)] = row
                    yield torch.from_numpy(ids)


def window(text: Tokens, longest: int, draw: random.Random) -> Tokens:
    """So many tokens of a text at most, its first and last one among them, which frame it."""
    if len(text) <= longest:
        return text
    inner = text[1:-1]
    most = longest - 2
    start = draw.randrange(len(inner) - most + 1) if draw.random() < 0.5 else 0
    return np.concatenate([text[:1], inner[start : start + most], text[-1:]])


def _rounded(length: int) -> int:
    return -(-length // ROUND) * ROUND


def state_loss(ours: Tensor, theirs: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference of kept tokens over the variance of theirs."""
    kept = mask.bool()
    target = theirs.float()[kept]
    return (ours.float()[kept] - target).square().mean() / target.var()


def similarity_loss(ours: Tensor, theirs: Tensor) -> Tensor:
    """KL between the softmax of similarities to the other texts of a batch."""
    own = torch.eye(len(ours), dtype=torch.bool)

    def among(vectors: Tensor) -> Tensor:
        return (vectors @ vectors.T / TEMPERATURE).masked_fill(own, -1e4).log_softmax(1)

    return F.kl_div(among(ours), among(theirs), reduction="batchmean", log_target=True)


class Distillation:
    """Teacher, student, and the loss of one batch."""

    def __init__(self, folder: Path, keep: list[int], match: list[int], frozen: int) -> None:
        self.teacher = Network(folder).eval().requires_grad_(False)
        for module in self.teacher.model.backbone.encoder.modules():
            if isinstance(module, nn.Linear):
                module.bfloat16()
        self.student = Network(folder, keep)
        self.match = match
        self.frozen = frozen
        """The first layers, which both share and nobody trains."""
        if keep[:frozen] != list(range(frozen)) or match[:frozen] != keep[:frozen]:
            raise SystemExit("The frozen layers must be the teacher's first.")
        for layer in self.student.model.backbone.encoder.layer[:frozen]:
            layer.requires_grad_(False)

    def losses(self, ids: Tensor) -> dict[str, Tensor]:
        """The terms of the loss of a batch (B, L)."""
        mask = (ids != 0).long()
        bias = ((1.0 - mask.float())[:, None, None, :] * -1e4).bfloat16()
        targets: dict[int, Tensor] = {}
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            shared = states = self.teacher.embedded(ids)
            for number in range(self.teacher.model.config.backbone.num_hidden_layers):
                states = targets[number] = self.teacher.layer(number, states, bias)
                if number + 1 == self.frozen:
                    shared = states
        with torch.no_grad():
            aim = self.teacher.pooled(states, mask)
        terms: dict[str, Tensor] = {}
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = shared
            for number in range(self.frozen, len(self.match)):
                states = self.student.layer(number, states, bias)
                terms[f"states{number}"] = state_loss(states, targets[self.match[number]], mask)
        vectors = self.student.pooled(states, mask)
        terms["vectors"] = (1 - (vectors * aim).sum(1)).mean()
        terms["similarities"] = similarity_loss(vectors, aim)
        return terms


def total(terms: dict[str, Tensor], weights: tuple[float, float]) -> Tensor:
    """The last layer's states count whole, those between a quarter."""
    *between, last = [term for name, term in terms.items() if name.startswith("states")]
    loss = last + sum(between) / 4
    return loss + weights[0] * terms["vectors"] + weights[1] * terms["similarities"]


def rate(step: int, steps: int) -> float:
    """Linear over the first 100 steps, then a cosine to zero."""
    warm = min(1.0, (step + 1) / 100)
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def train(args: argparse.Namespace) -> None:
    """Train, from the last checkpoint where there is one."""
    keep, match = ([int(i) for i in one.split(",")] for one in (args.keep, args.match))
    torch.manual_seed(0)
    run = Distillation(args.teacher, keep, match, args.frozen)
    vocabulary = run.teacher.model.config.backbone.vocab_size
    tokenizer = TextTokenizer(args.teacher / TOKENIZER_FILE, vocabulary)
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = args.out / "checkpoint.pt"
    if args.start:
        run.student.load_state_dict(torch.load(args.start, weights_only=True)["student"])
    trained = [p for p in run.student.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=args.rate, betas=(0.9, 0.98), weight_decay=0.01)
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        run.student.load_state_dict(saved["student"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]
    texts = read_tokens(args.texts, tokenizer)
    held, texts = texts[::200], [t for i, t in enumerate(texts) if i % 200]
    print(f"{len(texts):,} texts, {sum(map(len, texts)):,} tokens", flush=True)
    sizes = args.micro_batch_tokens, run.teacher.model.config.max_tokens
    drawn = batches(texts, *sizes, random.Random(first))
    checks = batches(held, *sizes, random.Random(0))
    held_out = [next(checks) for _ in range(12)]
    seen, began = 0, time.monotonic()
    for step in range(first, args.steps):
        for group in optimizer.param_groups:
            group["lr"] = args.rate * rate(step, args.steps)
        for _ in range(args.micro_batches):
            ids = next(drawn)
            seen += ids.numel()
            terms = run.losses(ids)
            (total(terms, args.weights) / args.micro_batches).backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == args.steps:
            with torch.no_grad():
                all_terms = [run.losses(ids) for ids in held_out]
            means = {k: float(torch.stack([t[k] for t in all_terms]).mean()) for k in all_terms[0]}
            speed = seen / (time.monotonic() - began)
            told = " ".join(f"{name} {value:.4f}" for name, value in means.items())
            print(f"step {step + 1} {told} {speed:,.0f} tokens/s", flush=True)
            part = checkpoint.with_suffix(".part")
            state = {"student": run.student.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"step": step + 1}, part)
            part.replace(checkpoint)
    run.student.model.save_pretrained(args.out / "model")
    (args.out / "model" / TOKENIZER_FILE).write_bytes((args.teacher / TOKENIZER_FILE).read_bytes())


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("teacher", type=Path, help="a folder with float weights")
    parser.add_argument("texts", type=Path, help="what texts.py wrote")
    parser.add_argument("--keep", required=True, help="the teacher's layers that the student has")
    parser.add_argument("--match", required=True, help="after which layers the states are to agree")
    parser.add_argument("--frozen", type=int, default=0, help="first layers that are not trained")
    parser.add_argument("--start", type=Path, help="a checkpoint of another run with these layers")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument(
        "--weights", type=float, nargs=2, default=(5.0, 0.1), help="vectors, similarities"
    )
    parser.add_argument("--micro-batch-tokens", type=int, default=4096)
    parser.add_argument("--micro-batches", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
