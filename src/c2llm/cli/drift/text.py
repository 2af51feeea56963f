"""A report of drift for a reader at a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.drift.ranking import EFFECTS
from c2llm.analysis.drift.report import DriftReport, FunctionDrift, ValueChange
from c2llm.analysis.trees.code_tree import Function
from c2llm.codebase.languages import family
from c2llm.printable import printable

_BOLD, _DIM, _CYAN, _GREEN, _RED, _YELLOW, _RESET = (
    *("\033[1m", "\033[2m", "\033[36m", "\033[32m", "\033[31m", "\033[33m"),
    "\033[0m",
)
_MOST_CHANGES = 6
_MOST_VALUES = 15
_MOST_ALONE = 8
_LONGEST = 100
_STYLES = {Effect.BEHAVIOUR: _RED, Effect.STRUCTURAL: _YELLOW, Effect.COSMETIC: _DIM}

Paint = Callable[[str, str], str]


def told(report: DriftReport, limit: int, *, colored: bool) -> Iterator[str]:
    """The report: values, functions, what one tree alone has, and a summary at the end.

    Args:
        report: What was found.
        limit: Functions at most.
        colored: Whether colours are shown.
    """
    paint = partial(_painted, colored)
    if report.values:
        yield "\n".join(_values(report, paint)) + "\n\n"
    both = [one for one in report.functions if one.before and one.after]
    for number, one in enumerate(both[:limit], 1):
        yield "\n".join(_function(number, one, paint)) + "\n\n"
    alone = [*_alone(report, paint)]
    if alone:
        yield "\n".join(alone) + "\n\n"
    yield "\n".join(_summary(report, len(both) - limit, len(both), paint)) + "\n"


def _painted(colored: bool, style: str, text: str) -> str:
    return f"{style}{text}{_RESET}" if colored and text else text


def _values(report: DriftReport, paint: Paint) -> Iterator[str]:
    yield paint(_BOLD, "Values")
    for value in report.values[:_MOST_VALUES]:
        place = paint(_CYAN, printable(f"{value.path}:{value.line}"))
        yield f"    {_name(value, paint)}  {_sides(value.before, value.after, paint)}  {place}"
    left = len(report.values) - _MOST_VALUES
    if left > 0:
        yield paint(_DIM, f"    and {left:,} more (--json has all)")


def _name(value: ValueChange, paint: Paint) -> str:
    kind = "" if value.kind == "constant" else f"{value.kind} "
    name = paint(_DIM, kind) + paint(_GREEN, _flat(value.name, 60))
    return f"{name} {paint(_DIM, _flat(f'in {value.function}', 60))}" if value.function else name


def _function(number: int, one: FunctionDrift, paint: Paint) -> Iterator[str]:
    place = one.after or one.before
    assert place is not None
    effect = paint(_STYLES[one.effect], EFFECTS[one.effect])
    name = paint(_BOLD, _flat(one.name, 80)) if one.name else paint(_DIM, _rest(place))
    where = paint(_CYAN, printable(f"{place.path}:{place.start_line}"))
    reasons = paint(_DIM, _flat(", ".join(one.reasons), 160))
    yield f"{number:>3}  {effect} {one.weight:.2f}  {name}  {where}  {reasons}"
    shown = one.changes[:_MOST_CHANGES]
    for change in shown:
        yield _change(change, paint)
    left = len(one.changes) - len(shown)
    if left:
        yield paint(_DIM, f"         and {left:,} more")


def _rest(place: Function) -> str:
    return "settings" if family(place.language) == "config" else "outside of functions"


def _change(change: Change, paint: Paint) -> str:
    line = change.line_after if change.after or not change.before else change.line_before
    what = paint(_STYLES[change.effect], f"{change.what:<10}")
    name = f" {paint(_GREEN, _flat(change.name, 40))}" if change.name else ""
    sides = _sides(change.before, change.after, paint)
    return f"    {line:>6}  {what}{name}  {sides}".rstrip()


def _sides(before: str, after: str, paint: Paint) -> str:
    if before and after:
        return f"{paint(_RED, _flat(before))} -> {paint(_GREEN, _flat(after))}"
    if before:
        return f"{paint(_RED, '-')} {paint(_RED, _flat(before))}"
    return f"{paint(_GREEN, '+')} {paint(_GREEN, _flat(after))}" if after else ""


def _alone(report: DriftReport, paint: Paint) -> Iterator[str]:
    for relation, tree in (("removed", report.before), ("added", report.after)):
        some = [one for one in report.functions if one.relation == relation]
        if not some:
            continue
        yield paint(_BOLD, f"Only in {_flat(tree, 60)}") + f" ({len(some):,})"
        for one in some[:_MOST_ALONE]:
            place = one.after or one.before
            assert place is not None
            name = _flat(one.name, 80) or _rest(place)
            yield f"    {name}  {paint(_CYAN, printable(f'{place.path}:{place.start_line}'))}"
        if len(some) > _MOST_ALONE:
            yield paint(_DIM, f"    and {len(some) - _MOST_ALONE:,} more")


def _summary(report: DriftReport, left: int, both: int, paint: Paint) -> Iterator[str]:
    if left > 0:
        yield f"{left:,} more functions: --limit {both}"
    if report.not_compared:
        yield report.too_large_said() + "."
    counts = report.counts()
    files = f"{report.files:,} file{'' if report.files == 1 else 's'}"
    if report.effect() is None:
        between = f"between {_flat(report.before)} and {_flat(report.after)}"
        nothing = "Nothing else" if report.not_compared else "Nothing"
        yield f"{nothing} differs in code and settings {between} ({files})."
        return
    said = (
        f"{counts['behaviour']:,} of behaviour, {counts['structural']:,} structural, "
        f"{counts['cosmetic']:,} cosmetic; {counts['added']:,} added, {counts['removed']:,} removed"
    )
    moved = f"; {len(report.moved_files):,} files moved" if report.moved_files else ""
    yield paint(_BOLD, f"{_flat(report.before, 60)} -> {_flat(report.after, 60)}: {said}{moved}.")
    yield paint(_DIM, f"{files}, {report.same_files:,} of them the same")


def _flat(text: str, longest: int = _LONGEST) -> str:
    flat = printable(re.sub(r"\s+", " ", text).strip())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
