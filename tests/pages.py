"""Code blocks of a page of `docs/`, so that a test can run what a reader would paste."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, section: str, language: str = "python") -> list[str]:
    """Blocks of a language under one `## section`, in their order; none is an error."""
    text = (DOCS / page).read_text(encoding="utf-8")
    [body] = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    found = re.findall(rf"^```{language}\n(.*?)^```", body, re.M | re.S)
    assert found, f"{page} has no {language} under {section!r}"
    return found


def run(page: str, section: str, **names: Any) -> dict[str, Any]:
    """Run a section's Python in one namespace and return it; `names` are there beforehand.

    A block's last line, where it is an expression, is the namespace's `_`, as in a shell.
    """
    import ast

    namespace: dict[str, Any] = {"__name__": "__page__", **names}
    for block in blocks(page, section):
        tree = ast.parse(block)
        last = tree.body[-1]
        if isinstance(last, ast.Expr):
            target = ast.Name("_", ast.Store(), lineno=last.lineno, col_offset=0)
            tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
            ast.fix_missing_locations(tree)
        exec(compile(tree, f"{page}: {section}", "exec"), namespace)
    return namespace
