"""Training pairs from code as it is: what people wrote about a piece of code, and the code.

Three sources, one `dataset` each: the documentation of a function (`docstring`), of a class
(`class`), and the prose of a Markdown section over its code block (`section`). The documentation
is taken out of the code, or the model would learn to match a text with itself.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from c2llm.codebase.chunks import header
from c2llm.codebase.doccomments import summary
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.identifiers import words
from c2llm.codebase.languages import detect_language
from c2llm.codebase.markdown import CodeBlock, Heading, outline, plain
from c2llm.codebase.pairfilters import (
    Limits,
    is_document,
    is_foreign,
    is_query,
    says_only_the_name,
    section_query,
    without_name,
)
from c2llm.codebase.syntax import Definition, definitions
from c2llm.codebase.walk import SourceFile, walk


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and the document that answers it."""

    query: str
    positive: str
    dataset: str
    language: str
    path: str
    symbol: str
    header: str
    """The line that is embedded above the document, as `chunks.header` makes it."""


def mine_pairs(
    root: Path, limits: Limits | None = None, *, excluded: Callable[[str], bool] | None = None
) -> Iterator[Pair]:
    """The pairs of one repository, in order of path, without duplicates.

    Tests, vendored code and what `.gitignore` excludes are left out. Over
    `limits.per_repository` pairs, those with the smallest content hash stay: the same choice on
    every machine, spread over the whole tree.

    Args:
        root: A directory.
        limits: What is worth training on.
        excluded: Tells by path relative to root what else to leave out.
    """
    limits = limits or Limits()
    pairs: list[Pair] = []
    headers = _Headers()
    for file in walk(root).files:
        if is_foreign(file.path) or (excluded and excluded(file.path)):
            continue
        found = unique(_mine_file(file, limits, headers))
        pairs.extend(sorted(found, key=_content_hash)[: limits.per_file])
    pairs = list(unique([*pairs, *headers.pairs(limits)]))
    kept = sorted(pairs, key=_content_hash)[: limits.per_repository]
    yield from sorted(kept, key=lambda pair: (pair.path, pair.symbol, pair.query))


def unique(pairs: Iterable[Pair], seen: set[bytes] | None = None) -> Iterator[Pair]:
    """Those pairs whose query and whose document have not come before.

    Args:
        pairs: Any pairs; the first of equals stays.
        seen: Hashes of what came before, filled while the result is read.
    """
    seen = set() if seen is None else seen
    for pair in pairs:
        keys = {_hash("q", _normal(pair.query)), _hash("d", "".join(pair.positive.split()))}
        if not keys & seen:
            seen |= keys
            yield pair


def count_by(pairs: Iterable[Pair]) -> Counter[tuple[str, str]]:
    """How many pairs each (dataset, language) has."""
    return Counter((pair.dataset, pair.language) for pair in pairs)


