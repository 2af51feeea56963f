"""Hits of patterns for a reader at a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

from c2llm.analysis.pattern_report.as_json import apart_counts
from c2llm.analysis.patterns.hit import Hit, PatternReport
from c2llm.analysis.patterns.pattern import SEVERITIES, Pattern, Severity
from c2llm.cli.output import counted
from c2llm.printable import printable

BOLD, DIM, CYAN, GREEN = "\033[1m", "\033[2m", "\033[36m", "\033[32m"
RED, YELLOW, REVERSED, RESET = "\033[31m", "\033[33m", "\033[7m", "\033[0m"
_COLOURS: dict[Severity, str] = {"high": RED, "medium": YELLOW, "low": CYAN}
_WITH = {"test": "tests", "generated": "generated", "allowed": "allowed"}
_MOST_LINES = 5
_WIDEST = 160

Paint = Callable[[str, str], str]


def told(
    report: PatternReport, shown: Sequence[Hit], found: int, *, new: bool, colored: bool
) -> Iterator[str]:
    """The hits, pattern by pattern, and a summary at the end.

    Args:
        report: What was found.
        shown: The hits that are told, those of a pattern together.
        found: How many there are.
        new: Whether they are those that are new.
        colored: Whether colours are shown.
    """
    paint = partial(painted, colored)
    for pattern, hits in groupby(shown, key=lambda hit: hit.pattern):
        yield "\n".join(_pattern(pattern, list(hits), paint)) + "\n\n"
    yield "\n".join(_summary(report, len(shown), found, paint, new=new)) + "\n"


def painted(colored: bool, style: str, text: str) -> str:
    """Text in a style where colours are shown."""
    return f"{style}{text}{RESET}" if colored and text else text


def headline(pattern: Pattern, paint: Paint) -> str:
    """Severity, name and title of a pattern."""
    hint = paint(DIM, " (a hint)") if pattern.hint else ""
    return (
        f"{paint(_COLOURS[pattern.severity] + BOLD, f'{pattern.severity:<6}')} "
        f"{paint(BOLD, pattern.name)}{hint}  {printable(pattern.title.strip())}"
    )


def _pattern(pattern: Pattern, hits: Sequence[Hit], paint: Paint) -> Iterator[str]:
    yield headline(pattern, paint)
    if pattern.advice.strip():
        yield f"       {paint(DIM, printable(' '.join(pattern.advice.split())))}"
    for hit in hits:
        yield from _hit(hit, paint)


def _hit(hit: Hit, paint: Paint) -> Iterator[str]:
    symbol = f"  {paint(GREEN, printable(hit.symbol))}" if hit.symbol else ""
    role = f"  {paint(DIM, f'in {_WITH[hit.role]}')}" if hit.role != "code" else ""
    allowed = f"  {paint(DIM, f'allowed: {printable(hit.allowed)}')}" if hit.allowed else ""
    by = "by meaning alone, " if hit.basis == "meaning" else ""
    score = paint(DIM, f"  {by}{hit.score:.2f}")
    yield f"    {paint(CYAN, printable(hit.place))}{symbol}{role}{allowed}{score}"
    last = hit.end_line - hit.start_line
    for number, line in enumerate(hit.lines[:_MOST_LINES]):
        start = hit.start_column - 1 if number == 0 else 0
        end = hit.end_column - 1 if number == last else len(line)
        numbered = paint(DIM, f"{hit.start_line + number:>6} |")
        yield f"    {numbered} {_line(line, start, end, paint)}"
    more = last + 1 - min(_MOST_LINES, len(hit.lines))
    if more > 0:
        yield paint(DIM, f"           and {counted(more, 'more line')}")


def _line(line: str, start: int, end: int, paint: Paint) -> str:
    """A line with the part that was found marked."""
    line, width = line[:_WIDEST], len(line)
    parts = printable(line[:start]), printable(line[start:end]), printable(line[end:])
    return f"{parts[0]}{paint(REVERSED, parts[1])}{parts[2]}{'…' if width > _WIDEST else ''}"


def _summary(
    report: PatternReport, shown: int, found: int, paint: Paint, *, new: bool
) -> Iterator[str]:
    what = counted(len(report.patterns), "pattern")
    read = f"{what} in {counted(report.files, 'file')}"
    word = "new hit" if new else "hit"
    if not found:
        yield f"No {word} of {read}."
    else:
        counts = Counter(hit.pattern.severity for hit in report.hits)
        grades = ", ".join(
            f"{counts[severity]:,} {severity}"
            for severity in reversed(SEVERITIES)
            if counts[severity]
        )
        yield paint(BOLD, f"{counted(found, word)} of {read}: {grades}.")
    if shown < found:
        yield f"{found - shown:,} more: --limit {found}"
    apart = {why: count for why, count in apart_counts(report).items() if count}
    if apart:
        told = ", ".join(
            f"{count:,} {'in ' * (why != 'allowed')}{_WITH[why]}" for why, count in apart.items()
        )
        yield paint(DIM, f"Set apart: {told} (--with {','.join(_WITH[why] for why in apart)})")
    yield from (printable(sentence) for sentence in report.notes)
