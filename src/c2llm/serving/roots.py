"""Which directory a client's path means, and which directories are no project.

A client says where its projects are, or whoever starts the server does; what lies outside of them
is not looked at. The working directory of a server says nothing: it is where some host happened to
be started.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from c2llm.codebase.files.repository import find_repository
from c2llm.codebase.files.secret_files import is_secret_directory
from c2llm.errors import UsageError
from c2llm.index.catalog.catalogs import SIGN
from c2llm.index.store.location import existing_directory, resolved_path, user_path
from c2llm.search.answering import labels
from c2llm.search.catalog_opening import AskedCatalog, asked_catalog, file_named
from c2llm.search.target import KeptFile
from c2llm.serving.kept import Kept

_CURE = "name the directory of one project"
_SYSTEM = frozenset(
    """
    /bin /boot /dev /etc /lib /lib32 /lib64 /proc /run /sbin /sys /System /Library /private/etc
    """.split()
)
"""Directories of the system, with all that is below them."""
_SHARED = frozenset(
    """
    / /Applications /Users /Volumes /home /media /mnt /nix /opt /private /private/tmp /private/var
    /root /snap /srv /tmp /usr /usr/bin /usr/include /usr/lib /usr/lib64 /usr/libexec /usr/local
    /usr/local/bin /usr/local/lib /usr/sbin /usr/share /usr/src /var /var/cache /var/lib /var/log
    /var/tmp
    """.split()
)
"""Directories that hold what belongs to many, and may have a project somewhere below them."""
_SHARED_ON_WINDOWS = ("SystemRoot", "ProgramFiles", "ProgramFiles(x86)", "ProgramData", "PUBLIC")


@dataclass(frozen=True, slots=True)
class Place:
    """What a path means: an index, and which part of its tree."""

    root: Path
    """The directory whose index answers; resolved."""
    within: str = ""
    """Path of a directory or file below it, with `/`; "" for all of it."""


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """What a path means of the repositories that a catalog keeps."""

    asked: AskedCatalog
    """The catalog, and which of its repositories."""
    within: str = ""
    """Path of a directory or file in the one repository; "" for all."""

    @property
    def label(self) -> str:
        """What stands before names of repositories, so that paths in answers can be asked about."""
        return f"{SIGN}{self.asked.catalog.name}:"

    @property
    def repository(self) -> Kept:
        """The one repository that a path is in."""
        return Kept(self.asked.catalog.name, self.asked.kept[0].name)


class Roots:
    """The directories that a client may ask about.

    Args:
        folders: The client's, or those that the server was started with. Where there are none, a
            client names any project by its whole path.
        catalogs: Names of those that may be asked, None for all of this user.
    """

    def __init__(
        self, folders: Sequence[Path] = (), catalogs: Collection[str] | None = None
    ) -> None:
        self._catalogs = catalogs
        self.folders = tuple(dict.fromkeys(resolved_path(folder) for folder in folders))

    @cached_property
    def labels(self) -> dict[str, Path]:
        """The usable folders by the short name that answers tell them apart by."""
        usable = [folder for folder in self.folders if folder.is_dir() and not refusal(folder)]
        return dict(zip(labels(usable), usable, strict=True))

    def all(self) -> list[Place]:
        """What is meant where no path is given.

        Raises:
            UsageError: There is no folder, or none that is a project.
        """
        if self.labels:
            return [Place(folder) for folder in self.labels.values()]
        if not self.folders:
            raise UsageError(
                "Which project? This client names no root directory: give `path`, the whole path "
                "of a project, or start the server with --root DIRECTORY."
            )
        raise UsageError(_not_there(self.folders[0]))

    def places(self, path: str | None) -> list[Place]:
        """What a path means; of a catalog, `@NAME`, the live directories that its user has named.

        Raises:
            UsageError: It is not there, lies outside of the folders, or is no project.
        """
        if path is None or path.strip() in ("", "."):
            return self.all()
        if path.startswith(SIGN):
            kept = self.kept(path)
            if kept is not None and kept.within:
                return []
            live = self._asked(path).live
            return [self._checked(Place(existing_directory(one.path))) for one in live]
        return [self.place(path)]

    def kept(self, path: str | None) -> KeptPlace | None:
        """What a path means of a catalog's kept repositories; None where it means none.

        It is `@NAME`, `@NAME:GLOB`, or as answers have it `@NAME:REPOSITORY/PATH`.

        Raises:
            UsageError: There is no such catalog, or no such repository in it.
        """
        if path is None or not path.startswith(SIGN):
            return None
        self._require(path.removeprefix(SIGN).partition(":")[0])
        file = file_named(path)
        if isinstance(file, KeptFile):
            asked = self._asked(f"{SIGN}{file.catalog}:{file.repository}")
            return KeptPlace(asked, file.path)
        asked = self._asked(path)
        return KeptPlace(asked) if asked.kept else None

    def _asked(self, path: str) -> AskedCatalog:
        """What `@NAME` or `@NAME:GLOB` names, of a catalog that may be asked."""
        self._require(path.removeprefix(SIGN).partition(":")[0])
        return asked_catalog(path)

    def _require(self, name: str) -> None:
        """See that a catalog may be asked; of another it is not told whether there is one."""
        if self._catalogs is not None and name not in self._catalogs:
            raise UsageError(
                f"No catalog {SIGN}{name} is open here; start the server with --root {SIGN}{name}."
            )

    def place(self, path: str) -> Place:
        """What one path means, whole, below a folder, or behind the label of one.

        Raises:
            UsageError: As `places` does.
        """
        if "\0" in path:
            raise UsageError("A path has no NUL in it; give the path of a file or directory.")
        given = user_path(path)
        candidates = [given] if given.is_absolute() else list(self._candidates(path))
        if not candidates:
            raise UsageError(
                f"{path!r} is no whole path, and this client names no root that it could be below; "
                "give the whole path, or start the server with --root DIRECTORY."
            )
        for candidate in candidates:
            target = resolved_path(candidate)
            if os.path.lexists(target):
                return self._located(target, path)
            if given.is_absolute() and self.folders and self._area(target) is None:
                raise self._outside(path)  # whether it is there is not told
        among = "" if given.is_absolute() else f" below {_named(self.folders)}"
        raise UsageError(f"There is no {path!r}{among}; paths are as `search` shows them.")

    def _candidates(self, path: str) -> Iterator[Path]:
        """Where a relative path may lead: as it stands first, then behind a label."""
        for folder in self.folders:
            yield folder / path
        for label, folder in self.labels.items():
            if path == label or path.startswith(f"{label}/"):
                yield folder / path[len(label) :].lstrip("/")

    def _outside(self, path: str) -> UsageError:
        return UsageError(
            f"{path} is outside of {_named(self.folders)}; add it to the client's roots, or start "
            "the server with --root."
        )

    def _located(self, target: Path, path: str) -> Place:
        area = self._area(target)
        if area is None and self.folders and not self._is_worktree_of_ours(target):
            raise self._outside(path)
        root = _project(target, area)
        within = target.relative_to(root).as_posix()
        return self._checked(Place(root, "" if within == "." else within))

    def _area(self, target: Path) -> Path | None:
        """The innermost folder that a path is in."""
        around = [folder for folder in self.folders if target.is_relative_to(folder)]
        return max(around, key=lambda folder: len(folder.parts), default=None)

    def _is_worktree_of_ours(self, target: Path) -> bool:
        """Whether it is in a work tree that git keeps beside one of the folders' own."""
        found = find_repository(target)
        if found is None or found.private == found.common:
            return False
        common = resolved_path(found.common)
        # The repository itself has to know of it: anybody can write a `.git` that points there.
        known = found.private / "gitdir"
        if resolved_path(found.private).parent != common / "worktrees" or not known.is_file():
            return False
        if resolved_path(known.read_text(encoding="utf-8", errors="replace").strip()) != (
            resolved_path(found.top / ".git")
        ):
            return False
        ours = [find_repository(folder) for folder in self.folders]
        return any(one is not None and resolved_path(one.common) == common for one in ours)

    def _checked(self, place: Place) -> Place:
        why = refusal(place.root)
        if why:
            raise UsageError(why)
        return place


