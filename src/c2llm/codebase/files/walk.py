"""Which files of a tree are source: git's ignore rules, ours, and a reason for every skip.

`list_files` looks at names and sizes only, and `list_changes` judges no name that is known, so that
a search can afford it each time; `inspect` judges the content of one file and is asked for new and
changed files only; `walk` does both. Works in a git repository, in a part of one, and without git.

Precedence, highest first: a nested repository and version control are never entered; a file that
holds secrets is taken by the user's own word only; `.c2llmignore` (deepest first, `!name` takes
back in what the following leave out); `.gitignore` (deepest first), `.git/info/exclude`, the user's
`core.excludesFile`, none of which speaks of a file that git tracks; `linguist-generated` and
`linguist-vendored` of `.gitattributes`; our own lists of dependencies, build output, lockfiles,
binary, generated, minified and large files. As with git, nothing below a directory that rules
exclude can be taken back in but by taking back the directory; what we leave out ourselves as
dependencies or build output can be, by its path.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, NamedTuple

from c2llm.codebase.chunk import NOTEBOOK
from c2llm.codebase.files.attributes import ATTRIBUTES_FILE, Attributes, parse_attributes
from c2llm.codebase.files.confined import (
    Directories,
    NotRegularError,
    open_file,
    settings_text,
)
from c2llm.codebase.files.decoding import readable_head
from c2llm.codebase.files.directory_rules import DirectoryRules
from c2llm.codebase.files.exclusions import (
    LISTS_VERSION,
    content_reason,
    contents_reason,
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
from c2llm.codebase.files.outer_rules import outer_attributes, outer_rules, prefix_of
from c2llm.codebase.files.repository import Repository, find_repository
from c2llm.codebase.files.secret_files import (
    SECRET,
    SECRETS_VERSION,
    holds_secret,
    includes_secrets,
    is_secret,
    is_secret_directory,
)
from c2llm.codebase.files.tracked import TrackedFiles
from c2llm.codebase.languages import detect_language

OWN_IGNORE_FILE = ".c2llmignore"
MAX_FILE_BYTES = 1_000_000
"""Where nobody says another limit."""
MOST_FILE_BYTES = 20_000_000
"""No limit is higher; a notebook may have this size, and without its outputs that of the others."""

_SUBMODULES = ".gitmodules"
_RULE_FILES = {OWN_IGNORE_FILE, ".gitignore", ATTRIBUTES_FILE, _SUBMODULES}
_INODE_BITS = 0x7FFF_FFFF_FFFF_FFFF
_NO_STATUS = os.stat_result([0] * 10)
_LONGEST_PATH = 4_095
"""Bytes of a whole path that systems open by its name, as an editor has to."""
_MOST_RULES = 4_000_000
"""Characters of all ignore files of a tree together: some thousand files of a large project's."""
_MOST_WILD = 200_000
"""Characters of patterns with wildcards in them."""
_MOST_WILD_AT_ONCE = 20_000
"""The same of the files that speak of one entry, since each is held against it."""
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
    max_bytes: int = MAX_FILE_BYTES
    """More text of it is not indexed."""
    taken_back: bool = False
    """A rule of the repository says that it is source: it is indexed though it be generated or
    minified."""

    @property
    def absolute(self) -> Path:
        """Where the file is; made when it is asked for, since a `Path` costs more than a `stat`."""
        return Path(self.root, self.path)

    def open(self) -> IO[bytes]:
        """Open it for reading, if it is still a regular file of its tree; see `open_file`."""
        return open_file(self.root, self.path)

    def read(self) -> bytes:
        """Its bytes, `MOST_FILE_BYTES` of them at most.

        Raises:
            OSError: It is not there any more, or cannot be read.
        """
        with self.open() as stream:
            return stream.read(MOST_FILE_BYTES)


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
    """Hash of the ignore files that were read and of what else decides; behind it, if there are
    any, a list of the ignored files that are taken since git tracks them."""


