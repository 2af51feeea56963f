"""Results on disk: JSON files that are whole or not there."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2llm.errors import DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def file_name(*parts: str) -> str:
    """A file name made of names: colons and slashes are not for file names everywhere."""
    return "-".join(re.sub(r"[^A-Za-z0-9_.]+", ".", part) for part in parts) + ".json"


def load_kept(path: Path, format: int) -> dict[str, Any] | None:
    """The object in `path`; None if there is no such file or it has another format.

    Raises:
        DataError: if the file holds no JSON object.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a kept result ({error}); remove it.") from error
    if not isinstance(fields, dict):
        raise DataError(f"{path} is not a kept result (no object); remove it.")
    return fields if fields.pop("format", None) == format else None


def save_kept(path: Path, format: int, result: DataclassInstance | dict[str, Any]) -> None:
    """Write an object, dataclasses as they stand; a kill in the middle leaves no half file.

    Raises:
        DataError: if it cannot be written.
    """
    named = result if isinstance(result, dict) else _fields(result)
    content = json.dumps({"format": format, **named}, allow_nan=False, default=_fields)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.partial")
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise DataError(f"Results cannot be kept in {path.parent} ({error}).") from error


def _fields(result: DataclassInstance) -> dict[str, Any]:
    """Fields by name, nothing copied: `asdict` takes longer than the search that made a result."""
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
