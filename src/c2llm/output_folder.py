"""Folders that a command writes: filled beside their place, then swapped in, and never another's.

A folder is ours while it holds nothing but what its mark lists, so that a file which somebody put
there, or a folder that was there before, is refused and not removed. A run that fails or is killed
leaves what was there before.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from c2llm.errors import C2LLMError, UsageError

MARK = ".c2llm-output.json"
"""What stands in each folder of ours: the files that were written, or that all of it is work."""
_OF_NOBODY = {MARK, ".DS_Store", "Thumbs.db", "desktop.ini"}
_PART = ".part"


def require_replaceable(folder: Path) -> None:
    """Make sure that `replace_folder` may have a folder, before the work that fills it.

    Raises:
        UsageError: it is a file, or holds what we did not write.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder.")
    if foreign := _foreign(folder, _marked(folder)):
        raise _refusal(folder, foreign)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder that takes the place of `folder` when the block ends without an error.

    Raises:
        UsageError: `folder` is a file, or holds what we did not write.
        C2LLMError: the disk does not let it be made.
    """
    require_replaceable(folder)
    target = folder.resolve()
    with _explained(folder):
        target.parent.mkdir(parents=True, exist_ok=True)
        # A container's volume can only be filled where it is.
        beside = os.access(target.parent, os.W_OK) and not target.is_mount()
        part = _part_folder(target, target.parent if beside else target)
    try:
        yield part
        _write_mark(part, _files(part))
        require_replaceable(folder)  # the work may have taken an hour
        with _explained(folder):
            if target.is_dir() and (not beside or not any(target.iterdir())):
                _fill(target, part)
            else:
                _swap(target, part)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def add_to_folder(folder: Path, names: Iterable[str], maybe: Iterable[str] = ()) -> Iterator[Path]:
    """Give an empty folder whose files of these names are moved into `folder` after the block.

    Whatever else `folder` holds stays. Other files of the block are dropped.

    Args:
        folder: where the files go.
        names: files that the block makes, in the order in which they are moved.
        maybe: files that it makes or not, moved before the others; where it does not, one of ours
            that lies there since another time is removed.

    Raises:
        UsageError: `folder` is a file, or has one of the files and we did not write it.
        C2LLMError: the disk does not let it be written.
    """
    names, maybe = list(names), list(maybe)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder.")
    ours = _marked(folder)
    known = {*names, *maybe} if ours is None else ours
    named = (*names, *maybe)
    if foreign := sorted(n for n in named if n not in known and os.path.lexists(folder / n)):
        raise _refusal(folder, foreign)
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part = _part_folder(folder, folder)
    try:
        yield part
        with _explained(folder):
            made = [name for name in maybe if (part / name).exists()]
            if ours is not None:
                _write_mark(folder, (ours | {*names, *made}) - (set(maybe) - set(made)))
            for name in (*made, *names):
                (part / name).replace(folder / name)
            for name in set(maybe) - set(made):
                (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def claim_work_folder(folder: Path) -> None:
    """Make a folder for unfinished work, or go on with one of ours.

    Raises:
        UsageError: it is a file, or holds what we did not write.
        C2LLMError: the disk does not let it be made.
    """
    require_replaceable(folder)
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if _marked(folder) is not None:
            _write_mark(folder, None)


def remove_folder(folder: Path) -> None:
    """Remove a folder that one of the functions here made; any other stays."""
    ours = _marked(folder)
    if folder.is_dir() and ours != set() and not _foreign(folder, ours):
        shutil.rmtree(folder, ignore_errors=True)


def _marked(folder: Path) -> set[str] | None:
    """The files that we wrote, without a mark none; None where all of the folder is ours."""
    try:
        said = json.loads((folder / MARK).read_text(encoding="utf-8"))
        files = said["files"]
        return None if files is None else {str(name) for name in files}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()


def _foreign(folder: Path, ours: set[str] | None) -> list[str]:
    if ours is None or not folder.is_dir():
        return []
    return sorted(name for name in _files(folder) if name not in ours)


def _files(folder: Path) -> set[str]:
    """Paths below a folder of what is no directory, with `/`."""
    found: set[str] = set()
    own = f".{folder.resolve().name[:100]}-"
    for base, directories, names in os.walk(folder):
        directories[:] = [  # left by a run that was killed, or another's that is at work
            name for name in directories if not (name.startswith(own) and name.endswith(_PART))
        ]
        links = [name for name in directories if Path(base, name).is_symlink()]
        for name in (*names, *links):
            if name not in _OF_NOBODY:
                found.add(Path(base, name).relative_to(folder).as_posix())
    return found


def _write_mark(folder: Path, files: set[str] | None) -> None:
    text = json.dumps({"files": None if files is None else sorted(files)}, indent=1)
    part = folder / f"{MARK}{_PART}"
    part.write_text(f"{text}\n", encoding="utf-8")
    part.replace(folder / MARK)


def _part_folder(target: Path, where: Path) -> Path:
    where.mkdir(parents=True, exist_ok=True)
    part = where / f".{target.name[:100]}-{secrets.token_hex(4)}{_PART}"
    part.mkdir()
    return part


def _fill(target: Path, part: Path) -> None:
    """Move what is in `part` into an empty folder or over what is ours, the mark first."""
    # A mark that came with a folder may name what lies elsewhere.
    old, new = (_marked(target) or set()) & _files(target), _marked(part) or set()
    (part / MARK).replace(target / MARK)
    for name in sorted(new):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).replace(target / name)
    for name in old - new:
        (target / name).unlink(missing_ok=True)


def _swap(target: Path, part: Path) -> None:
    """Put `part` in the place of `target`, which is there until the moment between two renames."""
    if not os.path.lexists(target):
        part.rename(target)
        return
    old = _part_folder(target, target.parent)
    target.rename(old / target.name)
    try:
        part.rename(target)
    except BaseException:
        (old / target.name).rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise C2LLMError(
            f"{folder} cannot be written ({error.strerror or error}); name another folder."
        ) from error


def _refusal(folder: Path, foreign: list[str]) -> UsageError:
    more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
    return UsageError(
        f"{folder} holds {foreign[0]!r}{more}, which c2llm did not write there; name another "
        "folder, or empty it."
    )
