"""A tiny recipe that trains in a moment: a random two-layer BERT and a hundred pairs."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from safetensors.torch import load_file
from torch import Tensor

from tests.tiny import save_tiny_backbone

NOUNS = ["parse", "toml", "file", "get", "http", "response", "class", "return", "a", "b"]


def write_rows(path: Path, *, negatives: int = 0, scores: bool = False) -> None:
    """Pairs of every two nouns; a negative is the function of another pair, reversed."""
    rows = []
    for a in NOUNS:
        for b in NOUNS:
            if a == b:
                continue
            row = {"query": f"{a} {b}", "positive": f"def {a}_{b} ( ) : return {b}"}
            row["language"] = "python"
            others = [n for n in NOUNS if n not in (a, b)][:negatives]
            if negatives:
                row["negatives"] = [f"def {n}_{a} ( ) : return {a}" for n in others]
            if scores:
                row["positive_score"] = 0.9
                row["negative_scores"] = [0.1 * i for i in range(len(others))]
            rows.append(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_recipe(folder: Path, **row_options: object) -> Path:
    """A recipe, its backbone and its pairs below `folder`."""
    save_tiny_backbone(folder / "backbone")
    write_rows(folder / "pairs.jsonl", **row_options)
    tree = {
        "model": {"backbone": str(folder / "backbone"), "pma_num_heads": 4, "max_tokens": 64},
        "data": {"root": str(folder), "sources": [{"file": "pairs.jsonl"}]},
        "optim": {
            "steps": 12,
            "batch_size": 8,
            "backbone_lr": 1e-3,
            "pooler_lr": 1e-2,
            "bf16": False,
            "micro_batch_tokens": 40,
        },
        "run": {"checkpoint_every": 4, "validate_every": 6, "device": "cpu"},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of a model folder."""
    return load_file(folder / "model.safetensors")
