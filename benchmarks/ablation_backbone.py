"""Backbones of the ablation: cut to their first layers, from a GGUF file too, and their states.

A frozen backbone's states are computed once. Those of several depths come from one pass: the state
below layer k, through the model's final norm where it has one, is what a backbone of k layers ends
in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from c2llm.errors import UsageError
from c2llm.training.network.frozen_backbone import Compute, StateCache
from c2llm.training.network.network import backbone_folder
from c2llm.training.objective.text_embedding import MicroBatches, TokenIds, pad

_BUDGET = 2048
"""Padded tokens of a pass."""
_PART = 128
"""Texts whose states are computed before they are kept."""


def cut_backbone(name: str, layers: int | None, out: Path) -> Path:
    """The folder of a backbone with its first layers, all where `layers` is None.

    Args:
        name: as `model.backbone` of a recipe; a file that ends in `.gguf` is unpacked to float32.
        layers: how many.
        out: where folders are made that are not there yet.

    Raises:
        UsageError: if there is no such backbone, or it has fewer layers.
    """
    source = backbone_folder(name)
    gguf = source.suffix == ".gguf"
    if layers is None and not gguf:
        return source
    safe = "".join(c if c.isalnum() else "-" for c in name)
    folder = out / "backbones" / (safe if layers is None else f"{safe}-{layers}")
    if (folder / "tokenizer.json").exists():
        return folder
    from transformers import AutoConfig, AutoModel

    if gguf and layers is not None:
        source = cut_backbone(name, None, out)
    if gguf and layers is None:
        _unpack(source, folder)
        return folder
    config = AutoConfig.from_pretrained(source, local_files_only=True)
    if layers is not None and layers > config.num_hidden_layers:
        raise UsageError(f"{name} has {config.num_hidden_layers} layers, not {layers}.")
    resize(config, slice(layers))
    options: dict[str, Any] = {"local_files_only": True, "dtype": torch.float32}
    AutoModel.from_pretrained(source, config=config, **options).save_pretrained(folder)
    text = (source / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    return folder


def resize(config: PretrainedConfig, kept: slice) -> None:
    """Make the config of a backbone that of some of its layers."""
    layers = range(config.num_hidden_layers)[kept]
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[kept]
    config.num_hidden_layers = len(layers)


def _unpack(file: Path, folder: Path) -> None:
    """A GGUF file as a folder of float32 weights, whose tokenizer ends each text with EOS."""
    from transformers import AutoModel, AutoTokenizer

    if not file.is_file():
        raise UsageError(f"The backbone file {file} is not there.")
    options: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    try:
        found = AutoModel.from_pretrained(file.parent, dtype=torch.float32, **options)
    except ImportError as error:
        raise UsageError(f"{file.name} needs the package gguf: pip install gguf.") from error
    config = found.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are plain from here on
    plain = AutoModel.from_config(config)
    plain.load_state_dict(found.state_dict())
    plain.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(file.parent, **options)
    fields = json.loads(tokenizer.backend_tokenizer.to_str())
    eos, number = tokenizer.eos_token, tokenizer.eos_token_id
    end = {"SpecialToken": {"id": eos, "type_id": 0}}
    fields["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, end],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {eos: {"id": eos, "ids": [number], "tokens": [eos]}},
    }
    (folder / "tokenizer.json").write_text(json.dumps(fields), encoding="utf-8")


def states_folder(out: Path, folder: Path, *, raw: bool = False) -> Path:
    """Where the frozen states of a backbone are kept, those before its final norm if `raw`."""
    key = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()[:8]
    return out / (f"states-{key}-raw" if raw else f"states-{key}")


def compute_states(
    folder: Path,
    wanted: dict[tuple[int, bool], Path],
    texts: Sequence[TokenIds],
    on_note: Callable[[str], None],
) -> None:
    """Compute the states of texts that are not there yet, of several depths in one pass.

    The backbone runs in bfloat16, as the published models do.

    Args:
        folder: the whole backbone.
        wanted: number of layers, and whether before the norm -> where a cell looks for them.
        texts: token ids, padding on the right must not matter to the backbone.
        on_note: told of progress.
    """
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.bfloat16).eval()
    norm: nn.Module = getattr(model, "norm", nn.Identity())
    caches = {
        depth: StateCache(place / "states" / "rank0", model.config.hidden_size)
        for depth, place in wanted.items()
    }
    last = model.config.num_hidden_layers

    @torch.inference_mode()
    def all_depths(chunk: list[TokenIds]) -> dict[tuple[int, bool], list[Tensor]]:
        ids, mask = pad(chunk, 0, left=False)
        found = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = {
            (layers, raw): found.last_hidden_state
            if layers == last and not raw
            else found.hidden_states[layers]
            if raw
            else norm(found.hidden_states[layers])
            for layers, raw in caches
        }
        return {
            depth: [rows[: len(own)] for rows, own in zip(padded, chunk, strict=True)]
            for depth, padded in states.items()
        }

    unique = [list(ids) for ids in dict.fromkeys(map(tuple, texts))]
    for start in range(0, len(unique), _PART):
        part = [
            ids
            for ids in unique[start : start + _PART]
            if not all(ids in cache for cache in caches.values())
        ]
        for chunk in MicroBatches(part, _BUDGET).chunks if part else []:
            for depth, states in all_depths(chunk).items():
                caches[depth].states(chunk, _lookup(chunk, states))
        on_note(f"states of {min(start + _PART, len(unique))} of {len(unique)} texts are there")


def _lookup(chunk: list[TokenIds], states: list[Tensor]) -> Compute:
    found = {tuple(ids): rows for ids, rows in zip(chunk, states, strict=True)}
    return lambda missing: [found[tuple(ids)] for ids in missing]
