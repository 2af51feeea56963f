"""A model folder as serving sees it: config, tokenizer, weights, checked before anything runs.

config.json        width, longest input, prompts, padding id
tokenizer.json     tokenizer with its normalisation
table.npz          table for the `table` engine, or
model.onnx         graph for the `onnx` engine, with model.onnx.data if it is large, or
model.safetensors  weights for the `torch` engine, in one file or in shards with their index

The published checkpoints' flat config.json is read as well as ours.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import ModelError, UsageError
from c2llm.modeling.hub import is_hub_id, local_folder
from c2llm.modeling.model_json import (
    LARGEST_TOKENIZER,
    read_config,
    require_dim,
    require_regular,
    size_of,
)
from c2llm.modeling.official import convert_config, is_official
from c2llm.modeling.weight_files import PICKLES, has_weights, weight_files

DEFAULT_MODEL = "c2llm-mini"
ENGINE_FILES = {"table": "table.npz", "onnx": "model.onnx", "torch": "model.safetensors"}
"""Engines and their files, the fastest first: that is the one which is taken by default."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """The checked description of a model folder."""

    path: Path
    name: str
    dim: int
    pooling: str
    """`pma` or another of `modeling/poolings.py`."""
    max_tokens: int
    query_prompt: str
    document_prompt: str
    pad_id: int
    vocabulary: int
    """Rows of the token embedding; every token id is below."""
    engine: str
    """The engine whose file is there; the first of `ENGINE_FILES` if several are."""
    matryoshka_dims: tuple[int, ...] = ()
    """Lengths that the first numbers of a vector were trained to serve at alone."""

    def file(self, engine: str) -> Path:
        """The weights file of an engine.

        Raises:
            ModelError: if the folder does not have it.
        """
        path = self.path / ENGINE_FILES[engine]
        if not _has(self.path, engine):
            raise ModelError(
                f"{self.path} has no {path.name}, which the {engine} engine needs; "
                f"choose engine={self.engine!r} or export the model again."
            )
        if engine != "torch":
            require_regular(path)
        return path

    def _files(self, engine: str) -> list[Path]:
        if engine != "onnx":
            return [self.file(engine)]
        from c2llm.modeling.checks.graph_check import graph_files

        return graph_files(self.file(engine))

    def fingerprint(self, engine: str) -> str:
        """Hash of everything that decides a vector: config, tokenizer and weights."""
        weights = weight_files(self.path) if engine == "torch" else self._files(engine)
        digest = hashlib.sha256()
        for path in (self.path / "config.json", self.path / "tokenizer.json", *weights):
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()[:24]


def _has(folder: Path, engine: str) -> bool:
    return has_weights(folder) if engine == "torch" else (folder / ENGINE_FILES[engine]).exists()


def shipped_models() -> dict[str, Path]:
    """Names and folders of the models that come with the package."""
    package = Path(__file__).resolve().parents[1]
    # An installed package carries them inside; a checkout has them at its top.
    for root in (package / "models", package.parents[1] / "models"):
        if root.is_dir():
            return {
                path.name: path
                for path in sorted(root.iterdir())
                if (path / "config.json").is_file()
            }
    return {}


def open_folder(name: str | Path, engine: str | None = None) -> ModelFolder:
    """Find and check a model by shipped name, folder or hub id.

    Raises:
        UsageError: if no such model or engine exists.
        ModelError: if the folder is incomplete or its config does not make sense.
    """
    if engine is not None and engine not in ENGINE_FILES:
        raise UsageError(f"Unknown engine {engine!r}; there are {', '.join(ENGINE_FILES)}.")
    shipped = shipped_models()
    path = shipped.get(str(name), Path(name))
    if not path.is_dir() and is_hub_id(str(name)):
        path = local_folder(name)
    if not path.is_dir():
        known = f"one of {', '.join(shipped)}" if shipped else "install c2llm anew, for it has none"
        raise UsageError(f"Unknown model {str(name)!r}: name a model folder or {known}.")
    finished = path / "model"
    if not os.path.lexists(path / "tokenizer.json") and (finished / "config.json").is_file():
        raise UsageError(f"{path} is the run of a training; its model is {finished}.")
    fields = read_config(path / "config.json")
    if not os.path.lexists(path / "tokenizer.json"):
        raise ModelError(f"{path} has no tokenizer.json; copy the whole model folder.")
    require_regular(path / "tokenizer.json", LARGEST_TOKENIZER)
    here = [e for e in ENGINE_FILES if _has(path, e)]
    if not here and engine is None and any((path / name).is_file() for name in PICKLES):
        weight_files(path)  # says what is wrong with a pickle
    if not here:
        raise ModelError(
            f"{path} has no weights ({' or '.join(ENGINE_FILES.values())}); "
            "copy the whole model folder."
        )
    folder = _describe(path, str(name), fields, engine or here[0])
    folder.file(folder.engine)
    return folder


def _describe(path: Path, name: str, fields: dict[str, Any], engine: str) -> ModelFolder:
    config = path / "config.json"
    try:
        if is_official(fields):
            fields = convert_config(fields)
        prompts = fields.get("prompts") or {}
        backbone = fields["backbone"]
        pooling = str(fields.get("pooling", "pma"))
        sized, width = (fields, "pma_dim") if pooling == "pma" else (backbone, "hidden_size")
        dim = size_of(sized, width, config)
        if pooling == "pma" and fields.get("pma_merge") != "mean":
            dim *= size_of(fields, "pma_num_queries", config, 1)
        require_dim(dim, config)
        vocabulary = size_of(backbone, "vocab_size", config)
        return ModelFolder(
            path=path,
            name=path.name if Path(name).is_dir() else name,
            dim=dim,
            pooling=pooling,
            max_tokens=size_of(fields, "max_tokens", config),
            query_prompt=prompts.get("query", ""),
            document_prompt=prompts.get("document", ""),
            pad_id=_pad_id(backbone.get("pad_token_id"), vocabulary, config),
            vocabulary=vocabulary,
            engine=engine,
            matryoshka_dims=_matryoshka_dims(fields.get("matryoshka_dims"), dim, config),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{config} lacks or garbles a field ({error}); copy the model again."
        ) from error


def _matryoshka_dims(given: Any, dim: int, config: Path) -> tuple[int, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(type(d) is int and 1 <= d <= dim for d in given):
        raise ModelError(
            f"{config} gives matryoshka_dims as {str(given)[:40]}, which are not lengths from 1 to "
            f"{dim}; copy the model again."
        )
    return tuple(given)


def _pad_id(given: Any, vocabulary: int, config: Path) -> int:
    if given is None:
        return 0
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < vocabulary:
        raise ModelError(
            f"{config} gives pad_token_id as {str(given)[:40]}, which is none of {vocabulary} "
            "tokens; copy the model again."
        )
    return given
