"""The duplicates that are known: a file in the repository, against which new ones are told.

A class is known by its id, or by what its members say: most of its lines are those of classes of
the file, wherever they stand now. What has more members than there were is new all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c2llm.analysis import baseline_file
from c2llm.analysis.baseline_file import damaged, read_rows, write_rows
from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clones.clone_class import CloneClass

_MARK, _KEY = "c2llm clones", "classes"
_VERSION = 1
_SKETCH = 128
"""Hashes of lines that are kept of a class: those that are smallest (Broder 1997)."""
_OVERLAP = 0.6
"""Share of a class's lines that are in known ones, from which it is known."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A class of a baseline."""

    id: str
    members: int
    lines: frozenset[int]
    is_whole: bool
    """Whether `lines` are all of its lines, and not the smallest hashes alone."""


class Baseline:
    """The classes of a baseline file.

    Args:
        known: The classes.
    """

    def __init__(self, known: Sequence[_Known]) -> None:
        self._ids: dict[str, list[int]] = {}
        self._having: dict[int, list[int]] = {}
        self._known = known
        for number, one in enumerate(known):
            self._ids.setdefault(one.id, []).append(number)
            for line in one.lines:
                self._having.setdefault(line, []).append(number)

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """The baseline that `write` has written.

        Raises:
            UsageError: There is no such file.
            DataError: It is no baseline.
        """
        try:
            return cls([_known(one) for one in read_rows(path, _MARK, _VERSION, _KEY)])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise damaged(path) from error

    def has(self, clone: CloneClass, code: MemberCode) -> bool:
        """Whether a class is known, with at least as many members."""
        found = set(self._ids.get(clone.id, ()))
        lines, is_whole = _sketch(clone, code)
        for number in {number for line in lines for number in self._having.get(line, ())}:
            if _overlap(lines, is_whole, self._known[number]) >= _OVERLAP:
                found.add(number)
        return sum(self._known[number].members for number in found) >= len(clone.members)


def write(path: Path, classes: Iterable[CloneClass], code: MemberCode) -> int:
    """Write the baseline of classes and return how many they are.

    Raises:
        UsageError: Another file stands there.
        C2LLMError: It cannot be written.
    """
    require_writable(path)
    rows: list[dict[str, Any]] = []
    for clone in classes:
        lines, is_whole = _sketch(clone, code)
        rows.append(
            {
                "id": clone.id,
                "type": clone.type,
                "members": len(clone.members),
                "whole": is_whole,
                "lines": " ".join(f"{line:08x}" for line in sorted(lines)),
            }
        )
    rows.sort(key=lambda row: (row["id"], row["lines"]))
    write_rows(path, _MARK, _VERSION, _KEY, rows)
    return len(rows)


def require_writable(path: Path) -> None:
    """Make sure before any work that a baseline may be written to a path.

    Raises:
        UsageError: Something else stands there, or its folder is not there.
    """
    baseline_file.require_writable(path, _MARK)


def _known(row: Any) -> _Known:
    lines = frozenset(int(line, 16) for line in str(row["lines"]).split())
    return _Known(str(row["id"]), int(row["members"]), lines, bool(row["whole"]))


def _sketch(clone: CloneClass, code: MemberCode) -> tuple[frozenset[int], bool]:
    """Hashes of the different lines of a class, and whether they are all."""
    hashes = {
        _hash(line)
        for member in clone.members
        for line in map(str.strip, code.lines(member))
        if any(letter.isalnum() for letter in line)
    }
    if len(hashes) <= _SKETCH:
        return frozenset(hashes), True
    return frozenset(sorted(hashes)[:_SKETCH]), False


def _hash(line: str) -> int:
    content = line.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(content, digest_size=4).digest())


def _overlap(lines: frozenset[int], is_whole: bool, known: _Known) -> float:
    """Share of a class's lines that a known one has, over the hashes that both would have kept."""
    most = min(
        2**32 if is_whole else max(lines, default=0),
        2**32 if known.is_whole else max(known.lines, default=0),
    )
    mine = {line for line in lines if line <= most}
    return len(mine & known.lines) / len(mine) if mine else 0.0
