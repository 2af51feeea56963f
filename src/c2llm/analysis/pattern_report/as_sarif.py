"""A report of patterns as SARIF: a rule a pattern, a result a hit; the allowed are suppressed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from c2llm.analysis import sarif as logs
from c2llm.analysis.patterns.hit import Hit, PatternReport
from c2llm.analysis.patterns.pattern import Pattern

_LEVELS = {"low": "note", "medium": "warning", "high": "error"}
_SECURITY = {"low": "3.0", "medium": "5.5", "high": "8.0"}
"""As GitHub reads `security-severity`, for rules that name a weakness (CWE)."""
_PRECISIONS = ((0.9, "very-high"), (0.8, "high"), (0.5, "medium"))
_MOST_RESULTS = 25_000
"""Of a run; what reads SARIF refuses more."""


def sarif(
    report: PatternReport, hits: Sequence[Hit], prefixes: Mapping[str, str]
) -> dict[str, Any]:
    """Hits as one SARIF log.

    Args:
        report: What they are from.
        hits: Those that are told; the allowed ones of the report are told too, as suppressed.
        prefixes: See `analysis.sarif.log`.
    """
    numbers = {pattern.name: number for number, pattern in enumerate(report.patterns)}
    allowed = [hit for hit in report.apart if hit.allowed is not None and hit.role == "code"]
    told = [*hits, *(hit for hit in allowed if hit not in hits)][:_MOST_RESULTS]
    return logs.log(
        [_rule(pattern) for pattern in report.patterns],
        list(_results(told, numbers, prefixes)),
        {hit.repository for hit in told},
        prefixes,
        {"files": report.files},
    )


def _rule(pattern: Pattern) -> dict[str, Any]:
    advice = pattern.advice.strip() or pattern.description.strip()
    links = "".join(f"\n- <{link}>" for link in pattern.references)
    properties: dict[str, Any] = {"tags": ["pattern", *pattern.tags]}
    if pattern.measured is not None:
        is_at_least = [word for least, word in _PRECISIONS if pattern.measured.precision >= least]
        properties["precision"] = (*is_at_least, "low")[0]
    if any(tag.upper().startswith("CWE-") for tag in pattern.tags):
        properties["tags"].append("security")
        properties["security-severity"] = _SECURITY[pattern.severity]
    return {
        "id": pattern.name,
        "name": "".join(word.capitalize() for word in pattern.name.split("-")),
        "shortDescription": {"text": pattern.title.strip()},
        "fullDescription": {"text": pattern.description.strip()},
        "help": {
            "text": advice,
            "markdown": f"{pattern.description.strip()}\n\n{advice}\n{links}".rstrip(),
        },
        "defaultConfiguration": {"level": _level(pattern)},
        "properties": properties,
    }


def _level(pattern: Pattern) -> str:
    return "note" if pattern.hint else _LEVELS[pattern.severity]


def _results(
    hits: Sequence[Hit], numbers: Mapping[str, int], prefixes: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    seen: Counter[tuple[str, str, str]] = Counter()
    for hit in hits:
        pattern = hit.pattern
        key = hit.repository, hit.path, hit.fingerprint
        region = {
            "startLine": hit.start_line,
            "endLine": hit.end_line,
            "startColumn": max(1, hit.start_column),
            "endColumn": max(1, hit.end_column),
        }
        result: dict[str, Any] = {
            "ruleId": pattern.name,
            "ruleIndex": numbers[pattern.name],
            "kind": "fail",
            "level": _level(pattern),
            "message": {"text": f"{pattern.title.strip()}. {pattern.advice.strip()}".strip()},
            "locations": [logs.location(hit.repository, hit.path, region, hit.symbol, prefixes)],
            # The same code twice in a file is two results, the first and the second one.
            "partialFingerprints": {"patternHit/v1": f"{hit.fingerprint}:{seen[key]}"},
            "properties": {
                "basis": hit.basis,
                "score": hit.score,
                "margin": hit.margin,
                "role": hit.role,
                "hint": pattern.hint,
            },
        }
        seen[key] += 1
        if hit.allowed is not None:
            result["suppressions"] = [{"kind": "inSource", "justification": hit.allowed}]
        yield result
