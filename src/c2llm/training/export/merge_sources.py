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
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Weights:
    """All tensors of a model in float32, and the folder with its config and tokenizer."""

    name: Path
    """As the user named it."""
    folder: Path
    tensors: dict[str, Tensor]


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


def _read_folder(folder: Path) -> dict[str, Tensor]:
    files = weight_files(folder)
    read_headers(files)  # no name is in two of them
    return {name: t for file in files for name, t in _read_file(file).items()}


def _read_file(file: Path) -> dict[str, Tensor]:
    read_headers([file])
    try:
        with safe_open(file, framework="pt") as tensors:
            names = tensors.keys()  # what is opened is no mapping
            read = {name: tensors.get_tensor(name).to(torch.float32) for name in names}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file} cannot be read; copy the model again.") from error
    for name, tensor in read.items():
        if not torch.isfinite(tensor).all():
            raise ModelError(
                f"{file} has numbers in {name} that are not finite; copy the model again."
            )
    return read


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
    trained = _read_file(path / "model.safetensors")
    adapters = {
        name.replace(".default.weight", ".weight"): tensor
        for name, tensor in trained.items()
        if ".lora_" in name
    }
    tensors = _read_folder(start)
    for name, tensor in trained.items():
        if ".lora_" not in name:
            _require(name.replace(".base_layer.", "."), tensors, tensor, path)
            tensors[name.replace(".base_layer.", ".")] = tensor
    _add_adapters(tensors, adapters, scale, path)
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
    for name, tensor in _read_file(path / "adapter_model.safetensors").items():
        plain = name.removeprefix(_PEFT_PREFIX).replace(".modules_to_save.default.", ".")
        if ".lora_" in plain:
            adapters[plain] = tensor
        else:
            _require(plain, tensors, tensor, path)
            tensors[plain] = tensor
    _add_adapters(tensors, adapters, scale, path)
    return Weights(path, folder, tensors)


def _add_adapters(
    tensors: dict[str, Tensor], adapters: dict[str, Tensor], scale: float, path: Path
) -> None:
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
        delta = scale * (up @ down)
        _require(target or f"{layer}.weight", tensors, delta, path)
        tensors[target] = tensors[target] + delta


def _require(name: str, tensors: dict[str, Tensor], tensor: Tensor, path: Path) -> None:
    if name not in tensors:
        raise ModelError(f"{path} changes {name}, which the model under it does not have.")
    if tensors[name].shape != tensor.shape:
        raise ModelError(
            f"{path} has {name} of shape {tuple(tensor.shape)}, the model under it of "
            f"{tuple(tensors[name].shape)}."
        )