Stamps = Mapping[str, tuple[str, int, int, int]]
"""Path, size, time and inode of files by path."""


def list_files(
    root: Path, *, max_file_bytes: int = MAX_FILE_BYTES, include_secrets: bool | None = None
) -> WalkReport:
    """List the files below root that names and sizes do not rule out, without opening any.

    Args:
        root: A directory.
        max_file_bytes: Larger files are skipped.
        include_secrets: Whether files that hold secrets are listed; None for what the user has set,
            see `includes_secrets`.

    Raises:
        OSError: The root itself cannot be listed.
    """
    return _Walk(root, max_file_bytes, include_secrets).run()


def list_changes(
    root: Path,
    known: Stamps,
    rules: str,
    *,
    max_file_bytes: int = MAX_FILE_BYTES,
    include_secrets: bool | None = None,
) -> tuple[WalkReport, set[str]]:
    """`list_files` without the files that are as they are known, which tells them at half the cost.

    Names of known files are not judged again, as long as the rules are those by which they were
    taken; should the walk find others, all is listed and compared.

    Args:
        root: A directory.
        known: What was taken from it before.
        rules: `WalkReport.rules` of that time, "" when it is not known.
        max_file_bytes: Larger files are skipped.
        include_secrets: See `list_files`.

    Returns:
        What is new, changed or left out, and the known paths that are not in the report because
        they are as they were.

    Raises:
        OSError: The root itself cannot be listed.
    """
    if rules:
        walk = _Walk(root, max_file_bytes, include_secrets, known, rules)
        report = walk.run()
        if report.rules == rules:
            return report, walk.unchanged
    report = _Walk(root, max_file_bytes, include_secrets).run()
    same = {
        file.path
        for file in report.files
        if known.get(file.path) == (file.path, file.size, file.mtime_ns, file.inode)
    }
    changed = tuple(file for file in report.files if file.path not in same)
    return WalkReport(changed, report.skipped, report.rules), same


def inspect(
    file: SourceFile, content: bytes, *, include_secrets: bool | None = None
) -> SourceFile | Skipped:
    """Judge a listed file by its bytes: its final language, or why it is left out."""
    if not content:
        return Skipped(file.path, "empty")
    if include_secrets is None:
        include_secrets = includes_secrets()
    if not include_secrets and holds_secret(content):
        return Skipped(file.path, SECRET)
    head = readable_head(content)
    if head is None:
        return Skipped(file.path, "binary")
    language = detect_language(file.path, head) or "text"
    reason = None if file.taken_back else content_reason(head, content, language)
    if reason is not None:
        return Skipped(file.path, reason)
    return file if language == file.language else file._replace(language=language)


def walk(
    root: Path, *, max_file_bytes: int = MAX_FILE_BYTES, include_secrets: bool | None = None
) -> WalkReport:
    """List the source files below root, opening each one to look at it.

    Args:
        root: A directory.
        max_file_bytes: Larger files are skipped.
        include_secrets: See `list_files`.

    Raises:
        OSError: The root itself cannot be listed.
    """
    listed = list_files(root, max_file_bytes=max_file_bytes, include_secrets=include_secrets)
    files: list[SourceFile] = []
    skipped = list(listed.skipped)
    for file in listed.files:
        try:
            with file.open() as stream:
                judged = inspect(
                    file, stream.read(MOST_FILE_BYTES), include_secrets=include_secrets
                )
        except OSError as error:
            judged = Skipped(file.path, unreadable(error))
        if isinstance(judged, SourceFile):
            files.append(judged)
        else:
            skipped.append(judged)
    return WalkReport(tuple(files), tuple(sorted(skipped, key=lambda skip: skip.path)))


def inode_of(status: os.stat_result) -> int:
    """The inode and the time of the last change of any kind (ctime), as a number of 63 bits.

    Another file in the place has another inode; who sets a file's time back after a write changes
    the ctime, which nobody can set.
    """
    return (status.st_ino * _MIXED ^ status.st_ctime_ns) & _INODE_BITS


