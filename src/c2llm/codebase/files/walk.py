"""Which files of a tree are source: git's ignore rules, ours, and a reason for every skip.

`list_files` looks at names and sizes only, and `list_changes` judges no name that is known, so that
a search can afford it each time; `inspect` judges the head of one file and is asked for new and
changed files only; `walk` does both. Works in a git repository, in a part of one, and without git.

Precedence, highest first: a nested repository and version control are never entered; `.c2llmignore`
(deepest first, `!name` takes back in what the following leave out); `.gitignore` (deepest first),
`.git/info/exclude`, the user's `core.excludesFile`; our own lists of dependencies, build output,
lockfiles, binary and generated files. As with git, nothing below an excluded directory can be taken
back in but by taking back the directory.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from c2llm.codebase.files.exclusions import (
    HEAD_BYTES,
    LISTS_VERSION,
    content_reason,
    directory_reason,
    file_reason,
)
from c2llm.codebase.files.ignore import IgnoreRules, parse_rules
from c2llm.codebase.files.nested import (
    NOT_CHECKED_OUT,
    is_git_directory,
    is_part,
    missing_submodules,
)
from c2llm.codebase.files.outer_rules import outer_rules
from c2llm.codebase.languages import detect_language

OWN_IGNORE_FILE = ".c2llmignore"
MAX_FILE_BYTES = 1_000_000
_MIXED = 0x9E37_79B9_7F4A_7C15
"""An odd number whose multiples have no pattern: inodes and times do not cancel each other."""


class SourceFile(NamedTuple):
    """A file to be read. A tuple, since a large tree has 50,000 of them at every search."""

    path: str
    """Relative to the root, with `/`; bytes that are not UTF-8 are surrogate-escaped."""
    root: str
    """The directory that was listed."""
    size: int
    """Bytes."""
    mtime_ns: int
    language: str
    """By name, and after `inspect` by content; `text` when unknown."""
    inode: int = 0
    """See `inode_of`: changes with any write, even one that leaves size and time as they were."""

    @property
    def absolute(self) -> Path:
        """Where the file is; made when it is asked for, since a `Path` costs more than a `stat`."""
        return Path(self.root, self.path)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or a directory (its path ends in `/`) that is left out."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class WalkReport:
    """What a walk found, both in the order of the paths."""

    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...]
    rules: str = ""
    """Hash of the ignore files that were read and of what else decides."""


Stamps = Mapping[str, tuple[str, int, int, int]]
"""Path, size, time and inode of files by path."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """The ignore files that speak of one directory's entries, the deepest first."""

    own: tuple[IgnoreRules, ...]
    git: tuple[IgnoreRules, ...]

    def verdict(self, path: str, name: str, is_directory: bool) -> tuple[bool | None, bool | None]:
        """What the own files say, and what git's say."""
        own = git = None
        for rules in self.own:
            own = rules.verdict(path, name, is_directory)
            if own is not None:
                break
        for rules in self.git:
            git = rules.verdict(path, name, is_directory)
            if git is not None:
                break
        return own, git


def list_files(root: Path, *, max_file_bytes: int = MAX_FILE_BYTES) -> WalkReport:
    """List the files below root that names and sizes do not rule out, without opening any.

    Args:
        root: A directory.
        max_file_bytes: Larger files are skipped.

    Raises:
        OSError: The root itself cannot be listed.
    """
    return _Walk(root, max_file_bytes).run()


def list_changes(
    root: Path, known: Stamps, rules: str, *, max_file_bytes: int = MAX_FILE_BYTES
) -> tuple[WalkReport, set[str]]:
    """`list_files` without the files that are as they are known, which tells them at half the cost.

    Names of known files are not judged again, as long as the rules are those by which they were
    taken; should the walk find others, all is listed and compared.

    Args:
        root: A directory.
        known: What was taken from it before.
        rules: `WalkReport.rules` of that time, "" when it is not known.
        max_file_bytes: Larger files are skipped.

    Returns:
        What is new, changed or left out, and the known paths that are not in the report because
        they are as they were.

    Raises:
        OSError: The root itself cannot be listed.
    """
    if rules:
        walk = _Walk(root, max_file_bytes, known)
        report = walk.run()
        if report.rules == rules:
            return report, walk.unchanged
    report = _Walk(root, max_file_bytes).run()
    same = {
        file.path
        for file in report.files
        if known.get(file.path) == (file.path, file.size, file.mtime_ns, file.inode)
    }
    changed = tuple(file for file in report.files if file.path not in same)
    return WalkReport(changed, report.skipped, report.rules), same


