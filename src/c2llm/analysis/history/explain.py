"""Why a commit is unusual, in sentences with the numbers that they rest on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from c2llm.analysis.history.commits import Commit
from c2llm.analysis.history.past import Surprise

MOST_REASONS = 4
_MOST_NAMED = 4
_LEAST_SHARE = 0.5
"""Of a score, that a feature brings, to be told."""
_LEAST_SURPRISE = 0.7
"""Nats: what half of the earlier commits did as well is no reason."""


def reasons(commit: Commit, surprise: Surprise, shares: Mapping[str, float]) -> tuple[str, ...]:
    """The strongest reasons first.

    Args:
        commit: The commit.
        surprise: Of the edit that makes it unusual.
        shares: What each feature brought to the score.
    """
    values = dict(zip(shares, surprise.values.tolist(), strict=True))
    strongest = sorted(shares, key=lambda name: -shares[name])
    chosen = [
        name
        for name in strongest
        if shares[name] >= _LEAST_SHARE and values[name] >= _LEAST_SURPRISE
    ]
    told: dict[str, None] = {}
    for name in chosen:
        group = _GROUPS.get(name, (name,))
        if any(other in told for other in group):
            continue
        told[name] = None
    return tuple(_SENTENCES[name](commit, surprise) for name in list(told)[:MOST_REASONS])


def _earlier(surprise: Surprise, count: int, verb: str) -> str:
    """`41 of 43 earlier commits to the file` and what they did not do."""
    commits = surprise.counts["commits"]
    left = max(0, commits - count)
    return f"{left} of {commits} earlier commits to the file {verb}"


def _place(surprise: Surprise) -> str:
    named = [region for region in surprise.regions if region]
    return f" in `{named[0]}`" if len(named) == 1 else ""


def _kind(name: str, what: str, verb: str) -> Callable[[Commit, Surprise], str]:
    def sentence(commit: Commit, surprise: Surprise) -> str:
        examples = ", ".join(f"`{one}`" for one in surprise.facts.kinds.get(name, ()))
        said = what.format(examples=examples, place=_place(surprise), tokens=surprise.facts.tokens)
        return f"{said}; {_earlier(surprise, surprise.counts.get(name, 0), verb)}."

    return sentence


def _large(_: Commit, surprise: Surprise) -> str:
    facts = surprise.facts
    said = f"It adds {facts.added} and removes {facts.removed} lines"
    return f"{said}; {_earlier(surprise, surprise.counts['large'], 'changed less')}."


def _small(_: Commit, surprise: Surprise) -> str:
    tokens = surprise.facts.tokens
    said = f"It changes {tokens} token{'' if tokens == 1 else 's'} of code and no more"
    return f"{said}; {_earlier(surprise, surprise.counts['small'], 'changed more')}."


def _gap(_: Commit, surprise: Surprise) -> str:
    seconds = math.expm1(surprise.measured["gap"] or 0.0)
    said = f"The file had not been changed for {_span(seconds)}"
    return f"{said}; {_earlier(surprise, surprise.counts['gap'], 'came sooner')}."


def _foreign(which: str) -> Callable[[Commit, Surprise], str]:
    def sentence(_: Commit, surprise: Surprise) -> str:
        names = len(surprise.facts.names)
        measure = "foreign_to_file" if which == "file" else "foreign_to_repository"
        new = round(surprise.measured[measure] or 0.0)
        shown = ", ".join(f"`{name}`" for name in surprise.foreign[which][:_MOST_NAMED])
        shown = f" ({shown}{', …' if new > _MOST_NAMED else ''})" if shown else ""
        said = f"{new} of the {names} names that it adds were never seen in this {which}{shown}"
        return f"{said}; {_earlier(surprise, surprise.counts[measure], 'brought fewer')}."

    return sentence


def _far(_: Commit, surprise: Surprise) -> str:
    distance = surprise.measured["far"] or 0.0
    said = f"Its code is about something else than the file (distance in meaning {distance:.2f})"
    return f"{said}; {_earlier(surprise, surprise.counts['far'], 'were nearer')}."


def _files(few: bool) -> Callable[[Commit, Surprise], str]:
    def sentence(commit: Commit, surprise: Surprise) -> str:
        count = len(commit.edits)
        if few:
            said = "It changes this file alone" if count == 1 else f"It changes only {count} files"
            return f"{said}; {_earlier(surprise, surprise.counts['few_files'], 'changed more')}."
        said = f"It changes {count} files at once"
        return f"{said}; {_earlier(surprise, surprise.counts['many_files'], 'changed fewer')}."

    return sentence


def _many_places(_: Commit, surprise: Surprise) -> str:
    said = f"It changes {surprise.facts.hunks} places of the file"
    return f"{said}; {_earlier(surprise, surprise.counts['many_places'], 'changed fewer')}."


def _seldom(_: Commit, surprise: Surprise) -> str:
    region = surprise.regions[0] or "the head of the file"
    said = f"It touches `{region}`"
    return f"{said}, which {_earlier(surprise, surprise.counts['at_place'], 'left alone')}."


def _author(commit: Commit, surprise: Surprise) -> str:
    by = surprise.counts["by_author"]
    who = commit.name or commit.author or "its author"
    if not by:
        return (
            f"{who} had not changed the file in its {surprise.counts['commits']} earlier commits."
        )
    return f"{who} made {by} of the {surprise.counts['commits']} earlier commits to the file."


def _hour(commit: Commit, _: Surprise) -> str:
    day = "a weekend" if commit.weekday in (0, 6) else "a weekday"
    return (
        f"It was written on {day} at {commit.hour}:00 by the author's clock, a rare time for them."
    )


def _span(seconds: float) -> str:
    for unit, length in (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    return f"{max(1.0, seconds / 3_600):.0f} hours"


_SENTENCES: dict[str, Callable[[Commit, Surprise], str]] = {
    "large": _large,
    "small": _small,
    "gap": _gap,
    "foreign_to_file": _foreign("file"),
    "foreign_to_repository": _foreign("repository"),
    "foreign_share": _foreign("repository"),
    "far": _far,
    "many_files": _files(few=False),
    "few_files": _files(few=True),
    "many_places": _many_places,
    "place": _seldom,
    "author": _author,
    "hour": _hour,
    "operator_swapped": _kind(
        "operator_swapped", "It changes an operator{place}: {examples}", "left operators alone"
    ),
    "operators_only": _kind(
        "operators_only",
        "It changes nothing but operators{place}: {examples}",
        "did not do only that",
    ),
    "number_changed": _kind(
        "number_changed", "It changes a number{place}: {examples}", "left numbers alone"
    ),
    "condition_removed": _kind(
        "condition_removed", "It leaves fewer conditions{place} ({examples})", "removed none"
    ),
    "comparison_removed": _kind(
        "comparison_removed", "It leaves fewer comparisons{place} ({examples})", "removed none"
    ),
    "exit_removed": _kind(
        "exit_removed", "It removes a way out{place} ({examples})", "removed none"
    ),
    "handling_removed": _kind(
        "handling_removed", "It removes error handling{place} ({examples})", "removed none"
    ),
    "limit_removed": _kind(
        "limit_removed", "It no longer names a limit{place} ({examples})", "removed none"
    ),
    "call_removed": _kind(
        "call_removed", "It leaves fewer calls{place} ({examples})", "removed none"
    ),
    "guard_deleted": _kind(
        "guard_deleted",
        "It deletes code with a check and a way out{place}: {examples}",
        "deleted none",
    ),
    "call_deleted": _kind(
        "call_deleted",
        "It deletes a call with nothing in its place{place}: {examples}",
        "deleted none",
    ),
    "calls_only_removed": _kind(
        "calls_only_removed", "It only takes calls out{place}: {examples}", "did not do only that"
    ),
    "code_only_removed": _kind(
        "code_only_removed",
        "It takes {tokens} tokens of code out and puts none in",
        "put some in",
    ),
}
_SAME = (
    ("foreign_to_file", "foreign_to_repository", "foreign_share"),
    ("operator_swapped", "operators_only"),
    ("condition_removed", "exit_removed", "comparison_removed", "guard_deleted"),
    ("call_removed", "call_deleted", "calls_only_removed"),
    ("large", "many_places"),
)
_GROUPS = {name: group for group in _SAME for name in group}
"""Features that say much the same: one of them is told."""
