"""Where scores differ by more than chance and enough to matter, and which rule makes them differ.

A gap is called when three things hold at once: its 95 % interval leaves zero out, its p-value is
below 0.05 after Holm's correction for all gaps of the table, and it is as large as `smallest`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from c2llm.evaluation.fairness.edits import COMPARED
from c2llm.evaluation.fairness.rules import ALL, NONE, RULES
from c2llm.evaluation.fairness.table import LEAST_CLUSTERS, LEAST_QUESTIONS, Floats, Group, Table
from c2llm.evaluation.statistics.cluster_effects import (
    Adjustment,
    Effect,
    adjusted_effect,
    holm,
    mean_effect,
)
from c2llm.evaluation.tables import interval, markdown_table, number, p_value, signed

SMALLEST_GAP = 0.03
"""NDCG@10: a third of a place at the top of one list in ten."""
_LEVEL = 0.05
_SHOWN_RULES = 3
_LEAST_OF_RULE = 0.005
_Scored = Callable[[str], Floats]


def fairness_report(
    results: Sequence[Mapping[str, Any]], *, smallest: float = SMALLEST_GAP
) -> dict[str, Any]:
    """All gaps and effects of edits.

    Args:
        results: of `measured`, each with `kind`: `repositories` or `functions`.
        smallest: NDCG@10 from which a gap matters.

    Returns:
        A JSON-ready object with `sections`, one a kind of data and system: `groups` and `edits`.
    """
    keys = dict.fromkeys((str(one["kind"]), str(one["system"])) for one in results)
    return {
        "metric": "ndcg_at_10",
        "smallest_gap": smallest,
        "sections": [
            _section(
                [one for one in results if (one["kind"], one["system"]) == key], *key, smallest
            )
            for key in keys
        ],
    }


def _section(
    results: Sequence[Mapping[str, Any]], kind: str, system: str, smallest: float
) -> dict[str, Any]:
    functions = kind != "repositories"
    table = Table(results, functions=functions)
    groups = [_group(table, group) for group in table.groups()]
    edits = _edits(results, functions)
    for entries in (groups, edits):
        _call(entries, smallest)
    return {
        "data": kind,
        "system": system,
        "trees": len(results),
        "questions": len(table.rows),
        "ndcg_at_10": {
            name: float(table.scores(name).mean()) if table.rows else None for name in (ALL, NONE)
        },
        "groups": [_told(entry) for entry in groups],
        "edits": [_told(entry) for entry in edits],
    }


def _group(table: Table, group: Group) -> dict[str, Any]:
    known = group.known
    clusters = [name for name, is_known in zip(table.clusters, known, strict=True) if is_known]
    inside = group.members[known].astype(np.float64)
    separate = min(
        table.clusters_of(group.members), table.clusters_of(known & ~group.members)
    )  # fmt: skip
    mine = [name for name, member in zip(table.clusters, group.members, strict=True) if member]

    adjustment = Adjustment(inside, table.held(group), clusters)

    def adjusted(scores: Floats) -> Effect | None:
        return adjustment.effect(scores[known]) if separate >= LEAST_CLUSTERS else None

    scores = table.scores(ALL)
    return {
        "attribute": group.attribute,
        "group": group.name,
        "n": int(group.members.sum()),
        "mean": float(scores[group.members].mean()),
        "interval": mean_effect(scores[group.members], mine)
        if separate >= LEAST_CLUSTERS
        else None,
        "plain": _plain(scores[known], inside, clusters, separate),
        **_by_rules(table.scores, adjusted),
    }


def _plain(scores: Floats, inside: Floats, clusters: Sequence[str], separate: int) -> Effect | None:
    """The group less the rest with nothing held."""
    if separate < LEAST_CLUSTERS:
        return None
    return adjusted_effect(scores, inside, np.ones((len(inside), 1)), clusters)


def _edits(results: Sequence[Mapping[str, Any]], functions: bool) -> list[dict[str, Any]]:
    entries = []
    for edit, base in COMPARED.items():
        pairs = [
            (f"{result['repository']} {row['question']}" if functions else result["repository"],
             row["scores"][edit], row["scores"][base])
            for result in results
            for row in result["edits"]
            if edit in row["scores"] and base in row["scores"]
        ]  # fmt: skip
        if len(pairs) < LEAST_QUESTIONS:
            continue
        clusters = [str(cluster) for cluster, *_ in pairs]

        def scored(
            variant: str, pairs: Sequence[tuple[str, dict[str, float], dict[str, float]]] = pairs
        ) -> Floats:
            return np.array([after[variant] - before[variant] for _, after, before in pairs])

        entries.append(
            {
                "edit": edit,
                "against": base,
                "n": len(pairs),
                "before": float(np.mean([before[ALL] for *_, before in pairs])),
                **_by_rules(scored, Adjustment(np.ones(len(pairs)), None, clusters).effect),
            }
        )
    return entries


def _by_rules(scores: _Scored, effect: Callable[[Floats], Effect | None]) -> dict[str, Any]:
    """An effect as it is, without any rule, and what each rule makes of it."""
    whole = scores(ALL)
    parts = {rule: effect(whole - scores(rule)) for rule in RULES}
    return {
        "effect": effect(whole),
        "without_rules": effect(scores(NONE)),
        "by_rules": effect(whole - scores(NONE)),
        "rules": {rule: part for rule, part in parts.items() if part is not None},
    }


def _call(entries: Sequence[dict[str, Any]], smallest: float) -> None:
    """Enter corrected p-values and which effects are called; the rules' parts likewise."""
    told = [entry for entry in entries if entry["effect"] is not None]
    for entry, corrected in zip(
        told, holm([entry["effect"].p_value for entry in told]), strict=True
    ):
        effect: Effect = entry["effect"]
        entry["p_holm"] = corrected
        entry["called"] = (
            effect.is_told and corrected < _LEVEL and abs(effect.value) >= smallest - 1e-12
        )
    # Which rule makes a gap is only asked where there is one.
    parts = [(entry, rule) for entry in told if entry["called"] for rule in entry["rules"]]
    values = holm([entry["rules"][rule].p_value for entry, rule in parts])
    for (entry, rule), corrected in zip(parts, values, strict=True):
        entry.setdefault("rules_p_holm", {})[rule] = corrected