def inspect(file: SourceFile, head: bytes) -> SourceFile | Skipped:
    """Judge a listed file by its first `HEAD_BYTES`: its final language, or why it is left out."""
    reason = content_reason(head)
    if reason is not None:
        return Skipped(file.path, reason)
    language = detect_language(file.path, head) or "text"
    if language == file.language:
        return file
    return file._replace(language=language)


def walk(root: Path, *, max_file_bytes: int = MAX_FILE_BYTES) -> WalkReport:
    """List the source files below root, opening each one to look at its head.

    Args:
        root: A directory.
        max_file_bytes: Larger files are skipped.

    Raises:
        OSError: The root itself cannot be listed.
    """
    listed = list_files(root, max_file_bytes=max_file_bytes)
    files: list[SourceFile] = []
    skipped = list(listed.skipped)
    for file in listed.files:
        try:
            with file.absolute.open("rb") as stream:
                verdict = inspect(file, stream.read(HEAD_BYTES))
        except OSError as error:
            verdict = Skipped(file.path, unreadable(error))
        if isinstance(verdict, SourceFile):
            files.append(verdict)
        else:
            skipped.append(verdict)
    return WalkReport(tuple(files), tuple(sorted(skipped, key=lambda skip: skip.path)))


def inode_of(status: os.stat_result) -> int:
    """The inode and the time of the last change of any kind (ctime), as a number of 63 bits.

    Another file in the place has another inode; who sets a file's time back after a write changes
    the ctime, which nobody can set.
    """
    return (status.st_ino * _MIXED ^ status.st_ctime_ns) & 0x7FFF_FFFF_FFFF_FFFF


def unreadable(error: OSError) -> str:
    """The reason that is counted for a file or directory that cannot be read."""
    if error.errno == errno.ENAMETOOLONG:
        return "path too long"
    return "vanished" if isinstance(error, FileNotFoundError) else "unreadable"


