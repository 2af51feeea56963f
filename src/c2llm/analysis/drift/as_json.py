"""A report of drift as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2llm.analysis.changes.change import Change
from c2llm.analysis.drift.ranking import EFFECTS
from c2llm.analysis.drift.report import DriftReport, FunctionDrift, ValueChange
from c2llm.analysis.trees.code_tree import Function


def payload(
    report: DriftReport, limit: int | None, failed: Sequence[str], seconds: float
) -> dict[str, Any]:
    """The report.

    Args:
        report: What was found.
        limit: Functions, and values, at most; None for all.
        failed: What `--fail-on` says.
        seconds: How long it took.
    """
    effect = report.effect()
    return {
        "before": report.before,
        "after": report.after,
        "effect": None if effect is None else EFFECTS[effect],
        "files": report.files,
        "same_files": report.same_files,
        "not_compared": list(report.not_compared[:limit]),
        "moved_files": [
            {"before": one, "after": other} for one, other in report.moved_files[:limit]
        ],
        "counts": report.counts(),
        "functions": [_function(one) for one in report.functions[:limit]],
        "values": [_value(one) for one in report.values[:limit]],
        "failed": list(failed),
        "seconds": round(seconds, 3),
    }


def _function(one: FunctionDrift) -> dict[str, Any]:
    return {
        "effect": EFFECTS[one.effect],
        "weight": one.weight,
        "relation": one.relation,
        "reasons": list(one.reasons),
        "before": _place(one.before),
        "after": _place(one.after),
        "parts": [_place(part) for part in one.parts],
        "changes": [_change(change) for change in one.changes],
    }


def _place(function: Function | None) -> dict[str, Any] | None:
    if function is None:
        return None
    return {
        "path": function.path,
        "name": function.name,
        "scope": function.scope,
        "language": function.language,
        "start_line": function.start_line,
        "end_line": function.end_line,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "effect": EFFECTS[change.effect],
        "what": change.what,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "line_before": change.line_before,
        "line_after": change.line_after,
        "weight": change.weight,
    }


def _value(value: ValueChange) -> dict[str, Any]:
    return {
        "kind": value.kind,
        "name": value.name,
        "before": value.before,
        "after": value.after,
        "function": value.function,
        "path": value.path,
        "line": value.line,
        "weight": value.weight,
    }
