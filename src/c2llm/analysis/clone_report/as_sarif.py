"""A report of duplicates as SARIF 2.1.0, as code scanning and editors read it.

One result a class, at its first member or at the one that a diff adds, the others as related
locations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from c2llm.analysis import sarif as logs
from c2llm.analysis.clone_report.selection import Finding, Selection
from c2llm.analysis.clones.clone_class import CloneType, Member
from c2llm.printable import printable

_RULES: dict[CloneType, tuple[str, str, str]] = {
    # name, what it is, level
    1: ("ExactDuplicate", "The same code but for layout and comments.", "warning"),
    2: ("RenamedDuplicate", "The same code but for names and literals.", "warning"),
    3: ("NearDuplicate", "The same code with statements added, removed or changed.", "note"),
    4: ("SameBehaviour", "Other code that does the same.", "note"),
}
_MOST_RELATED = 100
"""Members that are listed in full: readers refuse results with thousands."""


def sarif(selection: Selection, prefixes: Mapping[str, str]) -> dict[str, Any]:
    """A report as one SARIF log.

    Args:
        selection: What is told.
        prefixes: For each label of an index of the one work tree that is `%SRCROOT%` the path of
            its directory there, "" or ending in `/`. Other labels are bases of their own.
    """
    kinds = sorted(_RULES)
    return logs.log(
        [_rule(kind) for kind in kinds],
        [
            _result(finding, kinds.index(finding.clone.type), prefixes)
            for finding in selection.shown
        ],
        {member.repository for finding in selection.shown for member in finding.clone.members},
        prefixes,
        {
            "files": selection.report.files,
            "lines": selection.report.lines,
            "duplicatedLines": selection.duplicated_lines,
        },
    )


def _rule(kind: CloneType) -> dict[str, Any]:
    name, text, level = _RULES[kind]
    return {
        "id": f"duplicate-type-{kind}",
        "name": name,
        "shortDescription": {"text": text},
        "defaultConfiguration": {"level": level},
        "help": {
            "text": "Keep one of the copies and use it from the other places, or take what they "
            "have in common into a function of its own."
        },
        "properties": {"tags": ["duplicate", "maintainability"]},
    }


def _result(finding: Finding, rule: int, prefixes: Mapping[str, str]) -> dict[str, Any]:
    clone, first = finding.clone, finding.first
    others = [member for member in clone.members if member is not first]
    links = "; ".join(
        f"[{logs.escaped(place(member))}]({number})" for number, member in enumerate(others[:5], 1)
    )
    more = f"; and {len(others) - 5} more" if len(others) > 5 else ""
    lines = first.end_line - first.start_line + 1
    what = _RULES[clone.type][1].rstrip(".").lower()
    return {
        "ruleId": f"duplicate-type-{clone.type}",
        "ruleIndex": rule,
        "kind": "fail",
        "level": _RULES[clone.type][2],
        "message": {"text": f"{lines} lines are {what} as in {links}{more}."},
        "locations": [_location(first, prefixes)],
        "relatedLocations": [
            {"id": number, **_location(member, prefixes), "message": {"text": "The other copy."}}
            for number, member in enumerate(others[:_MOST_RELATED], 1)
        ],
        "partialFingerprints": {"cloneClass/v1": clone.id},
        "properties": {
            "type": clone.type,
            "similarity": round(clone.similarity, 4),
            "members": len(clone.members),
            "savedLines": clone.saved_lines,
            "role": clone.role,
        },
    }


def _location(member: Member, prefixes: Mapping[str, str]) -> dict[str, Any]:
    region = {"startLine": member.start_line, "endLine": member.end_line}
    return logs.location(member.repository, member.path, region, member.symbol, prefixes)


def place(member: Member) -> str:
    """Where a member is, for a sentence."""
    where = f"{member.repository}/{member.path}" if member.repository else member.path
    return printable(f"{where}:{member.start_line}-{member.end_line}")
