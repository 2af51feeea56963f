"""When hits came and went, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from c2llm.analysis.patterns.history.changes import Commit
from c2llm.analysis.patterns.history.find import HitLife, PatternHistory
from c2llm.cli.output import counted, print_json, print_painted
from c2llm.cli.patterns.text import CYAN, DIM, GREEN, Paint, headline, painted
from c2llm.cli.streams import is_colored
from c2llm.printable import printable

_PAGE = 50


def tell_history(
    history: PatternHistory,
    failed: Sequence[str],
    limit: int | None,
    seconds: float,
    *,
    as_json: bool,
) -> None:
    """Print a history.

    Args:
        history: What is told.
        failed: Why `--fail-on` makes the command fail.
        limit: Hits that are told of those that are there, and of those that are gone; None for all
            in JSON, and for a page as text.
        seconds: How long it took.
        as_json: Whether it is one JSON object.
    """
    if as_json:
        print_json(_payload(history, failed, limit, seconds))
        return
    paint = partial(painted, is_colored())
    most = limit or _PAGE
    for part in _told(history, most, paint):
        print_painted(part + "\n")


def _payload(
    history: PatternHistory, failed: Sequence[str], limit: int | None, seconds: float
) -> dict[str, Any]:
    return {
        "commits": history.commits,
        "contents": history.contents,
        "searched": history.searched,
        "patterns": [pattern.name for pattern in history.patterns],
        "present_found": len(history.present),
        "gone_found": len(history.gone),
        "apart": history.apart,
        "present": [_row(life) for life in history.present[:limit]],
        "gone": [_row(life) for life in history.gone[:limit]],
        "notes": list(history.notes),
        "failed": list(failed),
        "seconds": round(seconds, 3),
    }


def _row(life: HitLife) -> dict[str, Any]:
    return {
        "pattern": life.pattern.name,
        "severity": life.pattern.severity,
        "hint": life.pattern.hint,
        "repository": life.repository,
        "path": life.path,
        "line": life.line,
        "symbol": life.symbol,
        "text": life.text,
        "score": life.score,
        "role": life.role,
        "present": life.is_present,
        "came": _commit(life.came),
        "left": _commit(life.left),
        "returned": _commit(life.returned),
    }


def _commit(commit: Commit | None) -> dict[str, str] | None:
    if commit is None:
        return None
    return {
        "commit": commit.id,
        "date": commit.date,
        "author": commit.author,
        "subject": commit.subject,
    }


def _told(history: PatternHistory, most: int, paint: Paint) -> Iterator[str]:
    for lives, title in ((history.present, "There today"), (history.gone, "Gone")):
        shown = sorted(lives[:most], key=lambda life: _by_pattern(life, lives))
        if shown:
            yield paint(DIM, f"{title}:")
        for pattern, some in groupby(shown, key=lambda life: life.pattern):
            yield headline(pattern, paint)
            for life in some:
                yield from _life(life, paint)
            yield ""
        if len(lives) > most:
            yield f"{len(lives) - most:,} more: --limit {len(lives)}"
    there, gone = counted(len(history.present), "hit"), f"{len(history.gone):,} gone"
    read = f"{counted(history.commits, 'commit')} with {counted(history.contents, 'content')}"
    yield f"{there} there and {gone}, in {read} of files."
    if history.apart:
        yield paint(DIM, f"Set apart: {history.apart:,} in tests or generated code (--with all)")
    yield from map(printable, history.notes)


def _by_pattern(life: HitLife, lives: Sequence[HitLife]) -> int:
    """Patterns in the order of their first hit, and the hits of each in theirs."""
    return next(at for at, other in enumerate(lives) if other.pattern is life.pattern)


def _life(life: HitLife, paint: Paint) -> Iterator[str]:
    where = f"{life.repository}/{life.path}" if life.repository else life.path
    symbol = f"  {paint(GREEN, printable(life.symbol))}" if life.symbol else ""
    yield f"    {paint(CYAN, printable(f'{where}:{life.line}'))}{symbol}"
    yield f"           {printable(life.text)}"
    came = "before the commits that were read" if life.came is None else _said(life.came)
    yield f"           {paint(DIM, f'came {came}')}"
    if life.returned is not None:
        yield f"           {paint(DIM, f'back {_said(life.returned)}')}"
    if not life.is_present:
        left = "in a merge" if life.left is None else _said(life.left)
        yield f"           {paint(DIM, f'left {left}')}"


def _said(commit: Commit) -> str:
    text = f"{commit.date[:10]} {commit.id[:12]} {commit.author}: {commit.subject}"
    return printable(text)
