"""Reading what describes a model: regular files of a bounded size, JSON of plain finite values.

A model folder comes from anywhere. A FIFO or a device in the place of a file would be waited for
without end, brackets nested ten thousand deep or a number of five thousand digits end the parser
in errors of their own, and a size of a billion would be allocated before anything else is looked
at. All of it is found here, before a library sees the file.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from c2llm.errors import ModelError
from c2llm.modeling.official import POOLINGS

LARGEST_CONFIG = 1 << 20
"""Bytes of a description; published ones have some two thousand."""
LARGEST_TOKENIZER = 256 << 20
"""Bytes of a tokenizer.json; those of 250,000 tokens have some twenty million."""
LARGEST_INDEX = 64 << 20
LONGEST_PROMPT = 1 << 16
"""Characters; an instruction has some hundred."""

_LARGEST_SIZES = {
    **dict.fromkeys(("hidden_size", "pma_dim", "compressed_dim", "head_dim"), 1 << 16),
    **dict.fromkeys(("intermediate_size", "embedding_size", "moe_intermediate_size"), 1 << 20),
    **dict.fromkeys(("num_hidden_layers", "num_layers"), 1 << 10),
    **dict.fromkeys(("num_attention_heads", "num_key_value_heads", "pma_num_heads"), 1 << 12),
    **dict.fromkeys(("latent_heads", "pma_num_queries", "type_vocab_size"), 1 << 12),
    "num_latents": 1 << 16,
    "vocab_size": 1 << 24,
    "max_position_embeddings": 1 << 24,
    "max_tokens": 1 << 20,
}
"""Numbers that something is allocated by, each with the most that any model comes near to."""
_LARGEST_COUNT = 1 << 17
"""Of whatever else a config calls a number of something, such as labels."""
_LARGEST_DIM = 1 << 18
_WORDS = {
    "pooling": POOLINGS,
    "pma_merge": ("concat", "mean"),
    "pma_residual": ("projected", "raw"),
}


def require_regular(path: Path, largest: int | None = None) -> int:
    """The size in bytes of a file that can be read to its end.

    Raises:
        ModelError: if it is not there, no regular file, or larger than `largest` bytes.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({_reason(error)}); copy the model again.") from (
            error
        )
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{path} is not a regular file; copy the model again.")
    if largest is not None and status.st_size > largest:
        raise ModelError(
            f"{path} has {status.st_size:,} bytes where at most {largest:,} are expected; copy "
            "the model again."
        )
    return status.st_size


def read_bytes(path: Path, largest: int) -> bytes:
    """The content of a regular file of at most `largest` bytes.

    Raises:
        ModelError: as `require_regular` does.
    """
    require_regular(path, largest)
    try:
        # Another file may have taken its place since; opening a FIFO must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ModelError(f"{path} is not a regular file; copy the model again.")
            return stream.read(largest)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({_reason(error)}); copy the model again.") from (
            error
        )


_BINARY: int = getattr(os, "O_BINARY", 0)


def read_json(path: Path, largest: int = LARGEST_CONFIG) -> Any:
    """What a JSON file holds.

    Raises:
        ModelError: if it is no such file, nested too deeply, or holds a number that is not finite.
    """
    return parse_json(read_bytes(path, largest), path)


def parse_json(content: bytes, path: Path) -> Any:
    """What JSON in a part of the file `path` says.

    Raises:
        ModelError: as `read_json` does.
    """
    try:
        return json.loads(
            content.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_without_repeats
        )
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not JSON ({_reason(error)}); copy the model again.") from error


def read_config(path: Path) -> dict[str, Any]:
    """The fields of a model's config.json, in our layout or the published one, their sizes checked.

    Raises:
        ModelError: if there is no such file, or its fields make no sense.
    """
    if not os.path.lexists(path):
        raise ModelError(f"{path.parent} has no config.json: it is not a model folder.")
    fields = read_json(path)
    if not isinstance(fields, dict) or fields.get("model_type") != "c2llm":
        raise ModelError(f"{path} does not describe a c2llm model (model_type must be 'c2llm').")
    _check_sizes(fields, path)
    if "backbone" in fields:
        backbone = fields["backbone"]
        if not isinstance(backbone, dict):
            raise ModelError(f"{path} lacks or garbles the field backbone; copy the model again.")
        if not isinstance(backbone.get("model_type", ""), str):
            raise ModelError(f"{path} lacks or garbles the model_type of its backbone.")
        _check_sizes(backbone, path)
        _check_positions(fields, backbone, path)
    for name, words in _WORDS.items():
        if name in fields and fields[name] not in words:
            raise ModelError(
                f"{path} gives {name} as {str(fields[name])[:40]!r}, which is none of "
                f"{', '.join(words)}; copy the model again."
            )
    _check_prompts(fields.get("prompts"), path)
    return fields


def size_of(fields: Mapping[str, Any], name: str, path: Path, default: int | None = None) -> int:
    """A size that a config must have, or `default`.

    Raises:
        ModelError: if it is not there and there is no default.
    """
    value = fields.get(name)
    if value is None:
        value = default
    if not isinstance(value, int):
        raise ModelError(f"{path} lacks or garbles a field ('{name}'); copy the model again.")
    return value


def require_dim(dim: int, path: Path) -> None:
    """Raise ModelError for vectors longer than any model's."""
    if dim > _LARGEST_DIM:
        raise ModelError(
            f"{path} promises vectors of {dim:,} numbers where at most {_LARGEST_DIM:,} are "
            "expected; copy the model again."
        )


def _check_sizes(fields: Mapping[str, Any], path: Path) -> None:
    for name, largest in _LARGEST_SIZES.items():
        value = fields.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
            raise ModelError(
                f"{path} gives {name} as {str(value)[:40]!s}, which is not a whole number from 1 "
                f"to {largest:,}; copy the model again."
            )
    for name, value in fields.items():
        counted = name.startswith(("num_", "n_")) and name not in _LARGEST_SIZES
        if counted and isinstance(value, int) and not -1 <= value <= _LARGEST_COUNT:
            raise ModelError(
                f"{path} gives {name[:40]} as {str(value)[:40]}, where at most "
                f"{_LARGEST_COUNT:,} are expected; copy the model again."
            )


def _check_positions(fields: dict[str, Any], backbone: dict[str, Any], path: Path) -> None:
    tokens, positions = fields.get("max_tokens"), backbone.get("max_position_embeddings")
    if tokens is not None and positions is not None and tokens > positions:
        raise ModelError(
            f"{path} gives max_tokens as {tokens}, but its backbone has positions for {positions} "
            "tokens; copy the model again."
        )


def _check_prompts(prompts: Any, path: Path) -> None:
    if prompts is None:
        return
    if not isinstance(prompts, dict) or not all(isinstance(p, str) for p in prompts.values()):
        raise ModelError(f"{path} has prompts that are no texts by name; copy the model again.")
    if any(len(prompt) > LONGEST_PROMPT for prompt in prompts.values()):
        raise ModelError(
            f"{path} has a prompt of more than {LONGEST_PROMPT:,} characters; copy the model again."
        )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:60]!r} stands there twice")
    return fields


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split())[:160]
