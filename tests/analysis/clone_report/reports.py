"""Small trees with made-up reports about them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clones.clone_class import CloneClass, CloneReport, CloneType, Member, Role
from tests.trees import write_tree

FIRST = """def load(user, limit):
    total = 0
    for row in user.rows:
        if row.price > limit:
            total += row.price
    return total
"""
RENAMED = FIRST.replace("user", "customer").replace("load", "fetch").replace("row", "item")
CHANGED = RENAMED.replace("    return total\n", "    log(total)\n    return total\n")
OTHER = "def unrelated(x):\n    y = x * 2\n    print(y)\n    return [y, x]\n"


def member(path: str, start: int = 1, end: int = 6, symbol: str = "", label: str = "") -> Member:
    return Member(path, start, end, "python", symbol, label)


def clone(
    members: Sequence[Member],
    kind: CloneType = 2,
    *,
    role: Role = "code",
    id: str = "aa11",
    similarity: float = 1.0,
) -> CloneClass:
    lengths = [one.end_line - one.start_line + 1 for one in members]
    saved = sum(lengths) - max(lengths)
    return CloneClass(id, kind, similarity, tuple(members), 30, saved, role)


def report(
    classes: Sequence[CloneClass], apart: Sequence[CloneClass] = (), lines: int = 100
) -> CloneReport:
    covered = {
        (one.path, line)
        for found in classes
        for one in found.members
        for line in range(one.start_line, one.end_line + 1)
    }
    return CloneReport(tuple(classes), tuple(apart), 10, lines, len(covered))


def tree(folder: Path, files: dict[str, str]) -> MemberCode:
    write_tree(folder, dict(files))
    return MemberCode({"": folder.resolve()})
