"""Which classes of a report are told, in which order, and which page of them in full.

One function may be in several classes, and code that does the same by far not as easily saved as
code that is the same. So classes are told by the lines that could go times the square of how alike
they are, and one that says little of what those before it have not said comes behind all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from c2llm.analysis.clones.clone_class import CloneClass, CloneReport, Member, Role

_SAME_BEHAVIOUR = 0.25
"""What a line of type 4 counts: it has to be understood before it can go."""
_REPEATED = 0.5
"""A class of whose lines a larger share has been told before repeats what is known."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A class that is told."""

    clone: CloneClass
    added: frozenset[Member] = frozenset()
    """Its members that a diff adds; none where no diff is looked at."""

    @property
    def first(self) -> Member:
        """The member that it is told at: one that is added, where there is such."""
        return next((one for one in self.clone.members if one in self.added), self.clone.members[0])


@dataclass(frozen=True, slots=True)
class Selection:
    """What is told of a report."""

    report: CloneReport
    findings: tuple[Finding, ...]
    """Those that are asked for, the most telling first."""
    shown: tuple[Finding, ...]
    """The page of them that is told in full."""
    offset: int
    files: int
    """Files that the findings have members in."""
    duplicated_lines: int
    """Different lines that the findings' members cover."""
    since: str | None = None
    """The revision that only what is newer is told of."""
    baseline: str | None = None
    """The file whose classes are left out."""

    @property
    def share(self) -> float:
        """Duplicated lines of all lines, in percent."""
        return percent(self.duplicated_lines, self.report.lines)

    def by_type(self) -> Mapping[int, int]:
        """How many findings are of each type."""
        return Counter(finding.clone.type for finding in self.findings)

    def apart(self) -> Mapping[Role, int]:
        """How many classes of each role are set apart."""
        return Counter(clone.role for clone in self.report.apart)


def select(
    report: CloneReport,
    *,
    added_to: Callable[[CloneClass], frozenset[Member]] | None = None,
    is_known: Callable[[CloneClass], bool] | None = None,
    limit: int | None = None,
    offset: int = 0,
    since: str | None = None,
    baseline: str | None = None,
) -> Selection:
    """What is told of a report.

    Args:
        report: All classes.
        added_to: The members of a class that a diff adds; only classes that have such are told.
        is_known: Whether a class is in a baseline, and so not told.
        limit: How many are told in full, None for all.
        offset: How many of them are left out first.
        since: The name of the revision that `added_to` compares with.
        baseline: The name of the file that `is_known` looks into.
    """
    findings: list[Finding] = []
    for clone in in_telling_order(report.classes):
        added = added_to(clone) if added_to is not None else frozenset()
        if (added_to is None or added) and not (is_known is not None and is_known(clone)):
            findings.append(Finding(clone, added))
    last = None if limit is None else offset + limit
    members = [member for finding in findings for member in finding.clone.members]
    return Selection(
        report,
        tuple(findings),
        tuple(findings[offset:last]),
        offset,
        len({(member.repository, member.path) for member in members}),
        covered_lines(members),
        since,
        baseline,
    )


def in_telling_order(classes: Iterable[CloneClass]) -> list[CloneClass]:
    """The classes by what they are worth to a reader, those that repeat others at the end."""
    ordered = sorted(
        classes,
        key=lambda one: (one.role == "loose", -_worth(one), one.type, one.id, one.members),
    )
    told: dict[tuple[str, str], bytearray] = {}
    first: list[CloneClass] = []
    repeating: list[CloneClass] = []
    for clone in ordered:
        lines = known = 0
        for one in clone.members:
            seen = told.setdefault((one.repository, one.path), bytearray())
            seen.extend(bytes(max(0, one.end_line + 1 - len(seen))))
            lines += one.end_line + 1 - one.start_line
            known += seen.count(1, one.start_line, one.end_line + 1)
        if known > _REPEATED * lines:
            repeating.append(clone)
            continue
        first.append(clone)
        for one in clone.members:
            length = one.end_line + 1 - one.start_line
            told[one.repository, one.path][one.start_line : one.end_line + 1] = b"\1" * length
    return sorted(first + repeating, key=lambda one: one.role == "loose")


def _worth(clone: CloneClass) -> float:
    of_type = _SAME_BEHAVIOUR if clone.type == 4 else 1.0
    return of_type * clone.saved_lines * clone.similarity**2


def covered_lines(members: Iterable[Member]) -> int:
    """How many different lines members cover."""
    total = 0
    last: tuple[str, str, int] = "", "", 0
    for one in sorted(members, key=lambda one: (one.repository, one.path, one.start_line)):
        until = last[2] if last[:2] == (one.repository, one.path) else 0
        total += max(0, one.end_line - max(until, one.start_line - 1))
        last = one.repository, one.path, max(until, one.end_line)
    return total


def percent(part: int, whole: int) -> float:
    """A share in percent, 0 of nothing."""
    return 100 * part / whole if whole else 0.0
