"""From YAML and `key=value` overrides to checked dataclasses, every fault named by its key."""

from __future__ import annotations

import dataclasses
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from c2llm.errors import UsageError
from c2llm.printable import quoted

T = TypeVar("T")
_LARGEST = 2**63
"""Of a whole number; arithmetic with a larger one may raise whatever Python does."""


def read_tree(path: str | Path, overrides: list[str] | None = None) -> dict[str, Any]:
    """A YAML file as nested dicts, with overrides such as `optim.steps=200` put in.

    Raises:
        UsageError: for a missing file, invalid YAML, or an override that is not key=value.
    """
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot read the recipe {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The recipe {path} is not UTF-8 text.") from error
    # Of a date that there is none of, of too many digits, of a tag on what is none of its kind, and
    # of what nests too deep, YAML's reader raises what Python does.
    values = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
    bad = (yaml.YAMLError, RecursionError, *values)
    try:
        tree = yaml.safe_load(text)
    except bad as error:
        raise UsageError(f"{path} is not valid YAML: {_reason(error)}.") from error
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise UsageError(f"{path} must be a mapping of sections, not {quoted(tree)}.")
    for override in overrides or []:
        key, separator, value = override.partition("=")
        if not separator:
            raise UsageError(
                f"An override is written key=value, not {quoted(override)}: optim.steps=200."
            )
        try:
            _put(tree, key, yaml.safe_load(value))
        except bad as error:
            raise UsageError(f"{quoted(override)} is not valid YAML: {_reason(error)}.") from error
    return tree


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())[:300]
    return "it is nested too deep" if isinstance(error, RecursionError) else said


def build(kind: type[T], tree: dict[str, Any]) -> T:
    """Build the dataclass `kind` from nested dicts.

    Raises:
        UsageError: for an unknown key or a value of the wrong type, naming it.
    """
    built: T = _build(kind, tree, "")
    return built


def _put(tree: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, leaf = dotted.split(".")
    for name in parents:
        if tree.get(name) is None:
            tree[name] = {}
        tree = tree[name]
        if not isinstance(tree, dict):
            raise UsageError(f"{dotted}: {name} is not a section of the recipe.")
    tree[leaf] = value


def _build(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, value, where)
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise UsageError(f"{where} must be a list, not {quoted(value)}.")
        (item,) = get_args(kind)
        return [_build(item, v, f"{where}[{i}]") for i, v in enumerate(value)]
    if get_origin(kind) is dict:
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise UsageError(f"{where} must be a mapping of names, not {quoted(value)}.")
        _, item = get_args(kind)
        return {k: _build(item, v, f"{where}.{k}") for k, v in value.items()}
    if get_origin(kind) is UnionType:  # T | None
        return None if value is None else _build(get_args(kind)[0], value, where)
    if kind is float and isinstance(value, int | str) and not isinstance(value, bool):
        try:  # YAML reads 3e-5 as a string
            return float(value)
        except (ValueError, OverflowError):
            pass
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UsageError(f"{where} must be {kind.__name__}, not {quoted(value)}.")
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise UsageError(f"{where} must be below {_LARGEST:,}, not {quoted(value)}.")
    return value


def _build_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise UsageError(f"{where or 'The recipe'} must be a mapping, not {quoted(value)}.")
    known = {f.name for f in fields(kind)}
    for name in value:
        if name not in known:
            path = f"{where}.{name}".lstrip(".")
            raise UsageError(f"Unknown key {path}; known here: {', '.join(sorted(known))}.")
    hints = get_type_hints(kind)
    return kind(**{k: _build(hints[k], v, f"{where}.{k}".lstrip(".")) for k, v in value.items()})
