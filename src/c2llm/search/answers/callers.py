"""Who uses a definition: found by name among the words of the index, told apart by syntax.

The lexical index knows which chunks spell a name, so nothing of this is stored. The files that have
it are put together again and parsed; what counts is the name as an identifier, neither in a comment
or a string nor where it is defined or imported. Of a name that several places define, those files
use this one that stand beside it or import its file (`graph`), and no others are told.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from posixpath import dirname
from typing import TYPE_CHECKING, Literal

from c2llm.codebase.syntax import definitions
from c2llm.codebase.syntax_tree import parse
from c2llm.codebase.words import normalized
from c2llm.index.store.imported.file_text import file_lines
from c2llm.search.query.roles import Role, roles_of
from c2llm.search.ranking.import_graph import Modules

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

    from c2llm.codebase.syntax import Definition
    from c2llm.index.store.chunk_store import ChunkStore

_MOST_FILES = 40
"""Files that are parsed for one definition."""
_MOST_SPELLING = 2_000
"""Files that spell a name; one that more do is a word."""
_MOST_PLACES = 200
"""Of a file in which the name stands."""
_CLIMB_IMPORT = 6
_CLIMB = 3
"""Nodes between a name and the call that it is the end of: `a.b.name(...)`."""
_CALLS = re.compile(
    r"(?<!fn)call(?!able)|invocation|creation|new_expression|command$|macro_invocation|apply"
)
_ARGUMENTS = re.compile(r"argument|call_suffix")
_OF_CALLEE = ("function", "method", "name", "constructor", "target", "macro", "type")
_MEMBERS = re.compile(
    r"member|attribute|field_expression|selector|scoped|qualified|navigation|access|dot|generic"
    r"|instance_expression|command_name|method_index|directly_assignable"
)
_NO_NAME = re.compile(r"string|comment|content|fragment|text|heredoc|char")
_IMPORTS = re.compile(r"import|include|use_|using_")


@dataclass(frozen=True, slots=True)
class Use:
    """A place that uses a definition."""

    path: str
    line: int
    symbol: str
    """The function or class around it, or ""."""
    kind: Literal["calls", "uses"]


@dataclass(frozen=True, slots=True)
class Callers:
    """What stands around a result."""

    callers: tuple[Use, ...]
    """Who uses what it defines: calls before other uses, code before tests."""
    imports: tuple[str, ...]
    """Paths of files that its file imports."""
    imported_by: tuple[str, ...]
    """Paths of files that import its file."""


class CallerFinder:
    """Answers for the results of one search in one index."""

    def __init__(self, store: ChunkStore, root: Sequence[str]) -> None:
        self._store = store
        files = store.files()
        self._language = {file.path: file.language for file in files}
        self._id_of = {file.path: file.id for file in files}
        modules = Modules(self._language, root)
        path_of = {file.id: file.path for file in files}
        self._imports: dict[str, list[str]] = {}
        self._imported_by: dict[str, list[str]] = {}
        for file_id, names in store.imports():
            path = path_of.get(file_id, "")
            self._imports[path] = modules.files(path, names)
            for other in self._imports[path]:
                self._imported_by.setdefault(other, []).append(path)
        self._parsed: dict[str, _Parsed] = {}

    def of(self, path: str, symbol: str, start: int, end: int, most: int = 5) -> Callers:
        """Who uses the definition at a place, what its file imports, and what imports it.

        Args:
            path: The file.
            symbol: The definition's name; "" where nothing is defined.
            start: Its first line.
            end: Its last one, inclusive.
            most: How many of each.
        """
        callers = sorted(
            self._uses(path, symbol, start, end),
            key=lambda use: (use.kind != "calls", self._is_test(use.path), use.path, use.line),
        )
        importers = sorted(
            self._imported_by.get(path, ()), key=lambda other: (self._is_test(other), other)
        )
        return Callers(
            tuple(callers[:most]),
            tuple(self._imports.get(path, ())[:most]),
            tuple(importers[:most]),
        )

    def _is_test(self, path: str) -> bool:
        return Role.TEST in roles_of(path, self._language.get(path, ""))

    def _uses(self, path: str, symbol: str, start: int, end: int) -> Iterator[Use]:
        name = re.split(r"[.:#\s]+", symbol)[-1]
        if len(name) < 2:
            return
        for other in self._spelled_in(name, path):
            parsed = self._parsed.get(other)
            if parsed is None:
                lines = file_lines(self._store, self._id_of[other])
                parsed = self._parsed[other] = _Parsed.of(lines, self._language[other])
            for line, kind, around in parsed.uses(name):
                if other != path or not start <= line <= end:
                    yield Use(other, line, around, kind)

    def _spelled_in(self, name: str, path: str) -> list[str]:
        """The files in which the name may mean the definition in this one, the nearest first."""
        found = self._store.files_that_spell(name, _MOST_SPELLING)
        spelled = [other for other in found if other in self._id_of]
        key = normalized(name)
        defining = self._store.facts(self._store.definitions([key]).get(key, ()))
        linked = set(self._imported_by.get(path, ()))
        linked.update(other for other in spelled if dirname(other) == dirname(path))
        if len({facts.file_id for facts in defining}) > 1:
            spelled = [other for other in spelled if other in linked]
        spelled.sort(key=lambda other: (other not in linked, self._is_test(other), other))
        return spelled[:_MOST_FILES]


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A file and where what is defined in it begins."""

    source: bytes
    tree: Tree | None
    definitions: list[Definition]
    starts: list[int]
    """(lines,), the byte at which each line begins."""

    @classmethod
    def of(cls, lines: Sequence[str], language: str) -> _Parsed:
        source = "\n".join(lines).encode(errors="replace")
        starts = [0, *(match.end() for match in re.finditer(b"\n", source))]
        tree = parse(source, language)
        found = definitions(source, language, tree) if tree is not None else []
        return cls(source, tree, found, starts)

    def uses(self, name: str) -> Iterator[tuple[int, Literal["calls", "uses"], str]]:
        """Line, kind and surrounding definition of each use of a name; of a line the first."""
        if self.tree is None:
            return
        encoded = name.encode(errors="replace")
        pattern = re.compile(rb"(?<![\w])" + re.escape(encoded) + rb"(?![\w])")
        naming = self._naming(name, pattern, self.tree.root_node)
        told = 0
        for count, match in enumerate(pattern.finditer(self.source)):
            line = bisect_right(self.starts, match.start())
            if count == _MOST_PLACES:
                return
            if line == told or match.start() in naming:
                continue
            node = _name_at(self.tree.root_node, match)
            if node is None or _is_imported(node):
                continue
            told = line
            yield line, "calls" if _is_called(node) else "uses", self._around(line)

    def _naming(self, name: str, pattern: re.Pattern[bytes], root: Node) -> set[int]:
        """Where definitions of the name spell it."""
        found: set[int] = set()
        for unit in self.definitions:
            if unit.name != name:
                continue
            for match in pattern.finditer(self.source, self.starts[unit.line - 1], unit.end_byte):
                if _name_at(root, match) is not None:
                    found.add(match.start())
                    break
        return found

    def _around(self, line: int) -> str:
        around = [unit for unit in self.definitions if unit.start_line <= line <= unit.end_line]
        if not around:
            return ""
        unit = min(around, key=lambda unit: unit.end_line - unit.start_line)
        return ".".join(part for part in (unit.scope, unit.name) if part)


