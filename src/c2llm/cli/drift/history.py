"""`c2llm drift --history`: which commits are unusual for the files that they change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2llm.cli.output import note, print_json, print_painted, progress_bar
from c2llm.cli.streams import is_colored
from c2llm.errors import UsageError
from c2llm.printable import printable

if TYPE_CHECKING:
    from c2llm.analysis.history.judge import HistoryReport, Judgement

DEFAULT_LIMIT = 10
DEFAULT_ALARM_RATE = 0.01
LEAST_ALARM_RATE, MOST_ALARM_RATE = 0.001, 0.5
_BOLD, _DIM, _CYAN, _RED, _RESET = "\033[1m", "\033[2m", "\033[36m", "\033[31m", "\033[0m"
_NOT_PLAIN = "\\`*_[]<>|#~"
"""What Markdown would take for more than itself."""


def tell_history(
    path: Path,
    *,
    since: str | None = None,
    limit: int | None = None,
    alarm_rate: float = DEFAULT_ALARM_RATE,
    as_json: bool = False,
    as_markdown: bool = False,
) -> int:
    """Judge the commits of a path, and print the most unusual.

    Returns:
        How many of them raise an alarm.

    Raises:
        UsageError: The request is wrong.
        DataError: Git does not read the repository.
    """
    from c2llm.analysis.history.judge import unusual_commits

    if as_json and as_markdown:
        raise UsageError("Choose one of --json and --markdown.")
    if not LEAST_ALARM_RATE <= alarm_rate <= MOST_ALARM_RATE:
        raise UsageError(
            f"--alarm-rate {alarm_rate:g} is not between {LEAST_ALARM_RATE:g} and "
            f"{MOST_ALARM_RATE:g}; 0.01 is one false alarm in a hundred commits."
        )
    begun = time.perf_counter()
    report = unusual_commits(path, since=since, alarm_rate=alarm_rate, progress=progress_bar)
    if as_json:
        print_json(payload(path, report, limit, time.perf_counter() - begun))
        return report.alarms
    limit = DEFAULT_LIMIT if limit is None else limit
    lines = _markdown(report, limit) if as_markdown else _text(report, limit, is_colored())
    for line in lines:
        print_painted(line + "\n")
    for sentence in report.notes:
        note(sentence)
    return report.alarms


def payload(path: Path, report: HistoryReport, limit: int | None, seconds: float) -> dict[str, Any]:
    """The report as one JSON object."""
    return {
        "path": str(path),
        "alarm_rate": report.alarm_rate,
        "judged": len(report.judgements),
        "alarms": report.alarms,
        "cannot_tell": report.cannot_tell,
        "no_code": report.no_code,
        "commits": [
            {
                "commit": one.commit.id,
                "date": _date(one),
                "author": one.commit.name,
                "email": one.commit.author,
                "subject": one.commit.subject,
                "path": one.path,
                "alarm": one.is_alarm,
                "p_value": one.p_value,
                "score": round(one.score, 3),
                "earlier_commits": one.earlier,
                "reasons": list(one.reasons),
            }
            for one in report.judgements[:limit]
        ],
        "notes": list(report.notes),
        "seconds": round(seconds, 3),
    }


def _text(report: HistoryReport, limit: int, colored: bool) -> Iterator[str]:
    paint = partial(_painted, colored)
    for number, one in enumerate(report.judgements[:limit], 1):
        mark = paint(_RED, "alarm") if one.is_alarm else "     "
        yield (
            f"{number:>3}  {mark}  {paint(_BOLD, one.commit.id[:12])}  {_date(one) or '-':<10}  "
            f"{paint(_CYAN, printable(one.path))}  {paint(_DIM, _chance(one))}"
        )
        who = printable(one.commit.name or one.commit.author)
        yield f"            {printable(one.commit.subject)}  {paint(_DIM, who)}"
        for reason in one.reasons:
            yield f"            - {printable(reason)}"
    yield _summary(report)


def _markdown(report: HistoryReport, limit: int) -> Iterator[str]:
    yield f"**{_summary(report)}**"
    for one in report.judgements[:limit]:
        yield ""
        mark = "alarm, " if one.is_alarm else ""
        subject = _plain(one.commit.subject)
        yield f"- {one.commit.id[:12]} {_plain(one.path)} ({mark}{_chance(one)}): {subject}"
        for reason in one.reasons:
            yield f"  - {_plain(reason)}"


def _summary(report: HistoryReport) -> str:
    judged, alarms = len(report.judgements), report.alarms
    commits = "commit" if judged == 1 else "commits"
    said = f"{judged:,} {commits} judged, {alarms} unusual"
    if judged:
        said += f" (about {judged * report.alarm_rate:.1f} would be so by chance)"
    if report.cannot_tell:
        said += f"; of {report.cannot_tell:,} nothing can be told"
    return said + "."


def _chance(one: Judgement) -> str:
    return "no p-value yet" if one.p_value is None else f"p = {one.p_value:.3f}"


def _date(one: Judgement) -> str | None:
    if not one.commit.time:
        return None
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(one.commit.time))
    except (OverflowError, OSError, ValueError):
        return None


def _plain(text: str) -> str:
    """Text of a repository for Markdown, where it is no link, no markup and no mention."""
    shown = printable(text).replace("@", "@\u200b")
    return "".join(f"\\{one}" if one in _NOT_PLAIN else one for one in shown)


def _painted(colored: bool, style: str, text: str) -> str:
    return f"{style}{text}{_RESET}" if colored and text else text
