"""Results on disk: JSON files that are whole or not there."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from c2llm.errors import DataError


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
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not a kept result ({error}); remove it.") from error
    if not isinstance(fields, dict):
        raise DataError(f"{path} is not a kept result (no object); remove it.")
    return fields if fields.pop("format", None) == format else None


def save_kept(path: Path, format: int, fields: dict[str, Any]) -> None:
    """Write an object; a kill in the middle leaves no half file under this name.

    Raises:
        DataError: if it cannot be written.
    """
    content = json.dumps({"format": format, **fields}, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.partial")
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise DataError(f"Results cannot be kept in {path.parent} ({error}).") from error