def _name_at(root: Node, match: re.Match[bytes]) -> Node | None:
    """The name that stands there in code, None in a comment or a string."""
    node = root.descendant_for_byte_range(match.start(), match.end())
    if node is None or (node.start_byte, node.end_byte) != match.span():
        return None
    return None if _NO_NAME.search(node.type.lower()) else node


def _is_imported(node: Node) -> bool:
    """Whether a name stands in an import, or in a signature apart from what it is of."""
    for _ in range(_CLIMB_IMPORT):
        above = node.parent
        if above is None:
            return False
        if _IMPORTS.search(above.type) or above.type == "signature":
            return True
        node = above
    return False


def _is_called(node: Node) -> bool:
    """Whether a name is what a call calls: `name(...)`, `a.name(...)`, `new name(...)`."""
    end = node.end_byte
    for _ in range(_CLIMB):
        above = node.parent
        if above is None:
            return False
        kind = above.type.lower()
        if _CALLS.search(kind):
            callee = next(
                (c for field in _OF_CALLEE if (c := above.child_by_field_name(field))), None
            )
            callee = callee or above.named_child(0)
            return callee is not None and callee.start_byte <= node.start_byte < callee.end_byte
        if not _MEMBERS.search(kind) or above.end_byte != end:
            follows = node.next_sibling
            return follows is not None and bool(_ARGUMENTS.search(follows.type.lower()))
        node = above
    return False
