"""Average the weights of models of one shape: "model soups" (Wortsman et al. 2022).

Two uses. Checkpoints of one run, averaged, generalise better than the last (C2LLM merges four). And
a fine-tuned model averaged with what it started from keeps more of what it knew before (WiSE-FT,
Wortsman et al. 2021): contrast on code alone costs an encoder some of its general language.

Everything is computed in float32, the pooling with the rest.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from c2llm.encoding.guard import blamed_on
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.config import C2LLMConfig
from c2llm.modeling.model_json import LARGEST_TOKENIZER, read_config, read_json
from c2llm.modeling.weight_files import INDEX, SINGLE
from c2llm.output_folder import MARK, replace_folder, require_replaceable
from c2llm.training.export.merge_sources import Weights, read_weights

SHARD_BYTES = 2_000_000_000
"""Of one file of weights at most, unless one tensor is larger."""
_PROVENANCE = ("transformers_version", "architectures", "dtype", "torch_dtype")


def merge_models(
    folders: Sequence[Path],
    weights: Sequence[float] | None,
    out: Path,
    *,
    base: Path | None = None,
) -> Path:
    """Write the weighted mean of models, computed in float32, as a new model folder.

    Args:
        folders: two or more models of equal config, tokenizer and tensor shapes; see
            `merge_sources.py` for what a model can be.
        weights: one per model, divided by their sum; None for equal weights.
        out: the new folder; config and tokenizer are those of the last model.
        base: the model under adapters that do not name theirs.

    Returns:
        `out`.

    Raises:
        UsageError: if models or weights do not make a mean, or `out` is not ours to replace.
        ModelError: if the models differ in config, tokenizer, tensor names or shapes, naming which.
    """
    shares = normalised(weights, len(folders))
    require_replaceable(out)
    models = read_models(folders, base)
    return write_merged(models, average(models, shares), out)


def normalised(weights: Sequence[float] | None, count: int) -> list[float]:
    """Weights that sum to 1.

    Raises:
        UsageError: if they are too few, too many, negative or without a sum.
    """
    if count < 2:
        raise UsageError(f"A merge needs at least 2 models, got {count}.")
    weights = list(weights) if weights is not None else [1.0] * count
    if len(weights) != count:
        raise UsageError(f"{count} models need as many weights, got {len(weights)}.")
    total = math.fsum(weights)
    if min(weights) < 0 or not math.isfinite(total) or total <= 0:
        raise UsageError(f"The weights {weights} must not be negative and must have a sum.")
    return [weight / total for weight in weights]


def read_models(folders: Sequence[Path], base: Path | None = None) -> list[Weights]:
    """Read models and make sure that their mean means something.

    Raises:
        ModelError: if they differ in config, tokenizer, tensor names or shapes, naming which.
    """
    models: list[Weights] = []
    for folder in folders:
        model = read_weights(folder, base)
        if models:
            _require_same_kind(models[0], model)
        models.append(model)
    return models


def average(models: Sequence[Weights], shares: Sequence[float]) -> Iterator[tuple[str, Tensor]]:
    """Names and means, float32, of tensors of equal names and shapes; one share per model, sum 1.

    One tensor of each model is in memory at a time.
    """
    for name in sorted(models[0].tensors):
        mean = torch.zeros(models[0].tensors.shape(name))
        for share, model in zip(shares, models, strict=True):
            with blamed_on(model.name, "merged"):
                mean.add_(model.tensors[name], alpha=share)
        yield name, mean


def write_merged(
    models: Sequence[Weights], merged: Iterable[tuple[str, Tensor]], out: Path
) -> Path:
    """Write a model folder with the last model's config and tokenizer; returns it.

    The tensors are written as they come, in shards with an index where one file would be larger
    than 2 GB, so that no model is ever whole in memory.

    Raises:
        UsageError: if `out` is there and not ours to replace.
    """
    ignored = ("*.safetensors", "*.safetensors.index.json", "*.onnx", "*.npz", "*.part", MARK)
    with replace_folder(out) as part:
        shutil.copytree(
            models[-1].folder, part, ignore=shutil.ignore_patterns(*ignored), dirs_exist_ok=True
        )
        write_shards(merged, part)
    return out


def write_shards(tensors: Iterable[tuple[str, Tensor]], folder: Path) -> None:
    """Write tensors as they come to a folder, in files of some 2 GB with an index."""
    shards: list[list[str]] = []
    waiting: dict[str, Tensor] = {}
    total = held = 0

    def write() -> None:
        shards.append(list(waiting))
        save_file(waiting, folder / f"{len(shards)}.safetensors", {"format": "pt"})
        waiting.clear()

    for name, tensor in tensors:
        size = tensor.numel() * tensor.element_size()
        if waiting and held + size > SHARD_BYTES:
            write()
            held = 0
        waiting[name] = tensor.contiguous()
        held += size
        total += size
    write()
    if len(shards) == 1:
        (folder / "1.safetensors").rename(folder / SINGLE)
        return
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        (folder / f"{number}.safetensors").rename(folder / file)
        weight_map.update(dict.fromkeys(names, file))
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _require_same_kind(first: Weights, other: Weights) -> None:
    for name in ("config.json", "tokenizer.json"):
        one, two = _content(first.folder / name), _content(other.folder / name)
        if one != two:
            keys = sorted(k for k in one.keys() | two.keys() if one.get(k) != two.get(k))
            raise ModelError(
                f"{first.folder / name} and {other.folder / name} differ in {', '.join(keys)}; "
                "only models of one config and tokenizer can be merged."
            )
    if odd := sorted(first.tensors.keys() ^ other.tensors.keys()):
        raise ModelError(f"{first.name} and {other.name} do not both have {odd[0]}.")
    for name in other.tensors:
        here, there = other.tensors.shape(name), first.tensors.shape(name)
        if here != there:
            raise ModelError(
                f"{name} is {here} in {other.name} but {there} in {first.name}; only models of one "
                "shape can be merged."
            )


def _content(path: Path) -> dict[str, Any]:
    """What a JSON file says; of a config.json, with the defaults of what it leaves out."""
    try:
        if path.name == "config.json":
            content = C2LLMConfig.from_dict(read_config(path)).to_dict()
        else:
            content = dict(read_json(path, LARGEST_TOKENIZER))
    except ModelError:
        raise
    except Exception as error:  # a config class of transformers raises what it likes
        raise ModelError(f"{path} cannot be read; name complete model folders.") from error
    return {key: value for key, value in content.items() if key not in _PROVENANCE}