def unreadable(error: OSError) -> str:
    """The reason that is counted for a file or directory that cannot be read."""
    if error.errno == errno.ENAMETOOLONG:
        return "path too long"
    if isinstance(error, NotRegularError):
        return "not a regular file"
    return "vanished" if isinstance(error, FileNotFoundError) else "unreadable"


class _Walk:
    """One listing in progress: a stack of directories in place of recursion."""

    def __init__(
        self,
        root: Path,
        max_file_bytes: int,
        include_secrets: bool | None,
        known: Stamps | None = None,
        known_rules: str = "",
    ) -> None:
        self.unchanged: set[str] = set()
        """Those of the known files that are as they were; not reported."""
        self._root = os.path.realpath(root)
        self._longest = _LONGEST_PATH - len(os.fsencode(self._root))
        self._max_file_bytes = max_file_bytes
        self._secrets = includes_secrets() if include_secrets is None else include_secrets
        self._known: Stamps = known or {}
        self._known_as_tracked = _tracked_in(known_rules)
        """Known files that are ignored, and taken only as long as git tracks them."""
        said = f"{LISTS_VERSION} {SECRETS_VERSION} {self._secrets} {max_file_bytes}"
        self._rules = hashlib.blake2b(said.encode(), digest_size=16)
        self._rules_left, self._wild_left = _MOST_RULES, _MOST_WILD
        self._repository: Repository | None = find_repository(Path(self._root))
        self._fold = self._repository is not None and self._repository.ignore_case
        prefix = prefix_of(Path(self._root), self._repository) if self._repository else ""
        self._tracked = TrackedFiles(self._repository, prefix)
        self._tracked_ignored: list[str] = []
        """Files that are taken though they are ignored, since git tracks them."""
        self._files: list[SourceFile] = []
        self._skipped: list[Skipped] = []
        self._stack: list[tuple[str, DirectoryRules]] = []

    def run(self) -> WalkReport:
        root = Path(self._root)
        git_rules = tuple(
            one for one in outer_rules(root, self._repository) if self._affords(one, 0)
        )
        attributes = tuple(outer_attributes(root, self._repository))
        for one in attributes:
            self._note_attributes(one)
        with Directories(self._root) as self._directories:
            self._directory(
                "", *self._directories.scan(""), DirectoryRules((), git_rules, attributes)
            )
            while self._stack:
                path, rules = self._stack.pop()
                try:
                    self._directory(path, *self._directories.scan(path), rules)
                except OSError as error:
                    self._skip(path, unreadable(error))
        self._files.sort(key=lambda file: file.path)
        self._skipped.sort(key=lambda skip: skip.path)
        return WalkReport(tuple(self._files), tuple(self._skipped), self._rules_said())

    def _rules_said(self) -> str:
        said = self._rules.hexdigest()
        return said + json.dumps(sorted(self._tracked_ignored)) if self._tracked_ignored else said

    def _affords(self, rules: IgnoreRules, wild_size: int) -> bool:
        """Whether these rules can be heeded too, beside others of `wild_size`; if so, note them."""
        self._rules_left -= len(rules.text)
        self._wild_left -= rules.wild_size
        if (
            self._rules_left < 0
            or self._wild_left < 0
            or wild_size + rules.wild_size > _MOST_WILD_AT_ONCE
        ):
            return False
        self._note_rules(rules)
        return True

    def _note_rules(self, rules: IgnoreRules) -> None:
        said = "\0".join((rules.base, rules.prefix, str(rules.fold), rules.text, ""))
        self._rules.update(said.encode("utf-8", "surrogateescape"))

    def _note_attributes(self, attributes: Attributes) -> None:
        for name, rules in attributes.rules.items():
            self._rules.update(name.encode())
            self._note_rules(rules)

    def _skip(self, path: str, reason: str) -> None:
        self._skipped.append(Skipped(path, reason))

    def _directory(
        self,
        base: str,
        entries: dict[str, os.DirEntry[str]],
        descriptor: int | None,
        rules: DirectoryRules,
    ) -> None:
        """Judge the entries of the directory `base`, which is "" or ends in `/`."""
        within = self._entered(base, entries, rules)
        if within is None:
            return
        rules = within
        if not _RULE_FILES.isdisjoint(entries):
            rules = self._with_files(entries, base, descriptor, rules)
        known, as_tracked, unchanged = self._known, self._known_as_tracked, self.unchanged
        silent = not rules.own and not rules.git and not rules.tracked_only
        for name, entry in entries.items():
            if name == ".git":  # a directory, or the pointer of a worktree
                continue
            path = base + name
            row = known.get(path)
            if row is not None:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    status = _NO_STATUS
                if (
                    status.st_mtime_ns == row[2]
                    and status.st_size == row[1]
                    and inode_of(status) == row[3]
                    and stat.S_ISREG(status.st_mode)
                    and (path not in as_tracked or self._is_tracked(path))
                ):
                    unchanged.add(path)
                    continue
            is_link = entry.is_symlink()
            is_directory = not is_link and entry.is_dir(follow_symlinks=False)
            own, git = (None, None) if silent else rules.verdict(path, name, is_directory)
            if is_directory:
                self._subdirectory(path + "/", name, entries, own, git, rules)
            elif rules.left_out and own is not False:
                continue  # the directory stands for it
            elif own:
                self._skip(path, OWN_IGNORE_FILE)
            elif git and own is None and (is_link or not self._is_tracked(path)):
                self._skip(path, "ignored by git")
            elif is_link:
                self._skip(path, self._link_reason(path))
            else:
                self._file(path, base, name, entry, own, rules)

    def _entered(
        self, base: str, entries: dict[str, os.DirEntry[str]], rules: DirectoryRules
    ) -> DirectoryRules | None:
        """The rules for what is in a directory, or None where what is there leaves it out."""
        if not base:
            return rules
        git = entries.get(".git")
        if git and _is_git(git):
            folder = f"{self._root}/{base[:-1]}"
            if not is_part(folder, self._root):
                self._skip(base, "nested repository")
                return None
            self._tracked.add_part(base, find_repository(Path(folder)))
        if is_git_directory(entries):
            self._skip(base, "version control")
            return None
        if "pyvenv.cfg" in entries:
            self._skip(base, "dependencies")
            return None
        if rules.taken_back or rules.left_out:
            return rules
        reason = contents_reason(base.split("/")[:-1], entries.keys())
        if reason is None:
            return rules
        self._skip(base, reason)
        return replace(rules, left_out=True) if rules.takes_back_below(base) else None

    def _is_tracked(self, path: str) -> bool:
        """Whether git tracks a file that it is told to ignore."""
        if not self._tracked.holds(path):
            return False
        self._tracked_ignored.append(path)
        return True

    def _subdirectory(
        self,
        path: str,
        name: str,
        siblings: dict[str, os.DirEntry[str]],
        own: bool | None,
        git: bool | None,
        rules: DirectoryRules,
    ) -> None:
        reason = directory_reason(name, siblings)
        if reason == "version control":
            self._skip(path, reason)
            return
        if own:
            self._skip(path, OWN_IGNORE_FILE)
            return
        tracked_only = False
        if git and own is None:
            if not self._tracked.holds(path):
                self._skip(path, "ignored by git")
                return
            tracked_only = True
        if not self._secrets and is_secret_directory(name):
            self._skip(path, SECRET)
            return
        if len(path) > self._longest:
            self._skip(path, "path too long")
            return
        if tracked_only != rules.tracked_only:
            rules = replace(rules, tracked_only=tracked_only)
        if own is False or rules.is_own(path, name):
            rules = replace(rules, taken_back=True, left_out=False)
        elif reason is not None or rules.left_out:
            if not rules.left_out:
                self._skip(path, reason or "")
            if not rules.takes_back_below(path):
                return
            rules = replace(rules, left_out=True)
        self._stack.append((path, rules))

    def _file(
        self,
        path: str,
        parent: str,
        name: str,
        entry: os.DirEntry[str],
        own: bool | None,
        rules: DirectoryRules,
    ) -> None:
        if not self._secrets and is_secret(name, parent):
            self._skip(path, SECRET)
            return
        reason, taken_back = None, own is False
        if not taken_back:
            reason = file_reason(name)
            if rules.attributes:
                reason, taken_back = rules.attributed(path, name, reason)
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
            return
        limit = MOST_FILE_BYTES if taken_back else self._max_file_bytes
        if status.st_size > (MOST_FILE_BYTES if name.endswith(NOTEBOOK) else limit):
            self._skip(path, "too large")
        elif status.st_size == 0:
            self._skip(path, "empty")
        else:
            language = detect_language(name) or "text"
            times = (status.st_size, status.st_mtime_ns)
            inode = inode_of(status)
            self._files.append(
                SourceFile(path, self._root, *times, language, inode, limit, taken_back)
            )

    def _link_reason(self, path: str) -> str:
        absolute = f"{self._root}/{path}"
        try:
            Path(absolute).stat()  # the system gives up after some links, `realpath` does not
        except OSError:
            return "broken link"
        target = os.path.realpath(absolute)
        inside = target == self._root or target.startswith(self._root.rstrip("/") + "/")
        return "link inside the tree" if inside else "link out of the tree"

    def _with_files(
        self,
        entries: dict[str, os.DirEntry[str]],
        base: str,
        descriptor: int | None,
        rules: DirectoryRules,
    ) -> DirectoryRules:
        """The rules with those of this directory's files in front."""
        if _SUBMODULES in entries and ".git" in entries:
            for path in missing_submodules(f"{self._root}/{base}"):
                self._skip(f"{base}{path}/", NOT_CHECKED_OUT)
        own, git, attributes = rules.own, rules.git, rules.attributes
        wild_size = rules.wild_size()
        for name in (OWN_IGNORE_FILE, ".gitignore"):
            text = self._text(entries, base, name, descriptor)
            found = None if text is None else parse_rules(text, base, fold=self._fold)
            if found is None:
                continue
            if not self._affords(found, wild_size):
                self._skip(base + name, "too many ignore rules")
                continue
            wild_size += found.wild_size
            if name == OWN_IGNORE_FILE:
                own = (found, *own)
            else:
                git = (found, *git)
        text = self._text(entries, base, ATTRIBUTES_FILE, descriptor)
        said = None if text is None else parse_attributes(text, base, fold=self._fold)
        if said is not None:
            self._note_attributes(said)
            attributes = (said, *attributes)
        return replace(rules, own=own, git=git, attributes=attributes)

    def _text(
        self, entries: dict[str, os.DirEntry[str]], base: str, name: str, descriptor: int | None
    ) -> str | None:
        """What a file of rules says, None where there is none. Like git, no link is followed."""
        entry = entries.get(name)
        if entry is None or not entry.is_file(follow_symlinks=False):
            return None
        if descriptor is None:
            text = settings_text(Path(self._root, base, name))
        else:
            text = settings_text(name, dir_fd=descriptor)
        if text is None:
            self._skip(base + name, "unreadable")
        return text


def _tracked_in(rules: str) -> frozenset[str]:
    """The ignored files that git tracks, of what `WalkReport.rules` says."""
    listed = rules.find("[")
    return frozenset(json.loads(rules[listed:])) if listed >= 0 else frozenset()


def _is_git(entry: os.DirEntry[str]) -> bool:
    """Whether `.git` makes its directory a repository: a directory, a pointer, or a link to one."""
    return entry.is_symlink() or entry.is_dir() or entry.is_file()
