"""What was put into files of others, so that it can be taken out exactly.

One private file beside the indexes. It holds our own pieces and a checksum, nothing else of a file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from c2llm.cli.install.edits import Edit, apply
from c2llm.errors import C2LLMError
from c2llm.home import home_folder

_NAME = "clients.json"


@dataclass(frozen=True, slots=True)
class Record:
    """One file that was changed."""

    checksum: str
    """SHA-256 of the text that was written."""
    pieces: tuple[tuple[int, str, str], ...]
    """What was put in, by its place in the text that was written, and the blanks that it took the
    place of."""
    made_container: bool
    """Whether the object or table that holds the entry was put in as well."""
    made_file: bool
    folders: tuple[str, ...] = ()
    """Folders that were made for the file, the outermost first."""


def record_of(
    before: str,
    edits: Sequence[Edit],
    *,
    made_container: bool,
    made_file: bool,
    folders: Sequence[Path],
) -> Record | None:
    """The record of edits that put something in; None where they took anything but blanks."""
    moved = 0
    pieces: list[tuple[int, str, str]] = []
    for edit in edits:
        gone = before[edit.start : edit.end]
        if gone.strip():
            return None
        pieces.append((edit.start + moved, edit.text, gone))
        moved += len(edit.text) - len(gone)
    checksum = _checksum(apply(before, edits))
    return Record(checksum, tuple(pieces), made_container, made_file, tuple(map(str, folders)))


def undo(text: str, record: Record) -> list[Edit] | None:
    """What takes out of a text what was put in; None where it has been changed since."""
    if _checksum(text) != record.checksum:
        return None
    edits = [Edit(at, at + len(piece), gone) for at, piece, gone in record.pieces]
    ours = all(text[at : at + len(piece)] == piece for at, piece, _ in record.pieces)
    return edits if ours and not any(edit.text.strip() for edit in edits) else None


def recall(path: Path) -> Record | None:
    """What is known of a file."""
    found = _load().get(str(path))
    try:
        return None if found is None else _read(found)
    except (TypeError, ValueError, KeyError):  # of another version
        return None


def _read(found: dict[str, Any]) -> Record:
    return Record(
        str(found["checksum"]),
        tuple((int(at), str(piece), str(gone)) for at, piece, gone in found["pieces"]),
        bool(found["made_container"]),
        bool(found["made_file"]),
        tuple(map(str, found["folders"])),
    )


def keep(path: Path, record: Record | None) -> None:
    """Remember what is known of a file, or forget it; a disk that does not let us is no matter."""
    from c2llm.index.store.private import make_file, make_folder

    known = _load()
    if record is None:
        if known.pop(str(path), None) is None:
            return
    else:
        known[str(path)] = asdict(record)
    file = home_folder() / _NAME
    part = file.with_name(f"{_NAME}.{os.getpid()}.part")
    with suppress(OSError, C2LLMError):
        make_folder(file.parent)
        make_file(part)
        part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        part.replace(file)


def _load() -> dict[str, dict[str, Any]]:
    from c2llm.index.store.private import check_file

    file = home_folder() / _NAME
    try:
        check_file(file)
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, C2LLMError):
        return {}  # without it the entry goes by its lines
    return known if isinstance(known, dict) else {}


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
