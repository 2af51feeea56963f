"""A report of patterns as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from c2llm.analysis.patterns.hit import Hit, PatternReport
from c2llm.analysis.patterns.pattern import SEVERITIES, Pattern


def payload(
    report: PatternReport, shown: Sequence[Hit], failed: Sequence[str], seconds: float
) -> dict[str, Any]:
    """The report as one JSON object.

    Args:
        report: All that was found.
        shown: The hits that are told in full.
        failed: Why `--fail-on` makes the command fail.
        seconds: How long it took.
    """
    counts = Counter(hit.pattern.severity for hit in report.hits)
    return {
        "files": report.files,
        "searched": report.searched,
        "patterns": [pattern_row(pattern) for pattern in report.patterns],
        "found": len(report.hits),
        "by_severity": {severity: counts[severity] for severity in reversed(SEVERITIES)},
        "by_pattern": dict(Counter(hit.pattern.name for hit in report.hits).most_common()),
        "apart": apart_counts(report),
        "hits": [hit_row(hit) for hit in shown],
        "notes": list(report.notes),
        "failed": list(failed),
        "seconds": round(seconds, 3),
    }


def apart_counts(report: PatternReport) -> dict[str, int]:
    """How many hits are told apart, by why."""
    counts = Counter("allowed" if hit.allowed is not None else hit.role for hit in report.apart)
    return {why: counts[why] for why in ("test", "generated", "allowed")}


def hit_row(hit: Hit) -> dict[str, Any]:
    """One hit."""
    return {
        "pattern": hit.pattern.name,
        "title": hit.pattern.title,
        "severity": hit.pattern.severity,
        "hint": hit.pattern.hint,
        "repository": hit.repository,
        "path": hit.path,
        "language": hit.language,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "start_column": hit.start_column,
        "end_column": hit.end_column,
        "symbol": hit.symbol,
        "lines": list(hit.lines),
        "basis": hit.basis,
        "score": hit.score,
        "margin": hit.margin,
        "role": hit.role,
        "allowed": hit.allowed,
        "fingerprint": hit.fingerprint,
    }


def pattern_row(pattern: Pattern) -> dict[str, Any]:
    """One pattern, without its examples."""
    measured = pattern.measured
    return {
        "name": pattern.name,
        "title": pattern.title,
        "severity": pattern.severity,
        "hint": pattern.hint,
        "languages": sorted(pattern.languages),
        "description": pattern.description.strip(),
        "advice": pattern.advice.strip(),
        "measured": measured
        and {"precision": measured.precision, "hits": measured.hits, "data": measured.data},
        "references": list(pattern.references),
        "tags": list(pattern.tags),
        "source": pattern.source,
    }
