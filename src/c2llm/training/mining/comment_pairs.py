"""Training pairs from code as it is: what people wrote about a piece of code, and the code.

Five sources, one `dataset` each: the documentation of a function (`docstring`), of a class
(`class`), the prose of a Markdown section over its code block (`section`), a test and the function
it tests (`test`, in `pairs_tests.py`), and the subject of a commit and its diff (`commit`, in
`pairs_commits.py`). The documentation is taken out of the code, or the model would learn to match a
text with itself. Two more come if asked for: a function's `name` and its `continuation`
(`pairs_code.py`).
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from c2llm.codebase.chunks import header
from c2llm.codebase.doccomments import summary
from c2llm.codebase.files.walk import SourceFile, walk
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.identifiers import words
from c2llm.codebase.languages import detect_language
from c2llm.codebase.markdown import CodeBlock, Heading, outline, plain
from c2llm.codebase.revisions.unpacked import checked_out
from c2llm.codebase.syntax import Definition, definitions
from c2llm.training.mining.code_pairs import code_pairs
from c2llm.training.mining.commit_pairs import commit_pairs
from c2llm.training.mining.mined_pair import KINDS, MORE_KINDS, MinedPair
from c2llm.training.mining.near_duplicates import NearDuplicates
from c2llm.training.mining.pair_filters import (
    Limits,
    is_document,
    is_foreign,
    is_query,
    is_vendored,
    says_only_the_name,
    section_query,
    without_name,
)
from c2llm.training.mining.test_pairs import TestLinks, is_test_function

_LONGEST = 20_000
"""Bytes of a definition."""


def mine_pairs(
    root: Path,
    limits: Limits | None = None,
    *,
    kinds: Collection[str] = KINDS,
    excluded: Callable[[str], bool] | None = None,
) -> Iterator[MinedPair]:
    """The pairs of one repository, in order of path, without duplicates.

    Vendored code and what `.gitignore` excludes are left out, and so are tests, but as queries.
    Over `limits.per_repository` pairs of a kind, those with the smallest content hash stay: the
    same choice on every machine, spread over the whole tree. Of commits, the newest stay.

    Args:
        root: A directory; of a bare repository, the files of its last commit are read.
        limits: What is worth training on.
        kinds: Which of `KINDS` are mined.
        excluded: Tells by path relative to root what else to leave out.
    """
    limits = limits or Limits()
    pairs: list[MinedPair] = []
    headers, tests = _Headers(), TestLinks()
    if set(kinds) - {"commit"}:
        with checked_out(root) as tree:
            for file in walk(tree).files:
                foreign = is_vendored(file.path) if "test" in kinds else is_foreign(file.path)
                if foreign or (excluded and excluded(file.path)):
                    continue
                links = tests if "test" in kinds else None
                of_file = list(_mine_file(file, limits, headers, links, kinds))
                for kind in {pair.dataset for pair in of_file}:
                    found = unique(pair for pair in of_file if pair.dataset == kind)
                    pairs.extend(sorted(found, key=_content_hash)[: limits.per_file])
    pairs.extend(headers.pairs(limits))
    pairs.extend(tests.pairs(limits))
    if "commit" in kinds:
        commits = commit_pairs(root, limits, excluded=excluded)
        pairs.extend(islice(commits, limits.per_repository))
    chosen: dict[str, list[MinedPair]] = {}
    for pair in sorted(unique(pairs), key=_content_hash):
        of_kind = chosen.setdefault(pair.dataset, [])
        if pair.dataset in kinds and len(of_kind) < limits.per_repository:
            of_kind.append(pair)
    kept = [pair for of_kind in chosen.values() for pair in of_kind]
    yield from sorted(kept, key=lambda pair: (pair.path, pair.symbol, pair.query))


def without_copies(pairs: Iterable[MinedPair], seen: NearDuplicates) -> Iterator[MinedPair]:
    """Those pairs whose document is no near copy of one that came before in its kind.

    Args:
        pairs: Any pairs; the first of similar ones stays.
        seen: What came before, filled while the result is read.
    """
    for pair in pairs:
        # A tested function may also be a documented one; the kind keeps the two apart.
        if not seen.add(pair.positive, pair.dataset):
            yield pair


def balanced(pairs: Sequence[MinedPair], commit_share: float) -> list[MinedPair]:
    """Pairs of which at most a share are commits; what else there is stays whole.

    A history grows for ever, the code that it led to does not: an old project has ten commits for
    each documented function, and a model that is trained on such a mix learns to find diffs. Which
    commits stay is decided by their content's hash, so it is the same on every machine and spread
    over the history. Pairs that are all commits stay as they are: there is nothing to weigh.

    Args:
        pairs: of one repository.
        commit_share: above 0; 1 keeps all.
    """
    commits = [pair for pair in pairs if pair.dataset == "commit"]
    others = len(pairs) - len(commits)
    if commit_share >= 1 or not others:
        return list(pairs)
    most = int(others * commit_share / (1 - commit_share))
    kept = set(sorted(map(_content_hash, commits))[:most])
    return [p for p in pairs if p.dataset != "commit" or _content_hash(p) in kept]


def unique(pairs: Iterable[MinedPair], seen: set[bytes] | None = None) -> Iterator[MinedPair]:
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


@dataclass(slots=True)
class _Headers:
    """C and C++ document a function where it is declared, in another file than its code."""

    declared: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(scope, name) to the queries of its documented prototypes."""
    defined: dict[tuple[str, str], list[MinedPair]] = field(default_factory=dict)
    """(scope, name) to undocumented functions; the query is still empty."""

    def pairs(self, limits: Limits) -> Iterator[MinedPair]:
        """Functions with the documentation of their prototype, where exactly one of each is."""
        for key, candidates in self.defined.items():
            queries = self.declared.get(key, set())
            if len(queries) == len(candidates) == 1 and is_document(candidates[0].positive, limits):
                yield replace(candidates[0], query=next(iter(queries)))


