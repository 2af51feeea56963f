"""Bytes to a syntax tree, within a budget of time and memory.

A repository is hostile input, and parsers are C: on some twenty kilobytes of `a<a<a<` the one for
C# takes a gigabyte, on some lines the one for TypeScript never ends, on some characters the one for
bash reads past its tables. What costs too much has no tree, and its callers fall back to lines.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import thread_time
from typing import TYPE_CHECKING, Any

from c2llm.codebase.grammars import GRAMMARS

if TYPE_CHECKING:
    from tree_sitter import Language, Query, Tree

MAX_PARSE_BYTES = 4_000_000
"""Longer files are generated or data; a syntax tree takes some ten times their size."""

# Honest files read at 5 to 15 MB/s. Counted in processor time of this thread, by the place that
# the parser has reached: what a file gives must not depend on the load of the machine.
_PATIENCE_SECONDS = 0.5
_SECONDS_PER_BYTE = 4e-6
_CALLS_A_LOOK = 32
_MAX_GENERICS = 1000
# A query looks over all later siblings of a node.
_MAX_CHILDREN = 20_000
_BIG_NODE_BYTES = 20_000

_GENERIC_GRAMMARS = frozenset(
    {"cpp", "csharp", "java", "kotlin", "rust", "scala", "swift", "tsx", "typescript"}
)
# Scanners ask C's `isalpha` about characters beyond its table; far beyond it they crash.
_BEYOND_TABLES = re.compile(rb"[\xf0-\xff][\x80-\xbf]{0,3}")
_NOT_STATEMENT_SIGNS = bytes(set(range(256)) - set(b"<>{};"))


def parse(source: bytes, language: str) -> Tree | None:
    """The syntax tree of a file, or None when the language has no grammar or the file is too much.

    Too much is a file over `MAX_PARSE_BYTES`, or one that takes far longer than code of its size.
    The tree tells places; the text of a node is `source[node.start_byte : node.end_byte]`, never
    `node.text`, which reads through a callback that is gone.
    """
    if language not in GRAMMARS or len(source) > MAX_PARSE_BYTES:
        return None
    if language in _GENERIC_GRAMMARS and _has_bottomless_generics(source):
        return None
    from tree_sitter import Parser

    masked = source
    if not source.isascii():
        masked = _BEYOND_TABLES.sub(lambda match: b"x" * len(match[0]), source)
    grammar = GRAMMARS[language]
    if grammar.prepare is not None:
        masked = grammar.prepare(masked)
    start = reached = 0.0
    calls = 0
    whole = memoryview(masked)
    views: dict[int, memoryview] = {}

    def overdue(offset: int, _has_error: bool) -> bool:
        # No file is too small to be asked about: on some of twenty bytes a parser never ends.
        nonlocal reached, calls
        calls += 1
        if calls % _CALLS_A_LOOK:  # the parser calls at every hundredth step, the clock costs more
            return False
        reached = max(reached, offset)
        return thread_time() - start > grammar.patience * (
            _PATIENCE_SECONDS + _SECONDS_PER_BYTE * reached
        )

    def read(offset: int, _point: object) -> memoryview | None:
        # A scanner that asks for its column has the line read again, many times.
        view = views.get(offset)
        if view is None and offset < len(masked):
            view = views[offset] = whole[offset:]
        return view

    parser = Parser(grammar_and_query(language)[0])
    try:
        with _interrupts_wait():
            start = thread_time()
            tree = parser.parse(read, progress_callback=overdue)
    except ValueError:  # what py-tree-sitter raises when the callback says stop
        return None
    finally:
        for view in (*views.values(), whole):
            view.release()  # py-tree-sitter 0.26 never lets go of what `read` returned
    return None if _is_flat(tree) else tree


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Hold back Ctrl-C while the block runs: py-tree-sitter crashes if a callback raises."""
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    caught: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: caught.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if caught:
            previous(*caught[0])


@cache
def grammar_and_query(language: str) -> tuple[Language, Query]:
    """The grammar of a language and the compiled query of its row in `GRAMMARS`."""
    from tree_sitter import Query
    from tree_sitter_language_pack import get_language

    grammar = get_language(GRAMMARS[language].parser or language)
    return grammar, Query(grammar, GRAMMARS[language].query())


def _has_bottomless_generics(source: bytes) -> bool:
    """Whether `a<a<a<` goes on for a thousand levels within one statement; `<<` shifts."""
    if source.count(b"<") <= _MAX_GENERICS:
        return False
    depth = 0
    for sign in source.replace(b"<<", b"").translate(None, _NOT_STATEMENT_SIGNS):
        if sign in b"<":
            depth += 1
            if depth > _MAX_GENERICS:
                return True
        elif sign in b">":
            depth = max(0, depth - 1)
        else:
            depth = 0
    return False


def _is_flat(tree: Tree) -> bool:
    """Whether a node has more children than code ever has: data, or one error from end to end."""
    nodes = [tree.root_node]
    while nodes:
        node = nodes.pop()
        if node.child_count > _MAX_CHILDREN:
            return True
        nodes += [
            child for child in node.children if child.end_byte - child.start_byte > _BIG_NODE_BYTES
        ]
    return False
