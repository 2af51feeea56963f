"""A function to its statements, by its grammar where there is one that reads it."""

from __future__ import annotations

from functools import lru_cache

from c2llm.analysis.changes.plain_reading import read_plain
from c2llm.analysis.changes.syntax_reading import read_syntax
from c2llm.analysis.changes.tokens import Reading
from c2llm.analysis.trees.code_tree import Function


@lru_cache(maxsize=2_000)
def reading_of(function: Function) -> Reading:
    """The statements of a function, or of what is outside of functions; not to be changed."""
    text, language, line = function.text, function.language, function.start_line
    is_member = bool(function.scope) and bool(function.name)
    found = read_syntax(text, language, line, is_member=is_member)
    return read_plain(text, language, line) if found is None else found