def _told(entry: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-ready."""
    told = {
        name: asdict(value) if isinstance(value, Effect) else value for name, value in entry.items()
    }
    told["rules"] = {rule: asdict(part) for rule, part in entry["rules"].items()}
    return {"called": False, "p_holm": None, **told}


def fairness_markdown(report: Mapping[str, Any]) -> str:
    """The object of `fairness_report` as Markdown."""
    parts = [
        "NDCG@10 of the chunk list. *Gap*: the group less the rest. *Held*: the same with "
        "the other attributes held, and the repository where a group is a part of some. *No "
        "rules*: the same gap when only the retrievers' scores order the list. *By the rules*: "
        "what the ranker's rules add to it. A star marks what is called: the interval leaves zero "
        f"out, p after Holm is below {_LEVEL}, and it is {report['smallest_gap']} or more."
    ]
    for section in report["sections"]:
        scores = section["ndcg_at_10"]
        parts.append(f"## {section['data'].capitalize()}, {section['system']}")
        if not section["questions"]:
            parts.append("No question has its answer in the tree.")
            continue
        parts.append(
            f"{section['questions']} questions about {section['trees']} trees; "
            f"{number(scores[ALL])} with the rules, {number(scores[NONE])} without."
        )
        if section["groups"]:
            parts.append(_group_table(section["groups"]))
        if section["edits"]:
            parts.append("### The same code, edited")
            parts.append(_edit_table(section["edits"]))
        parts += _rule_table(section)
    return "\n\n".join(parts) + "\n"


def _group_table(groups: Sequence[Mapping[str, Any]]) -> str:
    header = ["by", "group", "n", "mean", "gap", "held", "p (Holm)", "no rules", "by the rules", ""]
    rows = [
        [
            group["attribute"],
            group["group"],
            str(group["n"]),
            number(group["mean"]),
            _cell(group["plain"]),
            _cell(group["effect"]),
            "" if group["p_holm"] is None else p_value(group["p_holm"]),
            _cell(group["without_rules"]),
            _cell(group["by_rules"]),
            "*" if group["called"] else "",
        ]
        for group in groups
    ]
    return markdown_table(header, rows)


def _edit_table(edits: Sequence[Mapping[str, Any]]) -> str:
    header = ["the file is", "against", "n", "before", "change", "p (Holm)"]
    header += ["no rules", "by the rules", ""]
    rows = [
        [
            edit["edit"],
            edit["against"],
            str(edit["n"]),
            number(edit["before"]),
            _cell(edit["effect"]),
            "" if edit["p_holm"] is None else p_value(edit["p_holm"]),
            _cell(edit["without_rules"]),
            _cell(edit["by_rules"]),
            "*" if edit["called"] else "",
        ]
        for edit in edits
    ]
    return markdown_table(header, rows)


def _rule_table(section: Mapping[str, Any]) -> list[str]:
    """Of what is called the rules that make most of it."""
    rows = []
    for entry in (*section["groups"], *section["edits"]):
        if not entry["called"]:
            continue
        parts = sorted(entry["rules"].items(), key=lambda part: -abs(part[1]["value"]))
        name = entry.get("edit") or f"{entry['attribute']}: {entry['group']}"
        for rule, part in parts[:_SHOWN_RULES]:
            if abs(part["value"]) >= _LEAST_OF_RULE:
                corrected = entry["rules_p_holm"][rule]
                rows.append([name, rule, _cell(part), p_value(corrected)])
    if not rows:
        return []
    header = ["what is called", "rule", "what the rule adds to it", "p (Holm)"]
    return ["### Which rules", markdown_table(header, rows)]


def _cell(effect: Mapping[str, Any] | None) -> str:
    if effect is None:
        return ""
    return f"{signed(effect['value'])} {interval(effect['low'], effect['high'])}"
