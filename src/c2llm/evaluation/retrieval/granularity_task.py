"""Functions, classes and whole files as answers, made from any repository, by length.

What a comment says of a definition is the query; the comment is taken out of what is searched, or
the model would match a text with itself. `function` and `class` search among all definitions of
their kind, `file` asks with what is said of a function for the file that holds it: does the vector
of a file still know what stands in its middle? `file_window` asks the same and tells whether the
function begins within what the first model reads at once, or beyond: there a model that cuts its
input has not seen the answer, and one that reads windows has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from c2llm.codebase.doccomments import summary
from c2llm.codebase.files.walk import walk
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.syntax import Definition, definitions
from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.retrieval_task import (
    Document,
    Judgement,
    Query,
    RetrievalTask,
    assemble,
)
from c2llm.training.mining.pair_filters import (
    Limits,
    is_foreign,
    is_query,
    says_only_the_name,
    without_name,
)

WITHIN, BEYOND = "within the window", "beyond the window"
GROUPS = ("below 100 lines", "100 to 500 lines", "above 500 lines", WITHIN, BEYOND)
"""In the order in which reports show them."""
LONG_FAMILIES = ("file", "file_window")
"""The tasks whose documents are long, where windows and cutting differ."""

_FEWEST_LINES = 3
_LARGEST_FILE = 400_000
"""Bytes; beyond them stand tables and generated code."""

Reach = Callable[[str], int]
"""How many characters of a text a model reads at once."""


@dataclass(frozen=True, slots=True)
class _File:
    id: str
    text: str
    """Without the comments of all definitions."""
    language: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """A definition, and the query that asks for it if it has one."""

    id: str
    kind: str
    text: str
    query: str
    file_id: str
    offset: int
    """Where it begins in the file's text, in characters."""


def granularity_tasks(
    roots: Sequence[Path], *, reach: Reach | None = None, per_repository: int = 100
) -> list[RetrievalTask]:
    """The tasks over all the repositories together.

    Args:
        roots: directories.
        reach: of the first model; there is no `file_window` without it, nor where every function
            begins within it.
        per_repository: queries of each kind from one repository, those with the smallest hash.

    Raises:
        UsageError: for a root that is no directory.
        DataError: if nothing in them is documented.
    """
    files: list[_File] = []
    found: list[_Asked] = []
    limits = Limits()
    named: dict[str, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"{root} is not a directory; give the root of a repository.")
        name = root.resolve().name
        if named.setdefault(name, root.resolve()) != root.resolve():
            raise UsageError(f"{named[name]} and {root} have the same name; rename one of them.")
    for root in named.values():
        for file, asked in _read(root, limits):
            files.append(file)
            found.extend(asked)
    chosen = {
        kind: _chosen([each for each in found if each.kind == kind], per_repository)
        for kind in ("function", "class")
    }
    tasks = []
    for kind, asking in chosen.items():
        if asking:
            documents = [Document(each.id, each.text) for each in found if each.kind == kind]
            tasks.append(_task(kind, asking, documents, lambda each: each.id, _length))
    functions = chosen["function"]
    if functions:
        documents = [Document(file.id, file.text) for file in files]
        texts = {file.id: file.text for file in files}
        tasks.append(
            _task(
                "file",
                functions,
                documents,
                lambda each: each.file_id,
                lambda each: bucket(texts[each.file_id]),
            )
        )
        if reach is not None:
            windows = _window_task(functions, documents, texts, reach)
            if any(query.group == BEYOND for query in windows.queries):
                tasks.append(windows)
    if not tasks:
        raise DataError(
            f"{', '.join(map(str, roots))}: no function or class there has a comment to ask with."
        )
    return tasks


def bucket(text: str) -> str:
    """The length of a text in lines, as the reports group it."""
    lines = text.count("\n") + 1
    return GROUPS[(lines >= 100) + (lines > 500)]


def _length(asked: _Asked) -> str:
    return bucket(asked.text)


def _window_task(
    asking: Sequence[_Asked], documents: Sequence[Document], texts: dict[str, str], reach: Reach
) -> RetrievalTask:
    ends = {file_id: reach(texts[file_id]) for file_id in {each.file_id for each in asking}}
    return _task(
        "file_window",
        asking,
        documents,
        lambda each: each.file_id,
        lambda each: WITHIN if each.offset < ends[each.file_id] else BEYOND,
    )


def _task(
    name: str,
    asking: Sequence[_Asked],
    documents: Sequence[Document],
    answer: Callable[[_Asked], str],
    group: Callable[[_Asked], str],
) -> RetrievalTask:
    queries = [Query(each.id, each.query, group(each)) for each in asking]
    return assemble(
        name,
        sorted(queries, key=lambda query: GROUPS.index(query.group)),
        documents,
        [Judgement(each.id, answer(each)) for each in asking],
    )


def _chosen(found: Sequence[_Asked], most: int) -> list[_Asked]:
    """Of each repository those with the smallest hash; one of several that ask the same."""
    by_repository: dict[str, list[_Asked]] = {}
    seen: set[str] = set()
    for each in sorted(found, key=lambda each: hashlib.sha256(each.id.encode()).digest()):
        if each.query and each.query.casefold() not in seen:
            seen.add(each.query.casefold())
            by_repository.setdefault(each.id.partition("/")[0], []).append(each)
    return [each for group in by_repository.values() for each in group[:most]]


def _read(root: Path, limits: Limits) -> Iterator[tuple[_File, list[_Asked]]]:
    name = root.name
    for file in walk(root).files:
        if file.language not in GRAMMARS or is_foreign(file.path) or file.size > _LARGEST_FILE:
            continue
        try:
            source = file.read()
        except OSError:
            continue  # gone since the walk, or not ours to read
        found = definitions(source, file.language)
        text, starts = _without(source, [span for each in found for span in each.doc_spans])
        file_id = f"{name}/{file.path}"
        asked = {
            each.id: each
            for each in (_asked(each, source, text, starts, file_id, limits) for each in found)
            if each.text.count("\n") + 1 >= _FEWEST_LINES
        }
        yield _File(file_id, text, file.language), list(asked.values())


def _asked(
    definition: Definition,
    source: bytes,
    text: str,
    moved: Callable[[int], int],
    file_id: str,
    limits: Limits,
) -> _Asked:
    start, end = moved(definition.start_byte), moved(definition.end_byte)
    body = text[start:end].strip()
    query = without_name(summary(definition.doc, max_words=limits.words[1]), definition.name)
    if not is_query(query, limits) or says_only_the_name(
        query, definition.name, definition.scope, body
    ):
        query = ""
    return _Asked(
        f"{file_id}:{definition.line}:{definition.kind} {definition.name}",
        definition.kind,
        body,
        query,
        file_id,
        start,
    )


def _without(source: bytes, spans: Sequence[tuple[int, int]]) -> tuple[str, Callable[[int], int]]:
    """The text without some byte ranges, and where a byte has gone to, in characters of it."""
    kept: list[tuple[int, int]] = []
    position = 0
    for start, end in sorted(set(spans)):
        if start > position:
            kept.append((position, start))
        position = max(position, end)
    kept.append((position, len(source)))
    pieces = [source[start:end].decode("utf-8", "replace") for start, end in kept]
    lengths = [len(piece) for piece in pieces]

    def moved(byte: int) -> int:
        characters = 0
        for (start, end), length in zip(kept, lengths, strict=True):
            if byte < end:
                inside = source[start : max(byte, start)].decode("utf-8", "replace")
                return characters + len(inside)
            characters += length
        return characters

    return "".join(pieces), moved
