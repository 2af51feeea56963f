"""Files to chunks, and a chunk to the text that is embedded for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from c2llm.codebase import filled_in
from c2llm.codebase.chunk import Chunk, Part
from c2llm.codebase.grammars import GRAMMARS
from c2llm.codebase.grammars.components import is_mixed, parts
from c2llm.codebase.grammars.keywords import has_keywords
from c2llm.codebase.identifiers import split_identifier
from c2llm.codebase.imports import imports
from c2llm.codebase.languages import family
from c2llm.codebase.markdown import Heading, outline
from c2llm.codebase.split import Atom, Sizes, line_atoms, outline_atoms, pack, syntax_atoms
from c2llm.codebase.syntax import Definition, definitions, outlined
from c2llm.codebase.syntax_tree import parse

if TYPE_CHECKING:
    from tree_sitter import Tree

# Directories that nearly every repository has say nothing about a file.
_PLAIN_DIRECTORIES = frozenset(
    {".", "java", "kotlin", "lib", "main", "scala", "source", "sources", "src"}
)
_PATH_WORDS = 16
_TEXT_LINES = 50
_MOST_NAMES = 100
_LONGEST_LINE = 5_000
_CUT_MARK = " …"
_KIND_OF_FAMILY = {"code": "module", "prose": "section", "config": "config"}


@dataclass(frozen=True, slots=True)
class _Label:
    """What a chunk is called."""

    kind: str
    symbol: str = ""
    scope: str = ""
    signature: str = ""
    definitions: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


_Labeller = Callable[[int, int], _Label]


class Cut(NamedTuple):
    """A file, cut."""

    chunks: list[Chunk]
    imports: tuple[str, ...]
    """The modules that it imports, as `codebase.imports` writes them."""


def cut_text(
    path: str,
    text: str,
    language: str | None,
    *,
    parsed: str | None = None,
    target_chars: int = 1500,
    max_chars: int = 2000,
) -> Cut:
    """Cut a file into chunks that follow its functions and classes, or headings, or paragraphs.

    The chunks do not overlap and hold every line that is not blank. Code that no grammar reads
    (unknown language, hostile nesting) is cut by lines. A line longer than `max_chars` is cut
    inside, so no chunk is longer than `max_chars`; one of more than 5,000 characters, which no
    person wrote, keeps its beginning alone.

    Args:
        path: Relative to the searched root, with `/`.
        text: The decoded file.
        language: Name as in `codebase.languages`; None is unknown text.
        parsed: The same lines for the parser, where some are not in the language.
        target_chars: Neighbours are merged up to this length.
        max_chars: Only a unit longer than this is cut inside.
    """
    lines = text.split("\n")
    is_cut = len(text) > _LONGEST_LINE and max(map(len, lines)) > _LONGEST_LINE
    kept = max_chars - len(_CUT_MARK)
    if is_cut:  # the syntax is that of the whole line
        lines = [x if len(x) <= _LONGEST_LINE else x[:kept] + _CUT_MARK for x in lines]
    sizes = Sizes.of(lines)
    language = language or "text"
    imported: tuple[str, ...] = ()
    if language == "markdown":
        spans, label = _markdown(lines, sizes, target_chars, max_chars)
    elif is_mixed(language):
        source = text.encode(errors="replace")
        spans, label, imported = _mixed(
            path, source, lines, sizes, language, target_chars, max_chars
        )
    else:
        read = language in GRAMMARS or has_keywords(language)
        parsed = parsed or (filled_in.readable(path, text, language) if read else None)
        source = (parsed or text).encode(errors="replace") if read else b""
        tree = parse(source, language)
        if tree is None and is_cut:  # a list of a hundred thousand numbers, say
            source = "\n".join(x if len(x) < kept else "" for x in lines).encode(errors="replace")
            tree = parse(source, language)
        spans, label = _code(source, tree, lines, sizes, language, target_chars, max_chars)
        if tree is not None:
            imported = imports(path, source, language, tree)
    chunks: list[Chunk] = []
    for start, end in spans:
        start, end = _without_blank_edges(lines, start, end)
        if start == end:
            continue
        named = label(start, end)
        for piece in _pieces("\n".join(lines[start:end]), max_chars):
            chunks.append(
                Chunk(
                    path=path,
                    start_line=start + 1,
                    end_line=end,
                    language=language,
                    kind=named.kind,
                    symbol=named.symbol,
                    scope=named.scope,
                    signature=named.signature,
                    definitions=named.definitions,
                    text=piece,
                    parts=named.parts,
                )
            )
    return Cut(chunks, imported)


def header(path: str, scope: str, signature: str) -> str:
    """The line above the code in what is embedded: words of the path, scope, signature.

    Training pairs and the index both come here, so a model is asked about what it has learned from.

    Example:
        >>> header("src/net/httpClient.py", "Session", "def get(self, url)")
        'net http client | Session | def get(self, url)'
    """
    return " | ".join(filter(None, (_path_words(path), scope, signature)))


@lru_cache(maxsize=256)
def _path_words(path: str) -> str:
    """The words of a path, without the directories that say nothing."""
    pure = PurePosixPath(path)
    parts = [part for part in pure.parts[:-1] if part not in _PLAIN_DIRECTORIES]
    words = [
        word
        for part in (*parts, pure.stem)
        for word in split_identifier(part.replace("-", "_").replace(".", "_"))
    ]
    return " ".join(list(dict.fromkeys(words))[-_PATH_WORDS:])


def embedding_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: its header, a newline, its code."""
    line = header_of(chunk)
    return f"{line}\n{chunk.text}" if line else chunk.text