@dataclass(slots=True)
class _Headers:
    """C and C++ document a function where it is declared, in another file than its code."""

    declared: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(scope, name) to the queries of its documented prototypes."""
    defined: dict[tuple[str, str], list[Pair]] = field(default_factory=dict)
    """(scope, name) to undocumented functions; the query is still empty."""

    def pairs(self, limits: Limits) -> Iterator[Pair]:
        """Functions with the documentation of their prototype, where exactly one of each is."""
        for key, candidates in self.defined.items():
            queries = self.declared.get(key, set())
            if len(queries) == len(candidates) == 1 and is_document(candidates[0].positive, limits):
                yield replace(candidates[0], query=next(iter(queries)))


def _mine_file(file: SourceFile, limits: Limits, headers: _Headers) -> Iterator[Pair]:
    if file.language not in GRAMMARS and file.language != "markdown":
        return
    try:
        source = file.absolute.read_bytes()
    except OSError:
        return  # gone since the walk, or not ours to read
    if file.language == "markdown":
        yield from _section_pairs(file.path, source.decode(errors="replace"), limits)
    else:
        yield from _definition_pairs(file.path, source, file.language, limits, headers)


def _definition_pairs(
    path: str, source: bytes, language: str, limits: Limits, headers: _Headers
) -> Iterator[Pair]:
    has_prototypes = language in ("c", "cpp")
    for definition in definitions(source, language):
        if definition.end_byte - definition.start_byte > 20_000:
            continue
        query = summary(definition.doc, max_words=limits.words[1])
        query = without_name(query, definition.name)
        key = definition.scope, definition.name
        if not is_query(query, limits):
            if definition.kind == "function" and has_prototypes and not definition.doc:
                headers.defined.setdefault(key, []).append(
                    _pair("", path, source, language, definition)
                )
            continue
        pair = _pair(query, path, source, language, definition)
        if says_only_the_name(query, definition.name, definition.scope, pair.positive):
            continue
        if is_document(pair.positive, limits):
            yield pair
        elif has_prototypes and pair.positive.endswith(";"):
            headers.declared.setdefault(key, set()).add(query)


def _pair(query: str, path: str, source: bytes, language: str, definition: Definition) -> Pair:
    return Pair(
        query=query,
        positive=_without_doc(source, definition),
        dataset="docstring" if definition.kind == "function" else "class",
        language=language,
        path=path,
        symbol=definition.name,
        header=header(path, definition.scope, definition.signature),
    )


def _without_doc(source: bytes, definition: Definition) -> str:
    """The definition as it would read without its documentation."""
    start = source.rfind(b"\n", 0, definition.start_byte) + 1
    if source[start : definition.start_byte].strip():
        start = definition.start_byte
    pieces: list[bytes] = []
    for doc_start, doc_end in definition.doc_spans:
        line_start = source.rfind(b"\n", 0, doc_start) + 1
        line_end = source.find(b"\n", doc_end)
        line_end = len(source) if line_end < 0 else line_end + 1
        if source[line_start:doc_start].strip() or source[doc_end:line_end].strip():
            line_start, line_end = doc_start, doc_end
        pieces.append(source[start : max(line_start, start)])
        start = max(line_end, start)
    pieces.append(source[start : definition.end_byte])
    text = b"".join(pieces).decode(errors="replace")
    return textwrap.dedent(text.replace("\r\n", "\n").lstrip("\n")).rstrip()


def _section_pairs(path: str, text: str, limits: Limits) -> Iterator[Pair]:
    """Prose over a code block, with the heading it stands under."""
    lines = text.splitlines()
    headings, blocks = outline(lines)
    floor = 0
    for block in blocks:
        heading = _heading_above(headings, block)
        prose_start = max(floor, heading.line + 1 if heading else 0)
        floor = block.end
        language = detect_language(f"block.{block.info}") if block.info else None
        language = block.info if block.info in GRAMMARS else language
        if heading is None or language not in GRAMMARS:
            continue
        prose = _last_paragraph(lines[prose_start : block.start])
        query = section_query(heading.title, prose)
        positive = textwrap.dedent("\n".join(lines[block.start + 1 : block.end - 1])).strip("\n")
        if is_query(query, limits) and is_document(positive, limits):
            yield Pair(
                query=query,
                positive=positive,
                dataset="section",
                language=language,
                path=path,
                symbol=heading.title,
                header=header(path, "", ""),
            )


def _heading_above(headings: list[Heading], block: CodeBlock) -> Heading | None:
    above = [heading for heading in headings if heading.line < block.start]
    return above[-1] if above else None


def _last_paragraph(lines: list[str]) -> str:
    """The paragraph nearest to the block below it."""
    paragraph: list[str] = []
    for line in reversed(lines):
        if line.strip():
            paragraph.append(plain(line.strip().lstrip("-*>+ ")))
        elif paragraph:
            break
    return " ".join(reversed(paragraph))


def _normal(text: str) -> str:
    return " ".join(words(text))


def _hash(kind: str, text: str) -> bytes:
    return hashlib.blake2b(f"{kind}\0{text}".encode(errors="replace"), digest_size=12).digest()


def _content_hash(pair: Pair) -> bytes:
    return _hash("p", f"{pair.query}\0{pair.positive}")
