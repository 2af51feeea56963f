"""Which classes a diff adds to: a copy that it writes, not one that it touches or moves.

A member is added when the diff has put lines into it and, without these lines, it was less like any
other member than it is with them. So a slip corrected in one of two old copies adds nothing, nor
does the same edit in both, and a function that was made into a copy of another one does. What stood
as often in the files before, in whatever place, was moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from c2llm.analysis.added_lines import Additions
from c2llm.analysis.clone_report.line_tokens import shape
from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clones.clone_class import CloneClass, Member

_KNOWN = 0.85
"""What was at least so alike before, as a share of how alike it is now, was a copy already."""
_MOST_COMPARED = 50
"""Members of a class that one is compared with."""


class DiffedTrees:
    """Tells of classes what a diff has added to them.

    Args:
        additions: For each label of an index what is new in it.
        code: Reads members.
    """

    def __init__(self, additions: Mapping[str, Additions], code: MemberCode) -> None:
        self._additions = additions
        self._code = code

    def added_to(self, clone: CloneClass) -> frozenset[Member]:
        """The members of a class that the diff adds; none where it adds nothing."""
        new = {member: self._new_lines(member) for member in clone.members}
        touched = [member for member, lines in new.items() if lines]
        if not touched:
            return frozenset()
        forms = {member: self._forms(member, new[member]) for member in clone.members}
        return frozenset(
            member
            for member in touched
            if not _was_known(member, forms) and not self._was_moved(member)
        )

    def _new_lines(self, member: Member) -> frozenset[int]:
        additions = self._additions.get(member.repository)
        lines = additions.lines.get(member.path, frozenset()) if additions else frozenset()
        return frozenset(line for line in lines if member.start_line <= line <= member.end_line)

    def _forms(self, member: Member, new: frozenset[int]) -> _Forms:
        lines = self._code.lines(member)
        numbered = enumerate(lines, member.start_line)
        return _Forms(_shapes(lines), _shapes(line for at, line in numbered if at not in new))

    def _was_moved(self, member: Member) -> bool:
        lines = _kept(self._code.lines(member))
        earlier = self._before.count(lines)
        return earlier > 0 and 0 < self._after.count(lines) <= earlier

    @cached_property
    def _before(self) -> _Texts:
        return _Texts(text for one in self._additions.values() for text in one.before)

    @cached_property
    def _after(self) -> _Texts:
        return _Texts(text for one in self._additions.values() for text in one.after)


class _Texts:
    """Files that are asked how often runs of lines are in them, indentation aside."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts: list[str] = []
        self._having: dict[str, list[int]] = {}
        for number, text in enumerate(texts):
            lines = _kept(text.split("\n"))
            self._texts.append(_joined(lines))
            for line in set(lines):
                self._having.setdefault(line, []).append(number)

    def count(self, lines: Sequence[str]) -> int:
        """How often these lines follow each other; only files that have the rarest are read."""
        if not lines:
            return 0
        rarest = min((self._having.get(line, []) for line in lines), key=len)
        text = _joined(lines)
        return sum(self._texts[number].count(text) for number in rarest)


class _Forms:
    """The shapes of a member's lines, with the new ones and without."""

    def __init__(self, now: Counter[object], before: Counter[object]) -> None:
        self.now = now
        self.before = before


def _was_known(member: Member, forms: Mapping[Member, _Forms]) -> bool:
    mine = forms[member]
    others = [form for other, form in forms.items() if other is not member][:_MOST_COMPARED]
    return any(
        mine.before
        and other.before
        and _likeness(mine.before, other.before) >= _KNOWN * _likeness(mine.now, other.now)
        for other in others
        if mine.now & other.now or mine.before & other.before
    )


def _likeness(one: Counter[object], other: Counter[object]) -> float:
    """Dice's coefficient of two bags."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def _shapes(lines: Iterable[str]) -> Counter[object]:
    return Counter(form for line in lines if (form := shape(line)))


def _kept(lines: Iterable[str]) -> list[str]:
    """Lines without indentation and blank ones."""
    return [line for line in map(str.strip, lines) if line]


def _joined(lines: Iterable[str]) -> str:
    """Lines with a break before each, so that runs of whole lines are found, even side by side."""
    return "".join(f"\n{line}" for line in lines) + "\n"