class _Walk:
    """One listing in progress: a stack of directories in place of recursion."""

    def __init__(self, root: Path, max_file_bytes: int, known: Stamps | None = None) -> None:
        self.unchanged: set[str] = set()
        """Those of the known files that are as they were; not reported."""
        self._root = os.path.realpath(root)
        self._max_file_bytes = max_file_bytes
        self._known: Stamps = known or {}
        self._rules = hashlib.blake2b(f"{LISTS_VERSION} {max_file_bytes}".encode(), digest_size=16)
        self._files: list[SourceFile] = []
        self._skipped: list[Skipped] = []
        self._stack: list[tuple[str, _Rules]] = []

    def run(self) -> WalkReport:
        git_rules = tuple(outer_rules(Path(self._root)))
        for outer in git_rules:
            self._note_rules(outer)
        self._directory("", os.scandir(self._root), _Rules((), git_rules))
        while self._stack:
            path, rules = self._stack.pop()
            try:
                self._directory(path, os.scandir(f"{self._root}/{path}"), rules)
            except OSError as error:
                self._skip(path, unreadable(error))
        self._files.sort(key=lambda file: file.path)
        self._skipped.sort(key=lambda skip: skip.path)
        return WalkReport(tuple(self._files), tuple(self._skipped), self._rules.hexdigest())

    def _note_rules(self, rules: IgnoreRules) -> None:
        said = "\0".join((rules.base, rules.prefix, rules.text, ""))
        self._rules.update(said.encode("utf-8", "surrogateescape"))

    def _skip(self, path: str, reason: str) -> None:
        self._skipped.append(Skipped(path, reason))

    def _directory(self, base: str, scan: Iterable[os.DirEntry[str]], rules: _Rules) -> None:
        """Judge the entries of the directory `base`, which is "" or ends in `/`."""
        entries = {entry.name: entry for entry in scan}
        if base and ".git" in entries and not is_part(f"{self._root}/{base[:-1]}", self._root):
            self._skip(base, "nested repository")
            return
        if base and is_git_directory(entries):
            self._skip(base, "version control")
            return
        if ".gitmodules" in entries and ".git" in entries:
            for path in missing_submodules(f"{self._root}/{base}"):
                self._skip(f"{base}{path}/", NOT_CHECKED_OUT)
        if base and "pyvenv.cfg" in entries:
            self._skip(base, "dependencies")
            return
        if OWN_IGNORE_FILE in entries or ".gitignore" in entries:
            rules = _Rules(
                self._with_file(entries, OWN_IGNORE_FILE, base, rules.own),
                self._with_file(entries, ".gitignore", base, rules.git),
            )
        known = self._known
        silent = not rules.own and not rules.git
        for name, entry in entries.items():
            if name == ".git":  # a directory, or the pointer of a worktree
                continue
            path = base + name
            row = known.get(path)
            if row is not None and self._is_unchanged(entry, row):
                self.unchanged.add(path)
                continue
            is_link = entry.is_symlink()
            is_directory = not is_link and entry.is_dir(follow_symlinks=False)
            own, git = (None, None) if silent else rules.verdict(path, name, is_directory)
            if is_directory:
                self._subdirectory(path + "/", name, entries, own, git, rules)
            elif own:
                self._skip(path, OWN_IGNORE_FILE)
            elif git and own is None:
                self._skip(path, "ignored by git")
            elif is_link:
                self._skip(path, self._link_reason(path))
            else:
                self._file(path, name, entry, taken_back=own is False)

    @staticmethod
    def _is_unchanged(entry: os.DirEntry[str], row: tuple[str, int, int, int]) -> bool:
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return False
        _, size, mtime_ns, inode = row
        return (
            status.st_mtime_ns == mtime_ns
            and status.st_size == size
            and inode_of(status) == inode
            and stat.S_ISREG(status.st_mode)
        )

    def _subdirectory(
        self,
        path: str,
        name: str,
        siblings: dict[str, os.DirEntry[str]],
        own: bool | None,
        git: bool | None,
        rules: _Rules,
    ) -> None:
        reason = directory_reason(name, siblings)
        if reason == "version control":
            self._skip(path, reason)
        elif own:
            self._skip(path, OWN_IGNORE_FILE)
        elif git and own is None:
            self._skip(path, "ignored by git")
        elif reason is not None and own is None:
            self._skip(path, reason)
        else:
            self._stack.append((path, rules))

    def _file(self, path: str, name: str, entry: os.DirEntry[str], *, taken_back: bool) -> None:
        reason = None if taken_back else file_reason(name)
        if reason is not None:
            self._skip(path, reason)
            return
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            self._skip(path, unreadable(error))
            return
        if not stat.S_ISREG(status.st_mode):
            self._skip(path, "not a regular file")
        elif status.st_size > self._max_file_bytes:
            self._skip(path, "too large")
        elif status.st_size == 0:
            self._skip(path, "empty")
        else:
            language = detect_language(name) or "text"
            times = (status.st_size, status.st_mtime_ns)
            self._files.append(SourceFile(path, self._root, *times, language, inode_of(status)))

    def _link_reason(self, path: str) -> str:
        absolute = f"{self._root}/{path}"
        target = os.path.realpath(absolute)
        if target == absolute or not Path(target).exists():
            return "broken link"
        inside = target == self._root or target.startswith(self._root.rstrip("/") + "/")
        return "link inside the tree" if inside else "link out of the tree"

    def _with_file(
        self,
        entries: dict[str, os.DirEntry[str]],
        name: str,
        base: str,
        known: tuple[IgnoreRules, ...],
    ) -> tuple[IgnoreRules, ...]:
        """The rule files with the one of this directory, if there is one, in front."""
        entry = entries.get(name)
        if entry is None or not entry.is_file(follow_symlinks=False):  # git follows no link either
            return known
        try:
            text = Path(entry.path).read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            self._skip(base + name, unreadable(error))
            return known
        rules = parse_rules(text, base)
        if rules is not None:
            self._note_rules(rules)
        return known if rules is None else (rules, *known)
