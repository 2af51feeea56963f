"""A file of what is known and accepted, against which only what is new is told.

One JSON object with who made it and a row a line, so that a change of the file can be read and
merged. It lies in the repository, so it is read with care, and never written over something else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from c2llm.errors import C2LLMError, DataError, UsageError
from c2llm.printable import quoted

_MOST_BYTES = 200_000_000


def read_rows(path: Path, mark: str, version: int, key: str) -> list[Any]:
    """The rows that `write_rows` has written.

    Args:
        path: The file.
        mark: The command that made it.
        version: Of its form.
        key: What the rows are called in it.

    Raises:
        UsageError: There is no such file.
        DataError: It is no baseline, or one of another command or version.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path} is larger than a baseline can be; is it the right file?")
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"The baseline {path} cannot be read ({error.strerror}); write one with "
            "--write-baseline."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no baseline; write one with --write-baseline.") from error
    if not isinstance(said, dict) or said.get("made_by") != mark:
        raise DataError(f"{path} is no baseline of {mark}; write one with --write-baseline.")
    if said.get("version") != version:
        raise DataError(
            f"{path} is a baseline of version {quoted(said.get('version'))}, and this program "
            f"reads version {version}; write it anew with --write-baseline."
        )
    rows = said.get(key)
    if not isinstance(rows, list):
        raise damaged(path)
    return rows


def damaged(path: Path) -> DataError:
    """What is raised where rows are not what they should be."""
    return DataError(f"{path} is a damaged baseline; write it anew with --write-baseline.")


def write_rows(
    path: Path, mark: str, version: int, key: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Write rows; the file is replaced at once.

    Raises:
        UsageError: Another file stands there.
        C2LLMError: It cannot be written.
    """
    require_writable(path, mark)
    body = ",\n".join(json.dumps(row) for row in rows)
    text = f'{{"made_by": "{mark}", "version": {version}, "{key}": [\n{body}\n]}}\n'
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise C2LLMError(
            f"{path} cannot be written ({error.strerror}); name another file."
        ) from error


def require_writable(path: Path, mark: str) -> None:
    """Make sure before any work that a baseline may be written to a path.

    Raises:
        UsageError: Something else stands there, or its folder is not there.
    """
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} for {path.name}.")
    if not os.path.lexists(path):
        return
    if not path.is_file() or path.is_symlink():
        raise UsageError(f"{path} is no file; name another one for the baseline.")
    with path.open("rb") as stream:
        head = stream.read(100)
    if head and not head.startswith(f'{{"made_by": "{mark}"'.encode()):
        raise UsageError(
            f"{path} holds something else than a baseline of {mark}; name another file."
        )
