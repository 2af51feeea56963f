"""Safetensors files of a model folder, checked by their headers before a tensor is read.

transformers fills what is missing with random numbers and a warning; an embedding model that was
half loaded still gives vectors, only wrong ones. So names and shapes have to match exactly here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

from c2llm.errors import ModelError
from c2llm.modeling.model_json import LARGEST_INDEX, parse_json, read_json, require_regular

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.pt", "model.ckpt")

_WIDTHS = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 1),
}
"""Bytes of one number of each dtype."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor lies and what it is."""

    file: Path
    dtype: str
    """As safetensors writes it: F32, BF16, …"""
    shape: tuple[int, ...]


def has_weights(folder: Path) -> bool:
    """Whether the folder has safetensors weights, in one file or in shards."""
    return (folder / SINGLE).exists() or (folder / INDEX).exists()


def weight_files(folder: Path) -> list[Path]:
    """The safetensors file of a folder, or its shards in the index's order.

    Raises:
        ModelError: if there are none, only pickles, or a shard is missing.
    """
    if (folder / SINGLE).exists():
        require_regular(folder / SINGLE)
        return [folder / SINGLE]
    index = folder / INDEX
    if not index.exists():
        for name in PICKLES:
            if (folder / name).is_file():
                raise ModelError(
                    f"{folder / name} is a pickle, which can run code and is never opened; "
                    "convert it to model.safetensors where you trust it."
                )
        raise ModelError(f"{folder} has no {SINGLE}; copy the whole model folder.")
    try:
        shards = read_json(index, LARGEST_INDEX)["weight_map"].values()
        files = [folder / Path(str(name)).name for name in dict.fromkeys(shards)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index} is not an index of shards; copy the model again.") from error
    if not files:
        raise ModelError(f"{index} names no shard; copy the model again.")
    for file in files:
        if not file.exists():
            raise ModelError(f"{file} is missing, but {INDEX} names it; copy the model again.")
        require_regular(file)
    return files


def read_headers(files: list[Path]) -> dict[str, StoredTensor]:
    """All tensors of the files by name, without reading one.

    Raises:
        ModelError: if a file is no safetensors, is cut short, or repeats a name.
    """
    found: dict[str, StoredTensor] = {}
    for file in files:
        for name, entry in _header(file).items():
            if name in found:
                raise ModelError(f"{file} repeats {name}; copy the model again.")
            found[name] = StoredTensor(file, entry["dtype"], tuple(entry["shape"]))
    return found


def _header(file: Path) -> dict[str, dict[str, Any]]:
    """The JSON in front of a safetensors file: 8 bytes of its length, then itself, then data."""
    size = require_regular(file)
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(size - 8, LARGEST_INDEX):
            raise ModelError(
                f"{file} is not a safetensors file: a header of {length:,} bytes is longer than "
                "itself or than any model's; copy the model again."
            )
        header = parse_json(stream.read(length), file)
    if not isinstance(header, dict):
        raise ModelError(f"{file} is not a safetensors file; copy the model again.")
    header.pop("__metadata__", None)
    _check_entries(header, 8 + length, size, file)
    return header


def _check_entries(header: dict[str, Any], begin: int, size: int, file: Path) -> None:
    """Raise ModelError unless the tensors lie from `begin` to `size`, each as its shape says."""
    stretches: list[tuple[int, int]] = []
    for name, entry in header.items():
        try:
            width = _WIDTHS[entry["dtype"]]
            (start, stop), shape = entry["data_offsets"], entry["shape"]
            if any(type(n) is not int or n < 0 for n in (start, stop, *shape)):
                raise ValueError("a number is none")
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{file} is not a safetensors file: its entry {name[:60]!r} makes no sense; copy "
                "the model again."
            ) from error
        if stop - start != prod(shape) * width:
            raise ModelError(
                f"{file} holds {name[:60]} of shape {tuple(shape)} in {stop - start:,} bytes, "
                "which do not fit; copy the model again."
            )
        stretches.append((start, stop))
    need = begin + max((stop for _, stop in stretches), default=0)
    if size < need:
        raise ModelError(
            f"{file} is cut short: {size:,} bytes of {need:,} are there; copy the model again."
        )
    stretches.sort()
    if any(later < stop for (_, stop), (later, _) in pairwise(stretches)):
        raise ModelError(f"{file} holds tensors that overlap; copy the model again.")


def check_shapes(
    found: Mapping[str, StoredTensor], expected: Mapping[str, tuple[int, ...]], folder: Path
) -> None:
    """Compare what is stored, under our names, with what the config asks for.

    Raises:
        ModelError: naming the first tensors that are missing, unknown, or of another shape.
    """
    if missing := sorted(expected.keys() - found.keys()):
        raise ModelError(
            f"{folder} lacks {_some(missing)}, which its config.json asks for; copy the model "
            "again."
        )
    if unknown := sorted(found.keys() - expected.keys()):
        raise ModelError(
            f"{folder} holds {_some(unknown)}, which its config.json knows nothing of; config.json "
            "and weights are of different models."
        )
    for name, shape in expected.items():
        if found[name].shape != shape:
            raise ModelError(
                f"{found[name].file} holds {name} of shape {found[name].shape}, but config.json "
                f"asks for {shape}; config.json and weights are of different models."
            )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more tensors"


@contextmanager
def lazy_tensors(stored: Mapping[str, StoredTensor], names: Mapping[str, str]) -> Iterator[Any]:
    """Handles of tensors under our names: each is read when the model takes it, none before.

    Args:
        stored: what the files hold, by the files' names.
        names: the files' names to ours; what is left out is never read.
    """
    from safetensors import safe_open

    with ExitStack() as stack:
        files = {stored[name].file for name in names}
        handles = {f: stack.enter_context(safe_open(f, framework="pt")) for f in sorted(files)}
        yield {ours: handles[stored[name].file].get_slice(name) for name, ours in names.items()}
