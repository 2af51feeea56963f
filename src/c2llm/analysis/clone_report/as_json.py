"""A report of duplicates as JSON, the same for the command line, for programs and for the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from c2llm.analysis.clone_report.aligned_diff import Alignment, Piece, align
from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clone_report.selection import Finding, Selection
from c2llm.analysis.clones.clone_class import CloneClass, Member


def payload(
    selection: Selection, code: MemberCode, failed: Iterable[str], seconds: float, *, diff: bool
) -> dict[str, Any]:
    """A whole report as JSON.

    Args:
        selection: What is told.
        code: Reads members, for what differs.
        failed: The reasons to fail.
        seconds: The time since the command was given.
        diff: Whether to tell what differs between the members of each class.
    """
    report = selection.report
    return {
        "files": report.files,
        "lines": report.lines,
        "duplicated_lines": selection.duplicated_lines,
        "duplicated_percent": round(selection.share, 2),
        "since": selection.since,
        "baseline": selection.baseline,
        "classes_found": len(selection.findings),
        "by_type": {str(kind): count for kind, count in sorted(selection.by_type().items())},
        "apart": dict(sorted(selection.apart().items())),
        "offset": selection.offset,
        "failed": list(failed),
        "notes": list(report.notes),
        "took_ms": round(seconds * 1000, 1),
        "classes": [finding_json(one, code, diff=diff) for one in selection.shown],
    }


def finding_json(finding: Finding, code: MemberCode, *, diff: bool) -> dict[str, Any]:
    """One class as JSON; with what each member has that differs from the first, where asked."""
    clone = finding.clone
    told = class_json(clone)
    told["members"] = [
        member_json(member) | ({"added": True} if member in finding.added else {})
        for member in clone.members
    ]
    if diff:
        told["differs"] = [
            {"member": number, **alignment_json(aligned(clone.members[0], member, code))}
            for number, member in enumerate(clone.members[1:], 1)
        ]
    return told


def class_json(clone: CloneClass) -> dict[str, Any]:
    """A class as JSON."""
    return {
        "id": clone.id,
        "type": clone.type,
        "similarity": round(clone.similarity, 4),
        "role": clone.role,
        "tokens": clone.tokens,
        "saved_lines": clone.saved_lines,
        "members": [member_json(member) for member in clone.members],
    }


def member_json(member: Member) -> dict[str, Any]:
    """A place as JSON, with the names that an answer of a search has for it."""
    where = {"repository": member.repository} if member.repository else {}
    return {
        **where,
        "path": member.path,
        "start_line": member.start_line,
        "end_line": member.end_line,
        "language": member.language,
        "symbol": member.symbol,
    }


def aligned(one: Member, other: Member, code: MemberCode) -> Alignment:
    """Two members side by side."""
    return align(code.lines(one), code.lines(other), one.start_line, other.start_line)


def alignment_json(alignment: Alignment) -> dict[str, Any]:
    """What differs as JSON: the names that were replaced, and the lines that are not the same."""
    return {
        "renames": [
            {"from": one.left, "to": one.right, "count": one.count} for one in alignment.renames
        ],
        "lines": [
            {
                "kind": row.kind,
                "first_line": row.left_line or None,
                "member_line": row.right_line or None,
                "first": _text(row.left) if row.left_line else None,
                "member": _text(row.right) if row.right_line else None,
            }
            for row in alignment.rows
            if row.differs
        ],
    }


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces)
