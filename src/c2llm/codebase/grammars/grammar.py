"""One row of the table of grammars: what a language calls a function, a class, a comment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grammar:
    """How definitions and their comments look in one language; node types with spaces between."""

    parser: str = ""
    """The grammar's name in the pack, where it is not the language's."""
    functions: str = ""
    """Node types of functions, methods, constructors, macros."""
    classes: str = ""
    """Node types of classes, structs, interfaces, modules, enums, tables."""
    namespaces: str = ""
    """Node types that only give their name to the scope of what is in them."""
    comments: str = "comment"
    """Node types of comments."""
    attributes: str = ""
    """Node types that may stand between a comment and the definition it documents."""
    patterns: str = ""
    """Query patterns for the definitions that a node type alone does not tell."""
    words: Mapping[str, frozenset[bytes]] = field(default_factory=dict)
    """Captures of `patterns` that must be one of these words for the match to count. (A predicate
    in the query would do it too, but reads the file from its start for each match.)"""
    names: tuple[tuple[str, str], ...] = ()
    """Names of the node types that carry none."""
    skips: frozenset[str] = frozenset()
    """Names that define nothing."""
    clauses: bool = False
    """A function may be written as several adjacent definitions of one name."""
    body_after: str = ""
    """Node type of a body that follows the definition's node instead of standing in it."""
    prepare: Callable[[bytes], bytes] | None = None
    """Makes a file readable for the parser without moving a byte."""
    named_by: Callable[[bytes, int], tuple[str, str] | None] | None = None
    """(owner, name) of the function at a byte of the file, where that is not for the tree to say;
    None leaves it to the tree."""
    dotted: bool = False
    """A dot is a letter of names like any other."""
    gap: int = 1
    """Newlines that may stand between a comment and what it documents."""
    patience: float = 1.0
    """How much longer than others the parser may take."""

    def query(self) -> str:
        """The tree-sitter query that captures all of it."""
        rows = [
            (self.functions, "function"),
            (self.classes, "class"),
            (self.namespaces, "namespace"),
            (self.comments, "comment"),
            (self.attributes, "attribute"),
        ]
        parts = [
            f"[{' '.join(f'({kind})' for kind in kinds.split())}] @{capture}"
            for kinds, capture in rows
            if kinds
        ]
        return "\n".join([*parts, self.patterns])


def spelled(rows: Mapping[str, str]) -> dict[str, frozenset[bytes]]:
    """`Grammar.words` from words with spaces between."""
    return {capture: frozenset(words.encode().split()) for capture, words in rows.items()}