def header_of(chunk: Chunk) -> str:
    """The line that what is embedded for a chunk begins with, or ""."""
    return header(chunk.path, chunk.scope, chunk.signature or chunk.symbol)


def _code(
    source: bytes,
    tree: Tree | None,
    lines: Sequence[str],
    sizes: Sizes,
    language: str,
    target: int,
    largest: int,
) -> tuple[list[tuple[int, int]], _Labeller]:
    """Spans along the syntax tree, or by paragraph where there is none."""
    kind = _KIND_OF_FAMILY.get(family(language), "text")
    if tree is None:
        found = outlined(source, language)
        if not found:
            return _paragraphs(lines, sizes, target, largest), lambda _start, _end: _Label(kind)
        starts = [entry.start_line - 1 for entry in found]
        atoms = outline_atoms(lines, sizes, starts, target, largest)
        spans = pack(atoms, sizes, target=target, largest=largest, small=target // 4)
        return spans, _Definitions(found, kind).label
    found = definitions(source, language, tree)
    held = {row for entry in found for row in range(entry.start_line, entry.line)}
    comments = frozenset(GRAMMARS[language].comments.split())
    atoms = syntax_atoms(tree, lines, sizes, largest, comments=comments, held=held)
    spans = pack(atoms, sizes, target=target, largest=largest, small=target // 4)
    return spans, _Definitions(found, kind).label


def _paragraphs(
    lines: Sequence[str], sizes: Sizes, target: int, largest: int
) -> list[tuple[int, int]]:
    """Spans of text that nothing reads."""
    return pack(
        list(line_atoms(lines, sizes, 0, len(lines), target)),
        sizes,
        target=target,
        largest=largest,
        small=target // 2,
        most_lines=_TEXT_LINES,
    )


def _mixed(
    path: str,
    source: bytes,
    lines: Sequence[str],
    sizes: Sizes,
    language: str,
    target: int,
    largest: int,
) -> tuple[list[tuple[int, int]], _Labeller, tuple[str, ...]]:
    """Spans of a file of several languages: code along its tree, the rest by paragraph."""
    kind = _KIND_OF_FAMILY.get(family(language), "text")
    found: list[Definition] = []
    imported: dict[str, None] = {}
    code: list[tuple[tuple[int, int], list[Atom]]] = []
    for part in parts(source, language):
        tree = parse(part.source, part.language)
        if tree is None:
            continue
        inner = definitions(part.source, part.language, tree)
        imported.update(dict.fromkeys(imports(path, part.source, part.language, tree)))
        found += inner
        held = {row for entry in inner for row in range(entry.start_line, entry.line)}
        comments = frozenset(GRAMMARS[part.language].comments.split())
        for span in part.lines:
            atoms = syntax_atoms(
                tree, lines, sizes, largest, comments=comments, held=held, within=span
            )
            code.append((span, atoms))
    if not found:
        spans = _paragraphs(lines, sizes, target, largest)
        return spans, lambda _start, _end: _Label(kind), tuple(imported)
    whole: list[Atom] = []
    position = 0
    for (start, end), atoms in sorted(code, key=lambda entry: entry[0]):
        if start < position:
            continue  # two on one line
        whole += line_atoms(lines, sizes, position, start, target)
        whole += [atom._replace(opens=atom.opens or atom.start == start) for atom in atoms]
        position = end
    whole += line_atoms(lines, sizes, position, len(lines), target)
    spans = pack(whole, sizes, target=target, largest=largest, small=target // 4)
    found.sort(key=lambda entry: (entry.start_byte, -entry.end_byte))
    return spans, _Definitions(found, kind).label, tuple(imported)


@dataclass(slots=True)
class _Definitions:
    """Names chunks; asked in the order of the file."""

    found: list[Definition]
    kind: str
    position: int = 0
    around: list[Definition] = field(default_factory=list)
    announced: list[Definition] = field(default_factory=list)
    """Those of which only the comment has been seen so far."""

    def label(self, start: int, end: int) -> _Label:
        """The first definition that starts in these lines, else the innermost around them.

        Of one whose comment is longer than a chunk, the comment bears its name; what defines it is
        the chunk of its own first line.
        """
        starting: list[Definition] = []
        while self.position < len(self.found) and self.found[self.position].start_line <= end:
            starting.append(self.found[self.position])
            self.position += 1
        self.around = [entry for entry in self.around if entry.end_line > start]
        seen = [*self.announced, *starting]
        defined = [entry for entry in seen if entry.line <= end]
        named = next(iter(defined or starting or self.around[-1:]), None)
        self.announced = [entry for entry in seen if entry.line > end]
        inside = [*self.around[-1:], *starting[:_MOST_NAMES]]
        self.around += [entry for entry in starting if entry.end_line > end]
        if named is None:
            return _Label(self.kind)
        return _Label(
            kind=named.kind,
            symbol=named.name,
            scope=named.scope,
            signature=named.signature,
            definitions=tuple(name for entry in defined[:_MOST_NAMES] for name in entry.spellings),
            parts=_several(
                [
                    Part(entry.name, entry.kind, entry.scope, entry.start_line, entry.end_line)
                    for entry in inside
                ]
            ),
        )


def _several(parts: list[Part]) -> tuple[Part, ...]:
    return tuple(parts) if len(parts) > 1 else ()


def _markdown(
    lines: list[str], sizes: Sizes, target: int, largest: int
) -> tuple[list[tuple[int, int]], _Labeller]:
    """A span is a section; long ones are cut between paragraphs, code blocks stay whole."""
    headings, blocks = outline(lines)
    inside = {line for block in blocks for line in range(block.start + 1, block.end)}
    starts = {heading.line for heading in headings}
    atoms: list[Atom] = []
    first = 0
    for line in range(1, len(lines) + 1):
        ends_paragraph = line == len(lines) or (not lines[line - 1].strip() and lines[line].strip())
        if (ends_paragraph and line not in inside) or line in starts:
            if sizes.size(first, line) > largest:
                atoms += line_atoms(lines, sizes, first, line, target)
            else:
                atoms.append(Atom(first, line, opens=first in starts))
            first = line
    spans = pack(atoms, sizes, target=target, largest=largest, small=target // 4)
    return spans, _Sections(headings).label


@dataclass(slots=True)
class _Sections:
    """Names chunks of prose by heading; asked in the order of the file."""

    headings: list[Heading]
    position: int = 0
    trail: list[Heading] = field(default_factory=list)

    def label(self, start: int, end: int) -> _Label:
        """The first heading in these lines, else the one they stand under."""
        starting: list[Heading] = []
        named: list[Heading] | None = None
        parts = [self._part(start)] if self.trail else []
        while self.position < len(self.headings) and self.headings[self.position].line < end:
            heading = self.headings[self.position]
            while self.trail and self.trail[-1].level >= heading.level:
                self.trail.pop()
            self.trail.append(heading)
            starting.append(heading)
            parts.append(self._part(heading.line))
            named = named or list(self.trail)
            self.position += 1
        named = named or self.trail
        ends = [*(part.start_line - 1 for part in parts[1:]), end]
        inside = [part._replace(end_line=last) for part, last in zip(parts, ends, strict=False)]
        return _Label(
            kind="section",
            symbol=named[-1].title if named else "",
            scope=" > ".join(heading.title for heading in named[:-1]),
            definitions=tuple(heading.title for heading in starting[:_MOST_NAMES]),
            parts=_several([part for part in inside if part.start_line <= part.end_line]),
        )

    def _part(self, start: int) -> Part:
        """The section that begins or goes on at a line, from 0."""
        scope = " > ".join(heading.title for heading in self.trail[:-1])
        return Part(self.trail[-1].title, "section", scope, start + 1, start + 1)


def _without_blank_edges(lines: Sequence[str], start: int, end: int) -> tuple[int, int]:
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return start, end


def _pieces(text: str, length: int) -> Iterator[str]:
    """The text in pieces of at most this length; more than one only for a long line."""
    for offset in range(0, len(text), length):
        yield text[offset : offset + length]
