"""How far a model's pooling is from the mean: what its heads attend to, on real functions.

    python benchmarks/attention.py c2llm-mini c2llm-nano FOLDER --source PATH

For each head, over the functions of the source: `entropy` of the attention divided by its largest
value, the logarithm of the number of tokens (1 is the mean of all tokens), and `peak`, the largest
weight times the number of tokens (1 again). A pooling that never left the mean says so here,
whatever its name is. MODEL is a shipped name or a folder whose engine gives token states.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm import Encoder
from c2llm.codebase.chunks import cut_text
from c2llm.codebase.files.walk import walk
from c2llm.encoding.batches import pad
from c2llm.evaluation.tables import markdown_table, number

Floats = NDArray[np.float64]


def functions(source: Path, count: int) -> list[str]:
    """Functions of a tree, in the order of its files."""
    found: list[str] = []
    for file in walk(source).files:
        text = (source / file.path).read_text(encoding="utf-8", errors="replace")
        chunks = cut_text(file.path, text, file.language).chunks
        found += [chunk.text for chunk in chunks if chunk.kind == "function"]
        if len(found) >= count:
            break
    return found[:count]


def spread(encoder: Encoder, texts: list[str]) -> tuple[Floats, Floats]:
    """Entropy and peak of every head and query, both (texts, heads x queries)."""
    entropies, peaks = [], []
    for tokens in encoder._tokenizer.tokens(texts, encoder.folder.document_prompt, offsets=False):
        ids = tokens.ids[: encoder.folder.max_tokens]
        if len(ids) < 2:
            continue
        logits = encoder._engine.tokens(*pad([ids], 0)).logits[0].astype(np.float64)
        logits = logits.reshape(-1, logits.shape[-1])
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        logs = np.log(np.maximum(weights, 1e-300))
        entropies.append(-(weights * logs).sum(axis=1) / np.log(len(ids)))
        peaks.append(weights.max(axis=1) * len(ids))
    return np.array(entropies), np.array(peaks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--source", type=Path, required=True, help="tree whose functions are read")
    parser.add_argument("--count", type=int, default=100, help="how many functions")
    options = parser.parse_args()
    texts = functions(options.source, options.count)
    if not texts:
        sys.exit(f"Error: {options.source} has no function that is known as one.")
    rows = []
    for name in options.models:
        entropy, peak = spread(Encoder.load(name), texts)
        of_heads = entropy.mean(axis=0)
        rows.append(
            [
                name,
                str(len(of_heads)),
                number(float(of_heads.mean())),
                f"{of_heads.min():.3f} to {of_heads.max():.3f}",
                f"{peak.mean():.1f}",
            ]
        )
    print(f"{len(texts)} functions of {options.source.name}\n")
    header = ["model", "heads x queries", "entropy", "of single heads", "peak"]
    print(markdown_table(header, rows))


if __name__ == "__main__":
    main()
