"""What IPython and its like add to a language: magics, shell lines, questions for help."""

from __future__ import annotations

import re
from collections.abc import Sequence

from c2llm.codebase.languages import detect_language, language_named

_CELL_MAGIC = re.compile(r"\s*%%(\w+!?)[ \t]*(.*)|\s*#!([\w-]+)[ \t]*(.*)|\s*%(\w+)[ \t]*(.*)")
_LANGUAGES = {
    "bash": "bash",
    "sh": "bash",
    "shell": "bash",
    "system": "bash",
    "cmd": "bash",
    "sql": "sql",
    "bigquery": "sql",
    "sparksql": "sql",
    "html": "html",
    "svg": "html",
    "javascript": "javascript",
    "js": "javascript",
    "typescript": "typescript",
    "latex": "tex",
    "markdown": "markdown",
    "md": "markdown",
    "perl": "perl",
    "ruby": "ruby",
    "r": "r",
    "julia": "julia",
    "scala": "scala",
    "python": "python",
    "python2": "python",
    "python3": "python",
    "pypy": "python",
    "pyspark": "python",
    "cython": "cython",
    "fortran": "fortran",
    "rust": "rust",
    "csharp": "csharp",
    "fsharp": "fsharp",
    "pwsh": "powershell",
    "cpp": "cpp",
    "cu": "cpp",
}
_DATABRICKS = frozenset("sql md sh scala r python".split())
"""There a single `%` at the head of a cell says its language."""
_SCRIPT = re.compile(r"(?:--\S+\s+\S+\s+)*(?:/\S*/)?(?:env\s+)?([a-z]+)")

# `!ls`, `%time f()`, `?help`, `help?`, `files = !ls`, `x = %sql ...`; and of Julia `;ls`, `]add X`.
_PYTHON = re.compile(
    r"\s*(?:[!%]|\?)|[^#'\"]*[\w\])]\?{1,2}\s*$|\s*[\w.,\[\]'\" ]+=\s*(?:!|%\w)", re.DOTALL
)
_JULIA = re.compile(r"\s*(?:;\s*\w|\]\s*\w|\?)")
_LONGEST = 1_000
"""Characters of a magic."""
_LINES = {"python": _PYTHON, "julia": _JULIA, "cpp": re.compile(r"\s*[!%?]")}


def cell_language(lines: Sequence[str], language: str) -> tuple[str, int]:
    """The language of a cell of code, and at which line its text begins.

    Args:
        lines: The cell's.
        language: The kernel's.
    """
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    match = _CELL_MAGIC.match(lines[first]) if lines else None
    if match is None:
        return language, 0
    magic, rest = (match[1] or match[3] or match[5]).lower(), match[2] or match[4] or match[6] or ""
    if match[5] and (magic not in _DATABRICKS or (rest and magic != "sql")):
        return language, 0  # `%time`: a magic of one line
    if magic in ("script", "sx", "system!"):
        found = _SCRIPT.match(rest)
        return (_LANGUAGES.get(found[1], "bash") if found else "bash"), first + 1
    if magic in ("writefile", "file"):
        named = rest.split()[-1:] or [""]
        return detect_language(named[0]) or "text", first + 1
    own = _LANGUAGES.get(magic)
    if own is None and match[3]:  # `#!lang` of a notebook with several kernels
        own = language_named(magic)
    return (own, first + 1) if own else (language, first + 1)


def without_magics(lines: Sequence[str], language: str) -> list[str]:
    """The lines for a parser: what is not in the language is blank, nothing is added or removed."""
    pattern = _LINES.get(language)
    if pattern is None:
        return list(lines)
    kept: list[str] = []
    goes_on = False
    for line in lines:
        begins = not goes_on and len(line) <= _LONGEST and pattern.match(line) is not None
        is_magic = begins or goes_on
        goes_on = is_magic and line.rstrip().endswith("\\")
        if begins and language == "python" and line[:1].isspace():  # a block wants a statement
            kept.append(line[: len(line) - len(line.lstrip())] + "pass")
        else:
            kept.append("" if is_magic else line)
    return kept
