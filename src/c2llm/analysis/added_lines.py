"""Which lines of a work tree are newer than a revision, told without git comparing any file.

Git names the objects of the two trees; what is not committed is told by `uncommitted`; the texts of
the few files that differ are compared here. So nothing that a repository configures has a say.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from c2llm.codebase.files.confined import open_file
from c2llm.codebase.files.decoding import decode, readable_head
from c2llm.codebase.files.walk import MOST_FILE_BYTES
from c2llm.codebase.git import Git
from c2llm.codebase.revisions.objects import lacking, read_objects
from c2llm.codebase.revisions.uncommitted import uncommitted
from c2llm.errors import DataError, UsageError

_MOST_COMPARED = 1_000_000
"""Lines of one side times lines of the other, beyond which only counts of lines are compared."""
_MOST_GONE = 2_000
"""Files that are gone and are looked at for where a new file came from."""
_MOVED = 0.5
"""A new file is an old one in another place when it has this share of its lines from there."""


@dataclass(frozen=True, slots=True)
class Additions:
    """What a work tree has that a revision has not."""

    lines: Mapping[str, frozenset[int]]
    """For each file that differs, by its path, the lines that are new in it, from 1."""
    before: tuple[str, ...]
    """The files that differ or are gone, as they were."""
    after: tuple[str, ...]
    """The files that differ, as they are."""


def base_commit(git: Git, revision: str) -> str:
    """The commit that a work tree is compared with: where its branch left that of a revision.

    Raises:
        UsageError: There is no such revision, or no repository.
    """
    if git.line("rev-parse", "--git-dir") is None:
        raise UsageError(f"{git.root} is in no git repository, so there is no revision in it.")
    commit = None
    if revision.strip() and not revision.startswith("-") and revision.isprintable():
        # `^{commit}` behind it: it is a revision or nothing, never an option.
        commit = git.line("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not commit:
        raise UsageError(
            f"git has no revision {revision!r} in {git.root}; in a shallow clone fetch it first "
            "(git fetch --unshallow)."
        )
    common = git.line("rev-parse", f"{commit}...HEAD") or ""
    bases = [line[1:] for line in common.splitlines() if line.startswith("^")]
    return bases[0] if bases else commit


def additions_since(git: Git, revision: str, paths: Iterable[str]) -> Additions:
    """What is new in files since a revision, committed or not.

    Args:
        git: The repository; its root is the directory that the paths are relative to.
        revision: Anything that git takes for a commit.
        paths: The files that matter, with `/`, as `os.fsdecode` has them.

    Raises:
        UsageError: There is no such revision.
        DataError: Git does not read the repository, or lacks objects of it.
    """
    return _additions(git, base_commit(git, revision), set(paths))


def _additions(git: Git, base: str, paths: set[str]) -> Additions:
    old, submodules = tree_objects(git, base)
    found = [
        _of_submodule(git, folder, commit, inner)
        for folder, commit in submodules.items()
        if (inner := {path for path in paths if path.startswith(f"{folder}/")})
    ]
    paths = paths.difference(*(part.paths for part in found))
    now = uncommitted(git, paths)
    committed = git.run("diff-tree", "-r", "-z", "--name-only", "--relative", base, "HEAD")
    differing = {os.fsdecode(path) for path in committed.split(b"\0") if path}
    differing |= now.changed | {path for path in now.untracked if not _is_of_another(git, path)}
    differing &= paths
    present = {path: text for path in sorted(differing) if (text := _read(git, path)) is not None}
    gone = [path for path in old if path not in paths and _is_gone(git, path)][:_MOST_GONE]
    asked = [path for path in (*present, *gone) if path in old]
    before = dict(zip(asked, object_texts(git, [old[path] for path in asked]), strict=True))
    origins = _Origins({path: before[path] for path in gone})
    lines: dict[str, frozenset[int]] = {}
    for path, text in present.items():
        source = before[path] if path in before else origins.take(text)
        if added := added_lines(source.split("\n"), text.split("\n")):
            lines[path] = added
    for part in found:
        lines |= part.additions.lines
    return Additions(
        lines,
        (*before.values(), *(text for part in found for text in part.additions.before)),
        (*present.values(), *(text for part in found for text in part.additions.after)),
    )


@dataclass(frozen=True, slots=True)
class _Submodule:
    paths: set[str]
    """Those that it answers for."""
    additions: Additions
    """With the paths of the repository around it."""


def _of_submodule(git: Git, folder: str, commit: str, paths: set[str]) -> _Submodule:
    """What is new in a submodule since the commit that the repository around it had of it."""
    within = Git(git.root / folder, alone=True, seconds=git.seconds)
    try:
        inner = _additions(within, commit, {path[len(folder) + 1 :] for path in paths})
    except DataError:  # it is not checked out as a repository, or lacks that commit
        return _Submodule(paths, Additions({}, (), ()))
    lines = {f"{folder}/{path}": added for path, added in inner.lines.items()}
    return _Submodule(paths, Additions(lines, inner.before, inner.after))


def added_lines(old: Sequence[str], new: Sequence[str]) -> frozenset[int]:
    """Numbers, from 1, of the lines that were put in; those that were only indented are none."""
    before, after = [line.strip() for line in old], [line.strip() for line in new]
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    most = min(len(before), len(after)) - first
    while last < most and before[-1 - last] == after[-1 - last]:
        last += 1
    before, after = before[first : len(before) - last], after[first : len(after) - last]
    if len(before) * len(after) > _MOST_COMPARED:
        at = _more_often(before, after)
    else:
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        at = [
            line
            for kind, _, _, start, end in matcher.get_opcodes()
            if kind in ("insert", "replace")
            for line in range(start, end)
        ]
    return frozenset(first + line + 1 for line in at if after[line])


def _more_often(before: Sequence[str], after: Sequence[str]) -> list[int]:
    """Places of the lines that are there more often than before, wherever they are."""
    left = Counter(before)
    added: list[int] = []
    for place, line in enumerate(after):
        if left[line] > 0:
            left[line] -= 1
        else:
            added.append(place)
    return added


class _Origins:
    """Finds the files that are gone and live on under other names, each line of them once."""

    def __init__(self, gone: Mapping[str, str]) -> None:
        self._texts = [text for text in gone.values() if text.strip()]
        self._having: dict[str, set[int]] = {}
        for number, text in enumerate(self._texts):
            for line in _lines(text):
                self._having.setdefault(line, set()).add(number)

    def take(self, text: str) -> str:
        """What a new file may have from the file that it was, "" where it was none.

        It is no longer there for the next one: of two copies of a file that is gone one is new.
        """
        wanted = _lines(text)
        counts: Counter[int] = Counter()
        for line in wanted:
            having = self._having.get(line, ())
            if len(having) <= 50:  # what stands in every file tells nothing
                counts.update(having)
        if not counts:
            return ""
        best, shared = min(counts.items(), key=lambda one: (-one[1], one[0]))
        if shared < _MOVED * len(wanted):
            return ""
        source = self._texts[best]
        self._texts[best] = left = _without(source, text)
        for line in wanted - _lines(left):
            self._having.get(line, set()).discard(best)
        return source


def _without(source: str, text: str) -> str:
    """The lines of a text that another one has not, as often as it has them."""
    taken = Counter(map(str.strip, text.split("\n")))
    left: list[str] = []
    for line in source.split("\n"):
        key = line.strip()
        if taken[key] > 0:
            taken[key] -= 1
        else:
            left.append(line)
    return "\n".join(left)


def _lines(text: str) -> set[str]:
    return {line for line in map(str.strip, text.split("\n")) if line}


def tree_objects(git: Git, commit: str) -> tuple[dict[str, str], dict[str, str]]:
    """Of a commit path below the root and object of each regular file, and of each submodule."""
    files: dict[str, str] = {}
    submodules: dict[str, str] = {}
    for entry in git.run("ls-tree", "-r", "-z", commit).split(b"\0"):
        head, _, path = entry.partition(b"\t")
        mode, _, rest = head.partition(b" ")
        found = {b"10": files, b"16": submodules}.get(mode[:2])
        if found is not None:
            found[os.fsdecode(path)] = rest.split(b" ")[-1].decode("ascii", "replace")
    return files, submodules


def object_texts(git: Git, objects: Sequence[str], lost: list[str] | None = None) -> Iterator[str]:
    """The texts of objects; of what is too large to be indexed, or no text, "".

    Args:
        git: The repository.
        objects: Their names.
        lost: Takes the names of those that git lacks, whose text is "" then; None for an error.

    Raises:
        DataError: Git lacks one of them.
    """
    for one in read_objects(git, objects, MOST_FILE_BYTES):
        if not one.is_there:
            if lost is None:
                raise lacking(git, one.name)
            lost.append(one.name)
        is_text = one.is_whole and readable_head(one.content) is not None
        yield decode(one.content) if is_text else ""


def _read(git: Git, path: str) -> str | None:
    """A file as it is; None where it cannot be read."""
    try:
        with open_file(str(git.root.resolve()), path) as stream:
            return decode(stream.read(MOST_FILE_BYTES))
    except (OSError, ValueError):
        return None


def _is_of_another(git: Git, path: str) -> bool:
    """Whether a file belongs to a repository inside of this one that it does not know."""
    folders = path.split("/")[:-1]
    return any(
        os.path.lexists(git.root.joinpath(*folders[:count], ".git"))
        for count in range(1, len(folders) + 1)
    )


def _is_gone(git: Git, path: str) -> bool:
    try:
        (git.root / path).lstat()
    except (OSError, ValueError):
        return True
    return False
