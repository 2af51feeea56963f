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
        text = _joined(self._code.lines(member))
        before, after = self._joined
        now = sum(one.count(text) for one in after)
        return bool(text) and 0 < now <= sum(one.count(text) for one in before)

    @cached_property
    def _joined(self) -> tuple[list[str], list[str]]:
        before = [t for one in self._additions.values() for t in one.before]
        after = [t for one in self._additions.values() for t in one.after]
        return [_joined(t.split("\n")) for t in before], [_joined(t.split("\n")) for t in after]


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


def _joined(lines: Sequence[str]) -> str:
    """Lines without indentation and blank ones, between line breaks."""
    kept = [line for line in map(str.strip, lines) if line]
    return "\n" + "\n".join(kept) + "\n" if kept else ""
