"""A report of duplicates for a reader at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from c2llm.analysis.clone_report.aligned_diff import Alignment, Piece, Row, around_changes
from c2llm.analysis.clone_report.as_json import aligned
from c2llm.analysis.clone_report.as_sarif import place
from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clone_report.selection import Finding, Selection
from c2llm.printable import printable

BOLD, DIM, CYAN, GREEN, RED = "\033[1m", "\033[2m", "\033[36m", "\033[32m", "\033[31m"
REVERSED, RESET = "\033[7m", "\033[0m"
_MOST_PLACES = 12
_MOST_DIFFS = 6
_MOST_ROWS = 120
_CONTEXT = 2
_TYPES = {
    1: "the same",
    2: "other names",
    3: "other statements",
    4: "the same behaviour",
}
_WITH = {"test": "tests", "idiom": "idioms"}

Paint = Callable[[str, str], str]


def told(selection: Selection, code: MemberCode, *, diff: bool, colored: bool) -> Iterator[str]:
    """The report, class by class, and a summary at the end.

    Args:
        selection: What is told.
        code: Reads members, for what differs.
        diff: Whether to tell that.
        colored: Whether colours are shown.
    """
    paint = partial(_painted, colored)
    for number, finding in enumerate(selection.shown, selection.offset + 1):
        lines = [*_class(number, finding, paint)]
        if diff:
            lines += _differences(finding, code, paint)
        yield "\n".join(lines) + "\n\n"
    yield "\n".join(_summary(selection, paint)) + "\n"


def _painted(colored: bool, style: str, text: str) -> str:
    return f"{style}{text}{RESET}" if colored and text else text


def _class(number: int, finding: Finding, paint: Paint) -> Iterator[str]:
    clone = finding.clone
    role = f" in {_WITH.get(clone.role, clone.role)}" if clone.role != "code" else ""
    if clone.role == "loose":
        role = ", loose"
    yield (
        f"{number:>2}  {paint(BOLD, f'type {clone.type}')} {_TYPES[clone.type]}{role}, "
        f"{100 * clone.similarity:.0f} %, {len(clone.members)} places, "
        f"{_lines(clone.saved_lines)} could go  {paint(DIM, clone.id)}"
    )
    # Those that a diff adds are named, however many there are of the others.
    members = sorted(clone.members, key=lambda member: member not in finding.added)
    for member in members[:_MOST_PLACES]:
        new = f"  {paint(GREEN, 'new')}" if member in finding.added else ""
        symbol = f"  {paint(GREEN, printable(member.symbol))}" if member.symbol else ""
        yield f"      {paint(CYAN, place(member))}{symbol}{new}"
    if len(members) > _MOST_PLACES:
        yield paint(DIM, f"      and {_count(len(members) - _MOST_PLACES, 'more place')}")


def _differences(finding: Finding, code: MemberCode, paint: Paint) -> Iterator[str]:
    first = finding.first
    others = [member for member in finding.clone.members if member is not first]
    for member in others[:_MOST_DIFFS]:
        alignment = aligned(first, member, code)
        yield ""
        yield f"      {paint(DIM, place(first))}  {paint(DIM, place(member))}"
        if alignment.renames:
            names = ", ".join(
                f"{printable(one.left)} -> {printable(one.right)}" for one in alignment.renames[:12]
            )
            more = len(alignment.renames) - 12
            yield f"      renamed: {names}{f' and {more} more' if more > 0 else ''}"
        if alignment.is_same:
            yield paint(
                DIM, "      nothing else differs" if alignment.renames else "      the same"
            )
        else:
            yield from _changes(alignment, paint)
    if len(others) > _MOST_DIFFS:
        yield paint(DIM, f"      {len(others) - _MOST_DIFFS} more are not laid beside it")


def _changes(alignment: Alignment, paint: Paint) -> Iterator[str]:
    """Runs of lines that differ, numbered by both files; in a changed line what changed stands out.

    Lines of the first are marked `-`, those of the other one `+`, as in a diff.
    """
    left = _MOST_ROWS
    for at, run in enumerate(around_changes(alignment.rows, _CONTEXT)):
        if at:
            yield paint(DIM, "               …")
        for old, new in _blocks(run[:left]):
            for row in old:
                yield _line(row.left_line, 0, "-", _text(row.left, RED, paint), RED, paint)
            for row in new:
                if row.differs and row.right_line:
                    shown = _text(row.right, GREEN, paint)
                    yield _line(0, row.right_line, "+", shown, GREEN, paint)
                elif row.right_line or row.left_line:
                    text = _text(row.left or row.right, "", paint)
                    yield _line(row.left_line, row.right_line, " ", text, "", paint)
        left -= len(run)
        if left <= 0:
            yield paint(DIM, "      and more that differs")
            return


def _blocks(rows: Sequence[Row]) -> Iterator[tuple[list[Row], list[Row]]]:
    """Rows that differ in one block: what is gone first, then what stands there."""
    old: list[Row] = []
    new: list[Row] = []
    for row in rows:
        if not row.differs:
            if old or new:
                yield old, new
                old, new = [], []
            yield [], [row]
            continue
        if row.left_line:
            old.append(row)
        if row.right_line:
            new.append(row)
    if old or new:
        yield old, new


def _line(left: int, right: int, sign: str, text: str, style: str, paint: Paint) -> str:
    numbers = f"{left or '':>6} {right or '':>6}"
    return f"{paint(DIM, numbers)} {paint(style, sign)} {text}".rstrip()


def _text(pieces: Sequence[Piece], style: str, paint: Paint) -> str:
    whole = len(pieces) == 1
    return "".join(
        paint(style + (REVERSED if piece.differs and not whole else ""), printable(piece.text))
        if style
        else printable(piece.text)
        for piece in pieces
    )


def _summary(selection: Selection, paint: Paint) -> Iterator[str]:
    report = selection.report
    new = "new " if selection.since or selection.baseline else ""
    read = f"{_count(report.files, 'file')}, {_lines(report.lines)}"
    found = len(selection.findings)
    if not found:
        yield f"No {new}duplicates in {read}."
    else:
        kinds = selection.by_type()
        by_type = ", ".join(f"{kinds[kind]:,} of type {kind}" for kind in sorted(kinds))
        classes = "class" if found == 1 else "classes"
        yield paint(
            BOLD,
            f"{read}; {selection.duplicated_lines:,} of them duplicated "
            f"({selection.share:.1f} %) in {found:,} {new}{classes}: {by_type}.",
        )
    last = selection.offset + len(selection.shown)
    if last < found:
        yield f"{found - last:,} more: --offset {last}, or -k {found}"
    apart = selection.apart()
    if apart:
        roles = ", ".join(f"{apart[role]:,} of {_WITH.get(role, role)}" for role in sorted(apart))
        names = ",".join(_WITH.get(role, role) for role in sorted(apart))
        yield paint(DIM, f"Set apart: {roles} (--with {names})")
    yield from (printable(sentence) for sentence in report.notes)


def _lines(number: int) -> str:
    return _count(number, "line")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