def _project(target: Path, area: Path | None) -> Path:
    """The root whose index answers for a path.

    A client's folder answers for all below it, but for work trees and clones of their own, which
    its index leaves out. Where there is no folder, the repository around the path does.
    """
    start = target if target.is_dir() else target.parent
    for folder in (start, *start.parents):
        if folder == area and not refusal(folder):
            return folder
        if (folder / ".git").exists() and not _is_submodule(folder) and not refusal(folder):
            return folder
        if folder == area:
            break
    return start


def _is_submodule(folder: Path) -> bool:
    """Whether it belongs to the repository around it, whose index has its files."""
    found = find_repository(folder)
    return found is not None and "modules" in found.private.parts and folder == found.top


def refusal(folder: Path) -> str:
    """Why a directory is no project, as a sentence with the cure; "" where it may be one.

    Args:
        folder: A resolved path.
    """
    home = _home()
    if folder == home:
        return f"{folder} is your home directory, and not searched as a whole; {_CURE} in it."
    if folder.parent == folder or folder in _shared() or (home and home.is_relative_to(folder)):
        return f"{folder} holds what belongs to many, and is not searched; {_CURE}."
    if sys.platform != "win32" and any(
        folder.is_relative_to(system) for system in map(Path, _SYSTEM)
    ):
        return f"{folder} is a directory of the system, and not searched; {_CURE}."
    if ".git" in folder.parts or any(is_secret_directory(part) for part in folder.parts):
        return f"{folder} is where keys or git's own files are kept, and not searched; {_CURE}."
    return ""


def _shared() -> set[Path]:
    if sys.platform == "win32":
        return {Path(os.environ[name]) for name in _SHARED_ON_WINDOWS if name in os.environ}
    return set(map(Path, _SHARED))


def _home() -> Path | None:
    try:
        return resolved_path(Path.home())
    except RuntimeError:  # a user without an entry and without HOME
        return None


def _not_there(folder: Path) -> str:
    """Why the first of the client's folders, none of which can be used, cannot."""
    return refusal(folder) or f"There is no directory {folder}; {_CURE} in `path`."


def _named(folders: Sequence[Path]) -> str:
    return ", ".join(map(str, folders[:3])) + (" …" if folders[3:] else "")
