"""The commits of a repository and which contents each one changed, newest first.

Only names, times and object names are read here, of no content; git follows renames by content.
Commits that merge are passed over: what they bring has commits of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from c2llm.codebase.git import Git, is_git_directory
from c2llm.codebase.languages import detect_language, family
from c2llm.errors import DataError, UsageError

MOST_COMMITS = 2_000
"""That are read of a repository, or of the history of one file."""
_MOST_RENAMES = 200
"""New files of a commit, beyond which only those are renames whose content is the same."""
_LATEST = 1 << 40
"""Seconds since 1970, beyond which a date is taken for wrong."""
_LONGEST = 200
"""Characters of a name or a subject."""
_LOG = (
    "log",
    "--no-merges",
    "--no-color",
    "--raw",
    "-z",
    "--no-abbrev",
    "--format=commit %H %at %ad%n%ae%n%an%n%s",
    "--date=format:%w %H",
)


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file in a commit."""

    path: str
    """After it."""
    old_path: str
    """Before it; the same unless the file was renamed."""
    before: str
    """Object name of the content; "" where there was no file."""
    after: str
    """The same of what it became; "" where the file is gone."""

    @property
    def language(self) -> str | None:
        """The language of the code in it; None of what is no code, or no text."""
        language = detect_language(self.path)
        return language if language is not None and family(language) == "code" else None


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that has one parent, or none."""

    id: str
    author: str
    """The address, in small letters."""
    time: int
    """When it was written, in seconds since 1970; 0 where the commit tells no possible time."""
    weekday: int
    """0 is Sunday, by the author's clock; -1 as above."""
    hour: int
    """By the author's clock; -1 as above."""
    edits: tuple[FileEdit, ...]
    name: str = ""
    """The author's."""
    subject: str = ""
    is_whole: bool = True
    """Whether `edits` are all that it changed, and not those of one file alone."""


class Repository:
    """The repository around a folder or a file, by way of the one door to git.

    Args:
        path: A folder of a work tree, a bare repository, or a file in a work tree.

    Raises:
        UsageError: There is no such path, or no repository around it.
    """

    def __init__(self, path: Path) -> None:
        if not os.path.lexists(path):
            raise UsageError(f"There is no file or directory {path}.")
        self.path = path
        is_folder = path.is_dir()
        folder = path if is_folder else path.parent
        bare = is_folder and is_git_directory(path)
        self.git = Git(folder, bare=bare, attributes=Path(__file__).with_name("diff.attributes"))
        prefix = self._asked("rev-parse", "--show-prefix") if not bare else ""
        if prefix is None:
            raise UsageError(f"{path} is in no git repository, so it has no history.")
        self.prefix = prefix
        """The folder in its work tree, "" or ending in `/`."""
        self.file = None if is_folder else prefix + path.name
        """The file in its work tree, None where a folder was meant."""
        top = None if bare else self._asked("rev-parse", "--show-toplevel")
        self.top = Path(top) if top else folder
        if not is_folder:
            attributes = self.git.attributes
            self.git = Git(self.top, attributes=attributes)
        self._below = () if bare or not is_folder or not prefix else ("--relative", "--", ".")

    def commit(self, revision: str) -> str:
        """The object name of the commit that a revision names.

        Raises:
            UsageError: It names none.
        """
        found = None
        if revision.strip() and not revision.startswith("-") and revision.isprintable():
            found = self.git.line("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if not found:
            raise UsageError(
                f"git has no revision {revision!r} in {self.path}; in a shallow clone fetch it "
                "first (git fetch --unshallow)."
            )
        return found

    def is_empty(self) -> bool:
        """Whether there is no commit yet."""
        return self.git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None

    def is_shallow(self) -> bool:
        """Whether older commits have been left out by `git clone --depth`."""
        return self.git.line("rev-parse", "--is-shallow-repository") == "true"

    def since(self, revision: str) -> frozenset[str]:
        """Object names of the commits that are not in a revision's past."""
        base = self.commit(revision)
        said = self.git.run("rev-list", f"--max-count={10 * MOST_COMMITS}", "HEAD", f"^{base}")
        return frozenset(said.decode("ascii", "replace").split())

    def commits(self, most: int = MOST_COMMITS) -> list[Commit]:
        """The commits below the folder, newest first.

        Raises:
            DataError: Git does not read them.
        """
        return self._log((f"--max-count={most}", "HEAD", *self._below))

    def commits_of_file(self, most: int = MOST_COMMITS) -> list[Commit]:
        """The commits that changed the file under whatever name, newest first, of each that alone.

        Raises:
            DataError: Git does not read them.
        """
        assert self.file is not None
        found = self._log((f"--max-count={most}", "--follow", "HEAD", "--", self.file))
        return [replace(one, is_whole=False) for one in found]

    def _log(self, arguments: Sequence[str]) -> list[Commit]:
        renames = ("-M", f"-l{_MOST_RENAMES}")
        if self.is_empty():
            return []
        try:
            return list(parsed(self.git.run(*_LOG, *renames, *arguments)))
        except DataError:
            # Without the contents, as in a partial clone, git tells no rename; the rest it tells.
            if "--follow" in arguments:
                arguments = [one for one in arguments if one != "--follow"]
            return list(parsed(self.git.run(*_LOG, *arguments)))

    def _asked(self, *arguments: str) -> str | None:
        try:
            said = self.git.run(*arguments)
        except DataError:
            return None
        return os.fsdecode(said.removesuffix(b"\n"))


def parsed(said: bytes) -> Iterator[Commit]:
    """The commits of `git log --raw -z`."""
    fields = iter(said.split(b"\0"))
    head: list[bytes] | None = None
    edits: list[FileEdit] = []
    for field in fields:
        if field.startswith(b"commit "):
            if head is not None:
                yield _commit(head, edits)
            head, edits = field.split(b"\n", 3), []
        elif (record := field.lstrip(b"\n")).startswith(b":"):
            edits += _edits(record.split(b" "), fields)
    if head is not None:
        yield _commit(head, edits)


def _edits(record: list[bytes], fields: Iterator[bytes]) -> Iterator[FileEdit]:
    """What one record and the paths behind it say; of links and submodules nothing."""
    status = record[-1][:1]
    old_path = os.fsdecode(next(fields, b""))
    path = os.fsdecode(next(fields, b"")) if status in (b"R", b"C") else old_path
    if len(record) != 5:
        return
    before, after = (
        name.decode("ascii", "replace") if mode.lstrip(b":")[:2] == b"10" else ""
        for mode, name in zip(record[:2], record[2:4], strict=True)
    )
    if before != after or (before and path != old_path):
        yield FileEdit(path, old_path, before, after)


def _commit(head: list[bytes], edits: list[FileEdit]) -> Commit:
    words = head[0].decode("ascii", "replace").split()
    numbers = [-1, -1, -1]
    for place, word in enumerate(words[2:5]):
        with suppress(ValueError):
            numbers[place] = int(word)
    time, weekday, hour = numbers
    if not 0 < time < _LATEST:
        time, weekday, hour = 0, -1, -1
    author, name, subject = (
        line.decode("utf-8", "replace").strip() for line in (*head[1:], b"", b"", b"")[:3]
    )
    return Commit(
        words[1] if len(words) > 1 else "",
        author.lower(),
        time,
        weekday,
        hour,
        tuple(edits),
        name[:_LONGEST],
        subject[:_LONGEST],
    )
