"""A report of drift as Markdown, for a comment on a pull request.

Names and code come from the repository: they are shown as code, where they are no link, no markup
and no mention of anybody, and the whole is no longer than a comment may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from c2llm.analysis.changes.change import Change, Effect
from c2llm.analysis.drift.ranking import EFFECTS
from c2llm.analysis.drift.report import DriftReport, FunctionDrift
from c2llm.printable import printable

_MOST_CHARACTERS = 60_000
"""A comment may have 65,536."""
_LONGEST_CODE = 120
_MOST_CHANGES = 5
_MOST_VALUES = 30
_MOST_ALONE = 20
_PARTED = re.compile(r"\s+")


def markdown(report: DriftReport, limit: int) -> str:
    """The report, in parts that end where there is no room for more.

    Args:
        report: What was found.
        limit: Functions at most.
    """
    lines: list[str] = []
    size = 0
    for line in _lines(report, limit):
        size += len(line) + 1
        if size > _MOST_CHARACTERS:
            lines += ["", "There is more than a comment has room for."]
            break
        lines.append(line)
    return "\n".join(lines) + "\n"


def code(text: str, longest: int = _LONGEST_CODE) -> str:
    """Any text as inline code, on one line, with as many backticks as it needs."""
    flat = printable(_PARTED.sub(" ", text).strip())
    if len(flat) > longest:
        flat = flat[: longest - 1] + "…"
    if not flat:
        return ""
    flat = flat.replace("|", "\\|")  # else a cell of a table ends there, even in code
    fence = "`" * (max((len(run) for run in re.findall(r"`+", flat)), default=0) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def _lines(report: DriftReport, limit: int) -> Iterator[str]:
    yield f"### Drift from {code(report.before, 60)} to {code(report.after, 60)}"
    yield ""
    yield _summary(report)
    if report.values:
        yield ""
        yield "| value | before | after | place |"
        yield "|---|---|---|---|"
        for value in report.values[:_MOST_VALUES]:
            place = code(f"{value.path}:{value.line}", 80)
            yield (
                f"| {code(value.name, 60)} | {code(value.before, 60)} | {code(value.after, 60)} "
                f"| {place} |"
            )
        left = len(report.values) - _MOST_VALUES
        if left > 0:
            yield ""
            yield f"{left:,} more values."
    both = [one for one in report.functions if one.before and one.after]
    for effect in (Effect.BEHAVIOUR, Effect.STRUCTURAL):
        some = [one for one in both if one.effect == effect]
        if some:
            yield ""
            yield f"**{EFFECTS[effect].capitalize()}**"
            yield ""
            for one in some[:limit]:
                yield from _function(one)
            if len(some) > limit:
                yield f"- {len(some) - limit:,} more"
    cosmetic = sum(one.effect == Effect.COSMETIC for one in both)
    if cosmetic:
        yield ""
        yield f"{_count(cosmetic, 'function')} changed in looks alone."
    yield from _alone(report)


def _summary(report: DriftReport) -> str:
    counts = report.counts()
    large = _escaped(report.too_large_said() + ". ") if report.not_compared else ""
    if not report.functions and not report.moved_files:
        nothing = "Nothing else" if report.not_compared else "Nothing"
        return f"{large}{nothing} differs in {_count(report.files, 'file')}."
    parts = [
        f"{counts['behaviour']:,} with other behaviour",
        f"{counts['structural']:,} structural",
        f"{counts['cosmetic']:,} cosmetic",
        f"{counts['added']:,} added",
        f"{counts['removed']:,} removed",
    ]
    moved = f"; {_count(len(report.moved_files), 'file')} moved" if report.moved_files else ""
    return f"{large}{_count(report.files, 'file')}: {', '.join(parts)}{moved}."


def _function(one: FunctionDrift) -> Iterator[str]:
    place = one.after or one.before
    assert place is not None
    name = one.name or "outside of functions"
    reasons = ", ".join(printable(reason) for reason in one.reasons if "`" not in reason)
    yield (
        f"- {code(name, 80)} {code(f'{place.path}:{place.start_line}', 100)} "
        f"({one.weight:.2f}: {_escaped(reasons)})"
    )
    grave = [change for change in one.changes if change.effect > Effect.COSMETIC]
    for change in grave[:_MOST_CHANGES]:
        yield f"  - {_change(change)}"
    if len(grave) > _MOST_CHANGES:
        yield f"  - {len(grave) - _MOST_CHANGES} more"


def _change(change: Change) -> str:
    name = f" of {code(change.name, 60)}" if change.name and change.what != "call" else ""
    line = f"line {change.line_after or change.line_before}"
    before, after = code(change.before), code(change.after)
    if before and after:
        said = f"{before} → {after}"
    else:
        said = f"gone: {before}" if before else f"new: {after}"
    return f"{line}, {_escaped(change.what)}{name}: {said}"


def _alone(report: DriftReport) -> Iterator[str]:
    titles = {"removed": "Only before", "added": "Only after"}
    for relation, title in titles.items():
        some = [one for one in report.functions if one.relation == relation]
        if not some:
            continue
        names = ", ".join(code(one.name or one.path, 60) for one in some[:_MOST_ALONE])
        more = f" and {len(some) - _MOST_ALONE:,} more" if len(some) > _MOST_ALONE else ""
        yield ""
        yield f"{title}: {names}{more}."


def _escaped(text: str) -> str:
    """Words around names, without what Markdown or a forge would take for more."""
    return re.sub(r"[\\`*_\[\]<>#@|~&!]", lambda match: f"\\{match[0]}", text).replace(
        "\\@", "@\u200b"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
