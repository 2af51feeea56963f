"""The hits that are known and accepted; a hit more of the same code in the same file is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from c2llm.analysis import baseline_file
from c2llm.analysis.baseline_file import damaged, read_rows, write_rows
from c2llm.analysis.patterns.hit import Hit

_MARK, _ROWS, _VERSION = "c2llm patterns", "hits", 1
_Key = TypeVar("_Key", str, tuple[str, str])


class Baseline:
    """The hits of a baseline file.

    Args:
        known: How often each fingerprint is known in each file, and in all.
    """

    def __init__(self, known: Counter[tuple[str, str]]) -> None:
        self._known = known

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """The baseline that `write` has written.

        Raises:
            UsageError: There is no such file.
            DataError: It is no baseline.
        """
        known: Counter[tuple[str, str]] = Counter()
        try:
            for row in read_rows(path, _MARK, _VERSION, _ROWS):
                known[str(row["path"]), str(row["fingerprint"])] += max(0, int(row["count"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise damaged(path) from error
        return cls(known)

    def new(self, hits: Sequence[Hit]) -> list[Hit]:
        """The hits that are not known, in their order; one that has moved to another file is."""
        left = self._known.copy()
        unknown = [hit for hit in hits if not _take(left, (_path(hit), hit.fingerprint))]
        elsewhere: Counter[str] = Counter()
        for (_, fingerprint), count in left.items():
            elsewhere[fingerprint] += count
        return [hit for hit in unknown if not _take(elsewhere, hit.fingerprint)]


def write(path: Path, hits: Iterable[Hit]) -> int:
    """Write the baseline of hits and return how many they are.

    Raises:
        UsageError: Another file stands there.
        C2LLMError: It cannot be written.
    """
    counts = Counter((_path(hit), hit.pattern.name, hit.fingerprint) for hit in hits)
    rows = [
        {"path": where, "pattern": name, "fingerprint": fingerprint, "count": count}
        for (where, name, fingerprint), count in sorted(counts.items())
    ]
    write_rows(path, _MARK, _VERSION, _ROWS, rows)
    return counts.total()


def require_writable(path: Path) -> None:
    """Make sure before any work that a baseline may be written to a path.

    Raises:
        UsageError: Something else stands there, or its folder is not there.
    """
    baseline_file.require_writable(path, _MARK)


def _path(hit: Hit) -> str:
    return f"{hit.repository}/{hit.path}" if hit.repository else hit.path


def _take(left: Counter[_Key], key: _Key) -> bool:
    """Whether there is one more of it, which is then no longer there."""
    if left[key] <= 0:
        return False
    left[key] -= 1
    return True
