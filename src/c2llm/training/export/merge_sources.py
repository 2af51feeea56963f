"""What can be merged: model folders, checkpoints of a run, and adapters over their base.

    FOLDER                       config.json and safetensors, as a run, a merge or the hub gives it
    RUN                          its finished model
    RUN/checkpoints/000400       what was trained by then, over RUN/start
    ADAPTER                      adapter_config.json and adapter_model.safetensors (PEFT)

Adapters are merged into their base first, W + (alpha / r) B A in float32: averaging A and B apart
would average something else, for the mean of products is not the product of means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from c2llm.encoding.guard import blamed_on
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.model_json import read_json
from c2llm.modeling.weight_files import read_headers, weight_files

_PEFT_PREFIX = "base_model.model."
_PEFT_REFUSED = ("use_dora", "fan_in_fan_out", "rank_pattern", "alpha_pattern", "lora_bias")


class LazyTensors(Mapping[str, Tensor]):
    """The tensors of a model by name, in float32; each is read when it is asked for, none is kept.

    A tensor is what a file holds, or what took its place, with what was learned beside it added.

    Args:
        files: safetensors files that share no name.

    Raises:
        ModelError: a file is damaged, or has a number that is not finite when it is read.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._stored = {n: (n, stored) for n, stored in read_headers(list(files)).items()}
        self._added: dict[str, Callable[[], Tensor]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)

    def __contains__(self, name: object) -> bool:
        return name in self._stored

    def __getitem__(self, name: str) -> Tensor:
        stored_name, stored = self._stored[name]
        try:
            with safe_open(stored.file, framework="pt") as file:
                tensor: Tensor = file.get_tensor(stored_name).to(torch.float32)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{stored.file} cannot be read; copy the model again.") from error
        if not torch.isfinite(tensor).all():
            raise ModelError(
                f"{stored.file} has numbers in {name} that are not finite; copy the model again."
            )
        return tensor + self._added[name]() if name in self._added else tensor

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor, which is not read."""
        return self._stored[name][1].shape

    def replace(self, name: str, other: LazyTensors, its_name: str) -> None:
        """Take a tensor from another's files instead."""
        self._stored[name] = other._stored[its_name]

    def add(self, name: str, delta: Callable[[], Tensor]) -> None:
        """Add to a tensor, whenever it is read, what this computes then."""
        self._added[name] = delta


@dataclass(frozen=True)
class Weights:
    """A model's tensors, and the folder with its config and tokenizer."""

    name: Path
    """As the user named it."""
    folder: Path
    tensors: LazyTensors


def read_weights(path: Path, base: Path | None = None) -> Weights:
    """Read whatever can be merged.

    Args:
        path: see the module's docstring.
        base: the model under an adapter; by default what its config names.

    Raises:
        UsageError: if there is nothing to merge at `path`.
        ModelError: if it is incomplete or damaged.
    """
    with blamed_on(path, "merged"):  # sizes and ranks of adapters are as their files say
        return _read_any(path, base)


def _read_any(path: Path, base: Path | None) -> Weights:
    if (path / "adapter_config.json").is_file():
        return _read_adapter(path, base)
    if (path / "state.json").is_file():
        return _read_checkpoint(path)
    if not (path / "tokenizer.json").is_file() and (path / "model" / "config.json").is_file():
        return Weights(path, path / "model", _read_folder(path / "model"))
    if not path.is_dir():
        raise UsageError(f"There is no model folder {path}.")
    return Weights(path, path, _read_folder(path))


def _read_folder(folder: Path) -> LazyTensors:
    return LazyTensors(weight_files(folder))


def _read_json(file: Path) -> dict[str, Any]:
    fields = read_json(file)
    if not isinstance(fields, dict):
        raise ModelError(f"{file} is no JSON object; name complete folders.")
    return fields


def _read_checkpoint(path: Path) -> Weights:
    run = path.parent.parent
    start = run / "start"
    if not (start / "config.json").is_file():
        raise ModelError(f"{path} is a checkpoint, but {start}, which it builds on, is not there.")
    tune = _read_json(run / "config.json")["recipe"].get("tune", {})
    scale = tune.get("lora_alpha", 32.0) / tune.get("lora_rank", 64)
    trained = LazyTensors([path / "model.safetensors"])
    adapters = {
        name.replace(".default.weight", ".weight"): name for name in trained if ".lora_" in name
    }
    tensors = _read_folder(start)
    for name in trained:
        if ".lora_" not in name:
            plain = name.replace(".base_layer.", ".")
            _require(plain, tensors, trained.shape(name), path)
            tensors.replace(plain, trained, name)
    _add_adapters(tensors, trained, adapters, scale, path)
    return Weights(path, start, tensors)


def _read_adapter(path: Path, base: Path | None) -> Weights:
    config = _read_json(path / "adapter_config.json")
    if config.get("peft_type", "LORA") != "LORA":
        raise ModelError(f"{path} is a {config['peft_type']} adapter; only LoRA can be merged.")
    if used := [name for name in _PEFT_REFUSED if config.get(name)]:
        raise ModelError(f"{path} uses {used[0]}, which merging here does not know.")
    folder = base or Path(str(config.get("base_model_name_or_path") or ""))
    if not (folder / "config.json").is_file():
        raise UsageError(
            f"{path} is an adapter over {str(folder)!r}, which is no folder here; name it with "
            "--base."
        )
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    tensors, adapters = _read_folder(folder), {}
    trained = LazyTensors([path / "adapter_model.safetensors"])
    for name in trained:
        plain = name.removeprefix(_PEFT_PREFIX).replace(".modules_to_save.default.", ".")
        if ".lora_" in plain:
            adapters[plain] = name
        else:
            _require(plain, tensors, trained.shape(name), path)
            tensors.replace(plain, trained, name)
    _add_adapters(tensors, trained, adapters, scale, path)
    return Weights(path, folder, tensors)


def _add_adapters(
    tensors: LazyTensors,
    trained: LazyTensors,
    adapters: Mapping[str, str],
    scale: float,
    path: Path,
) -> None:
    """Have each product of adapters added; `adapters` has the names of `trained` by plain ones."""
    for name, down in adapters.items():
        layer, found, _ = name.partition(".lora_A.")
        if not found:
            continue
        up = adapters.get(f"{layer}.lora_B.weight")
        if up is None:
            raise ModelError(f"{path} has {name} but no {layer}.lora_B.weight.")
        # An adapter made on the backbone alone does not say so in its names.
        target = next(
            (n for n in (f"{layer}.weight", f"backbone.{layer}.weight") if n in tensors), ""
        )
        (rank, width), (height, other_rank) = trained.shape(down), trained.shape(up)
        if rank != other_rank:
            raise ModelError(f"{path} has {down} of rank {rank}, but {up} of rank {other_rank}.")
        _require(target or f"{layer}.weight", tensors, (height, width), path)
        tensors.add(target, partial(_product, trained, up, down, scale))


def _product(trained: LazyTensors, up: str, down: str, scale: float) -> Tensor:
    return scale * (trained[up] @ trained[down])


def _require(name: str, tensors: LazyTensors, shape: tuple[int, ...], path: Path) -> None:
    if name not in tensors:
        raise ModelError(f"{path} changes {name}, which the model under it does not have.")
    if tensors.shape(name) != shape:
        raise ModelError(
            f"{path} has {name} of shape {shape}, the model under it of {tensors.shape(name)}."
        )
