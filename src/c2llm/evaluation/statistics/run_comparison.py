"""Where two runs differ, query by query: how sure the difference is, and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.kept_runs import Answer, Kept, labels
from c2llm.evaluation.statistics.significance import compare
from c2llm.evaluation.tables import interval, markdown_table, number, p_value, signed

_SHOWN_FOUND = 3
_SHOWN_TEXT = 120


def choose(
    first: Sequence[Kept], second: Sequence[Kept], a: str | None = None, b: str | None = None
) -> list[tuple[str, str]]:
    """Which system of the first run stands against which of the second.

    Those named; else each against itself where both runs have it and some results differ in their
    file; else the only one of each.

    Raises:
        UsageError: for a name that a run does not have, or where it is not clear what is meant.
    """
    have_a, have_b = labels(first), labels(second)
    for wanted, have, option in ((a, have_a, "--a"), (b, have_b, "--b")):
        if wanted is not None and wanted not in have:
            raise UsageError(f"{option} {wanted!r} is not in that run; it has {', '.join(have)}.")
    same = {kept.path.resolve() for kept in first} == {kept.path.resolve() for kept in second}
    if a is None and b is None and not same:
        common = [label for label in have_a if label in have_b]
        if common:
            return [(label, label) for label in common]
    chosen_a = [a] if a is not None else have_a
    chosen_b = [b] if b is not None else have_b
    if len(chosen_a) == len(chosen_b) == 1 and not (same and chosen_a == chosen_b):
        return [(chosen_a[0], chosen_b[0])]
    raise UsageError(
        f"Say what to compare with --a and --b: the first run has {', '.join(have_a)}, the second "
        f"{', '.join(have_b)}."
    )


def comparison_report(
    first: Sequence[Kept],
    second: Sequence[Kept],
    pairs: Sequence[tuple[str, str]],
    *,
    most: int = 5,
) -> dict[str, Any]:
    """Paired differences B - A of NDCG@10 with 95 % intervals, per task and over everything.

    Args:
        first: results of run A.
        second: results of run B.
        pairs: of `choose`.
        most: how many wins and losses are shown.

    Returns:
        A JSON-ready object with `comparisons`, one a pair, and in each `tasks`, `groups`, `wins`
        and `losses`, and what could not be compared.

    Raises:
        DataError: if nothing at all can be compared.
    """
    comparisons = [_pair(first, second, a, b, most) for a, b in pairs]
    measured = [entry for entry in comparisons if entry["tasks"]]
    if not measured:
        reasons = [reason for entry in comparisons for reason in entry["not_comparable"]]
        raise DataError(
            "The runs have no task in common that both asked alike"
            + (f" ({reasons[0]})." if reasons else ".")
        )
    return {"metric": "ndcg_at_10", "comparisons": measured}


def _pair(
    first: Sequence[Kept], second: Sequence[Kept], a: str, b: str, most: int
) -> dict[str, Any]:
    left = {(kept.kind, kept.name): kept for kept in first if kept.label == a}
    right = {(kept.kind, kept.name): kept for kept in second if kept.label == b}
    joint: list[tuple[Kept, Answer, Answer]] = []
    tasks, not_comparable = [], []
    for key, kept in left.items():
        other = right.get(key)
        if other is None:
            not_comparable.append(f"{kept.name} is in A only")
        elif other.digest != kept.digest:
            not_comparable.append(f"{kept.name} was asked over other data or limits")
        else:
            answers = list(_joined(kept, other))
            joint += [(kept, *pair) for pair in answers]
            tasks.append({"kind": kept.kind, "task": kept.name, **_difference(answers)})
    not_comparable += [f"{name} is in B only" for kind, name in right if (kind, name) not in left]
    pairs = [(mine, theirs) for _, mine, theirs in joint]
    ordered = sorted(joint, key=lambda entry: entry[1].score - entry[2].score)
    wins = [entry for entry in ordered if entry[2].score > entry[1].score]
    losses = [entry for entry in reversed(ordered) if entry[2].score < entry[1].score]
    return {
        "a": a,
        "b": b,
        "fingerprints": [
            sorted({kept.fingerprint for kept in side.values()}) for side in (left, right)
        ],
        "all": _difference(pairs) if pairs else None,
        "tasks": tasks,
        "groups": _groups(pairs),
        "wins": [_shown(*entry) for entry in wins[:most]],
        "losses": [_shown(*entry) for entry in losses[:most]],
        "not_comparable": not_comparable,
    }


def _joined(kept: Kept, other: Kept) -> list[tuple[Answer, Answer]]:
    theirs = {answer.id: answer for answer in other.answers}
    missing = [answer.id for answer in kept.answers if answer.id not in theirs]
    if missing or len(theirs) != len({answer.id for answer in kept.answers}):
        raise DataError(
            f"{kept.path} and {other.path} do not hold the same queries of {kept.name}; remove the "
            "one that is damaged."
        )
    return [(answer, theirs[answer.id]) for answer in kept.answers]


def _difference(pairs: Sequence[tuple[Answer, Answer]]) -> dict[str, Any]:
    before, after = ([pair[side].score for pair in pairs] for side in (0, 1))
    return {
        "mean_a": sum(before) / len(before),
        "mean_b": sum(after) / len(after),
        **asdict(compare(after, before)),
        "better": sum(y > x for x, y in zip(before, after, strict=True)),
        "worse": sum(y < x for x, y in zip(before, after, strict=True)),
    }


def _groups(pairs: Sequence[tuple[Answer, Answer]]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[tuple[Answer, Answer]]] = {}
    for pair in pairs:
        groups.setdefault(pair[0].group or "(none)", []).append(pair)
    return {name: _difference(groups[name]) for name in sorted(groups)} if len(groups) > 1 else {}


def _shown(kept: Kept, before: Answer, after: Answer) -> dict[str, Any]:
    return {
        "task": kept.name,
        "id": before.id,
        "query": after.text,
        "score_a": before.score,
        "score_b": after.score,
        "rank_a": before.rank,
        "rank_b": after.rank,
        "found_a": list(before.found[:_SHOWN_FOUND]),
        "found_b": list(after.found[:_SHOWN_FOUND]),
    }


def comparison_markdown(report: dict[str, Any]) -> str:
    """The object of `comparison_report` as Markdown."""
    sections: list[str] = []
    for entry in report["comparisons"]:
        sections.append(f"## A: {entry['a']} · B: {entry['b']}")
        if entry["fingerprints"][0] == entry["fingerprints"][1] and entry["a"] == entry["b"]:
            sections.append("The same model in both: what differs is the code around it.")
        rows = [[task["task"], *_row(task)] for task in entry["tasks"]]
        if len(rows) > 1:
            rows.append(["all queries", *_row(entry["all"])])
        sections.append(markdown_table(["NDCG@10", *_HEADER], rows))
        if entry["groups"]:
            groups = [[name, *_row(group)] for name, group in entry["groups"].items()]
            sections.append(markdown_table(["group", *_HEADER], groups))
        for title, key in (("Biggest wins of B", "wins"), ("Biggest losses of B", "losses")):
            if entry[key]:
                sections.append(f"### {title}\n\n" + _queries(entry[key]))
        if entry["not_comparable"]:
            sections.append("Not compared: " + "; ".join(entry["not_comparable"]) + ".")
    return "\n\n".join(sections) + "\n"


_HEADER = ("queries", "A", "B", "B - A", "95 % interval", "p", "better", "worse")


def _row(entry: dict[str, Any]) -> list[str]:
    return [
        str(entry["n"]),
        number(entry["mean_a"]),
        number(entry["mean_b"]),
        signed(entry["difference"]),
        interval(entry["low"], entry["high"]),
        p_value(entry["p_value"]),
        str(entry["better"]),
        str(entry["worse"]),
    ]


def _queries(entries: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            entry["task"],
            _cut(entry["query"]),
            f"{number(entry['score_a'])} to {number(entry['score_b'])}",
            f"{_rank(entry['rank_a'])} to {_rank(entry['rank_b'])}",
            _cut((entry["found_a"] or ["nothing"])[0]),
            _cut((entry["found_b"] or ["nothing"])[0]),
        ]
        for entry in entries
    ]
    header = ["task", "query", "NDCG@10", "rank of the answer", "first of A", "first of B"]
    return markdown_table(header, rows)


def _rank(rank: int | None) -> str:
    return "not found" if rank is None else str(rank)


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_TEXT else flat[: _SHOWN_TEXT - 1] + "…"