def _mine_file(
    file: SourceFile,
    limits: Limits,
    headers: _Headers,
    tests: TestLinks | None,
    kinds: Collection[str],
) -> Iterator[MinedPair]:
    if file.language not in GRAMMARS and file.language != "markdown":
        return
    try:
        source = file.read()
    except OSError:
        return  # gone since the walk, or not ours to read
    if file.language == "markdown":
        if not is_foreign(file.path):
            yield from _section_pairs(file.path, source.decode(errors="replace"), limits)
        return
    found = definitions(source, file.language)
    if tests is not None:
        _link_tests(file, source, found, tests)
    if not is_foreign(file.path):
        yield from _definition_pairs(file.path, source, file.language, found, limits, headers)
        if not set(MORE_KINDS).isdisjoint(kinds):
            yield from _code_pairs(file.path, source, file.language, found, limits, kinds)


def _link_tests(file: SourceFile, source: bytes, found: list[Definition], tests: TestLinks) -> None:
    """Tests of a test file, or functions of any other; Rust has both in one."""
    if is_foreign(file.path):
        tests.add_tests(file.path, source, file.language, found)
        return
    inside = []
    for definition in found:
        code = source[definition.start_byte : definition.end_byte]
        if len(code) > _LONGEST or definition.kind != "function":
            continue
        if file.language == "rust" and is_test_function(definition, code):
            inside.append(definition)
        else:
            tests.add_function(_pair("", file.path, source, file.language, definition))
    if inside:
        tests.add_tests(file.path, source, file.language, inside)


def _definition_pairs(
    path: str,
    source: bytes,
    language: str,
    found: list[Definition],
    limits: Limits,
    headers: _Headers,
) -> Iterator[MinedPair]:
    has_prototypes = language in ("c", "cpp")
    for definition in found:
        if definition.end_byte - definition.start_byte > _LONGEST:
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


def _code_pairs(
    path: str,
    source: bytes,
    language: str,
    found: list[Definition],
    limits: Limits,
    kinds: Collection[str],
) -> Iterator[MinedPair]:
    for definition in found:
        code = source[definition.start_byte : definition.end_byte]
        if definition.kind == "function" and len(code) <= _LONGEST:
            pair = _pair("", path, source, language, definition)
            line = source.rfind(b"\n", 0, definition.start_byte) + 1
            if source[line : definition.start_byte].strip():
                line = definition.start_byte
            written = textwrap.dedent(source[line : definition.end_byte].decode(errors="replace"))
            yield from code_pairs(pair, definition.scope, written, limits, kinds)


def _pair(query: str, path: str, source: bytes, language: str, definition: Definition) -> MinedPair:
    return MinedPair(
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


def _section_pairs(path: str, text: str, limits: Limits) -> Iterator[MinedPair]:
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
        positive = textwrap.dedent("\n".join(lines[block.inside])).strip("\n")
        if is_query(query, limits) and is_document(positive, limits):
            yield MinedPair(
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


def _content_hash(pair: MinedPair) -> bytes:
    return _hash("p", f"{pair.query}\0{pair.positive}")
