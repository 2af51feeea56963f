"""What git says of the trees that are searched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.analysis.added_lines import Additions, additions_since
from c2llm.analysis.clone_report.what_is_new import DiffedTrees
from c2llm.codebase.git import Git

if TYPE_CHECKING:
    from c2llm.analysis.clone_report.member_code import MemberCode
    from c2llm.search.code_index import CodeIndex


def diffed_trees(indexes: Sequence[CodeIndex], since: str, code: MemberCode) -> DiffedTrees:
    """What is new in each tree since a revision of its own repository.

    Raises:
        UsageError: One has no such revision.
        DataError: Git does not read one.
    """
    return DiffedTrees(additions(indexes, since), code)


def additions(indexes: Sequence[CodeIndex], since: str) -> dict[str, Additions]:
    """What is new in each tree, by the label of its index.

    Raises:
        UsageError: One has no such revision.
        DataError: Git does not read one.
    """
    return {
        index.label: additions_since(Git(Path(index.root)), since, index.paths())
        for index in indexes
    }


def prefixes(indexes: Sequence[CodeIndex]) -> dict[str, str]:
    """Where in the one work tree of all indexes each is; nothing where they are of several."""
    gits = [Git(Path(index.root)) for index in indexes]
    tops = {git.line("rev-parse", "--show-toplevel") or str(git.root) for git in gits}
    if len(tops) > 1:
        return {}
    return {
        index.label: git.line("rev-parse", "--show-prefix") or ""
        for index, git in zip(indexes, gits, strict=True)
    }
