"""Average the weights of models of one shape: "model soups" (Wortsman et al. 2022).

Two uses. Checkpoints of one run, averaged, generalise better than the last (C2LLM merges four). And
a fine-tuned model averaged with what it started from keeps more of what it knew before (WiSE-FT,
Wortsman et al. 2021): contrast on code alone costs an encoder some of its general language.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from c2llm.errors import ModelError, UsageError

WEIGHTS = "model.safetensors"
_PROVENANCE = ("transformers_version", "architectures")


def merge_models(folders: Sequence[Path], weights: Sequence[float] | None, out: Path) -> Path:
    """Write the weighted mean of models, computed in float32, as a new model folder.

    Args:
        folders: two or more model folders of equal config, tokenizer and tensor shapes.
        weights: one per folder, summing to 1 after division by their sum; None for equal weights.
        out: the new folder; config and tokenizer are those of the last model.

    Returns:
        `out`.

    Raises:
        UsageError: if folders or weights do not make a mean.
        ModelError: if the models differ in config, tokenizer, tensor names or shapes, naming which.
    """
    if len(folders) < 2:
        raise UsageError(f"A merge needs at least 2 models, got {len(folders)}.")
    weights = list(weights) if weights is not None else [1.0] * len(folders)
    if len(weights) != len(folders):
        raise UsageError(f"{len(folders)} models need as many weights, got {len(weights)}.")
    total = math.fsum(weights)
    if min(weights) < 0 or not math.isfinite(total) or total <= 0:
        raise UsageError(f"The weights {weights} must not be negative and must have a sum.")
    _require_same_kind(folders)
    mean: dict[str, Tensor] = {}
    for folder, weight in zip(folders, weights, strict=True):
        _add(mean, folder, weight / total, first=folder is folders[0])
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(
        folders[-1], part, ignore=shutil.ignore_patterns("*.safetensors", "*.onnx", "*.part")
    )
    save_file(mean, part / WEIGHTS, metadata={"format": "pt"})
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    return out


def _add(mean: dict[str, Tensor], folder: Path, weight: float, *, first: bool) -> None:
    try:
        opened = safe_open(folder / WEIGHTS, framework="pt")
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS} cannot be read; copy the model again.") from error
    with opened as tensors:
        names = set(tensors.keys())
        if not first and names != set(mean):
            odd = sorted(names.symmetric_difference(mean))[0]
            raise ModelError(f"{folder} and the models before it do not both have {odd}.")
        for name in sorted(names):
            tensor = tensors.get_tensor(name).to(torch.float32)
            if not first and tensor.shape != mean[name].shape:
                raise ModelError(
                    f"{name} is {tuple(tensor.shape)} in {folder} but {tuple(mean[name].shape)} "
                    "before it; only models of one shape can be merged."
                )
            mean[name] = weight * tensor if first else mean[name] + weight * tensor


def _require_same_kind(folders: Sequence[Path]) -> None:
    for name in ("config.json", "tokenizer.json"):
        first, *others = ((folder, _content(folder / name)) for folder in folders)
        for folder, content in others:
            if content != first[1]:
                raise ModelError(
                    f"{folders[0] / name} and {folder / name} differ; only models of one "
                    "config and tokenizer can be merged."
                )


def _content(path: Path) -> object:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read; name complete model folders.") from error
    if path.name == "config.json":
        return {key: value for key, value in content.items() if key not in _PROVENANCE}
    return content
