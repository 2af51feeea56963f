"""The repositories of a server: those that it was started with, and those that were added since.

Whatever is added lies below a directory that the server was started with, once all links are
followed; what was added is kept beside the indexes, and is there again after a restart.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

from c2llm.errors import C2LLMError, UsageError
from c2llm.home import home_folder
from c2llm.index.store.location import resolved_path
from c2llm.index.store.lock import holding
from c2llm.index.store.private import check_file, make_file, make_folder
from c2llm.search.answering import labels
from c2llm.serving.roots import refusal

MOST_REPOSITORIES = 1_000


class Repositories:
    """Which directories a server answers from.

    Args:
        started_with: Directories that are repositories from the start.
        roots: Directories below which others may be added.
        file: Where those are kept that were added; None to keep none.
    """

    def __init__(
        self,
        started_with: Sequence[Path] = (),
        roots: Sequence[Path] = (),
        file: Path | None = None,
    ) -> None:
        self._started_with = tuple(dict.fromkeys(map(resolved_path, started_with)))
        self._roots = tuple(dict.fromkeys(map(resolved_path, (*started_with, *roots))))
        self._file = file
        self._lock = Lock()
        self._added: tuple[Path, ...] = ()
        if file is not None:
            self._added = tuple(path for path in map(Path, _kept(file)) if self._may_be(path))

    def all(self) -> list[Path]:
        """Every repository, resolved, in the order in which they came."""
        return list(dict.fromkeys((*self._started_with, *self._added)))

    def add(self, path: str) -> Path:
        """Have a directory answered from, now and after a restart; it may be there already.

        Raises:
            UsageError: It is not there, is no project, or lies outside of the roots, which are told
                apart by nothing: a stranger learns of no path whether it exists.
        """
        folder = self._below_roots(path)
        if folder is None or not self._may_be(folder):
            raise UsageError(
                f"{path!r} is no project directory below a root of this server; start it with "
                "--root DIRECTORY to have repositories added from there."
            )
        with self._lock:
            if len(self.all()) >= MOST_REPOSITORIES:
                raise UsageError(
                    f"There are {MOST_REPOSITORIES:,} repositories already; remove one first."
                )
            if folder not in self.all():
                self._added = (*self._added, folder)
                self._keep([folder], [])
        return folder

    def remove(self, folder: Path) -> None:
        """Answer from an added directory no more; its index stays.

        Raises:
            UsageError: The server was started with it.
        """
        if folder in self._started_with:
            raise UsageError("The server was started with this repository; restart it without.")
        with self._lock:
            self._added = tuple(one for one in self._added if one != folder)
            self._keep([], [folder])

    def _below_roots(self, path: str) -> Path | None:
        """Where a path leads, whole or from a root; None where it leads nowhere."""
        if "\0" in path or not path.strip():
            raise UsageError("Give the path of a directory.")
        with suppress(OSError, ValueError):  # too long, or no name of a file system
            for candidate in (root / path for root in self._roots):
                if candidate.is_dir():
                    return resolved_path(candidate)
        return None

    def _may_be(self, folder: Path) -> bool:
        """Whether a resolved path is a directory below a root and no place of the system."""
        inside = any(folder.is_relative_to(root) for root in self._roots)
        with suppress(OSError, ValueError):
            return (
                inside
                and resolved_path(folder) == folder
                and folder.is_dir()
                and (not refusal(folder))
            )
        return False

    def _keep(self, added: Sequence[Path], removed: Sequence[Path]) -> None:
        """Change the kept list, which servers with other roots share."""
        if self._file is None:
            return
        temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
        try:
            make_folder(self._file.parent)
            with holding(self._file, "refreshing", 5.0):
                gone = set(map(str, removed))
                paths = [one for one in _kept(self._file) if one not in gone]
                paths = list(dict.fromkeys([*paths, *map(str, added)]))
                make_file(temporary)
                temporary.write_text(json.dumps(paths, indent=1) + "\n", encoding="utf-8")
                temporary.replace(self._file)
        except OSError as error:
            raise C2LLMError(
                f"What was changed holds until the server ends: {self._file} cannot be written "
                f"({error.strerror})."
            ) from error


def kept_file() -> Path:
    """Where added repositories are kept."""
    return home_folder() / "serve" / "repositories.json"


def named(folders: Sequence[Path]) -> dict[str, Path]:
    """The short name of each directory among these alone."""
    return dict(zip(labels(folders), folders, strict=True))


def by_name(text: str, repositories: Mapping[str, object]) -> str:
    """A sentence in which directories of the server are called as whoever asks knows them.

    Args:
        text: What has been told of the disk.
        repositories: Those that there are for who asks, by their names.
    """
    folders = [(name, one) for name, one in repositories.items() if isinstance(one, Path)]
    for name, folder in sorted(folders, key=lambda one: -len(str(one[1]))):
        whole = rf"{re.escape(str(folder))}(?![\w-]|\.\w)"
        text = re.sub(whole, lambda _, name=name: name, text)  # type: ignore[misc]
    return text


def _kept(file: Path) -> list[str]:
    try:
        check_file(file)
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise C2LLMError(f"{file} cannot be read ({error}); correct or remove it.") from error
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise C2LLMError(f"{file} is no list of repositories; correct or remove it.")
    return found
