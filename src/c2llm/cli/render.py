"""Answers as text for people, or as paths; as JSON: `search/answers/as_json.py`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.output import note, print_painted
from c2llm.cli.streams import is_colored
from c2llm.printable import printable
from c2llm.search.answers.citation import also_in, elsewhere, place

if TYPE_CHECKING:
    from c2llm.search.answer import Hit, SearchAnswer
    from c2llm.search.answers.callers import Callers
    from c2llm.search.answers.with_records import Group
    from c2llm.search.explain.why import Why

BOLD, DIM, RESET = "\033[1m", "\033[2m", "\033[0m"
CYAN, GREEN, YELLOW = "\033[36m", "\033[32m", "\033[33m"
_LEAST_SHOWN = 0.005
_MOST_SHARES = 12
"""Of the parts of a score, and of the words of a query that are told with a hit."""


def _caller_lines(around: Callers) -> Iterator[str]:
    """The same for a reader; what is empty is left out."""
    for kind, verb in (("calls", "called by"), ("uses", "used by")):
        uses = [use for use in around.callers if use.kind == kind]
        if uses:
            told = (f"{use.path}:{use.line} {use.symbol}".rstrip() for use in uses)
            yield f"{verb} {', '.join(told)}"
    if around.imported_by:
        yield f"imported by {', '.join(around.imported_by)}"
    if around.imports:
        yield f"imports {', '.join(around.imports)}"


def _telling_lines(hit: Hit) -> frozenset[int]:
    """Numbers of the lines that carry a hit."""
    return frozenset(hit.why.lines[row].line for row in hit.why.telling_rows())


def _shares(why: Why) -> Iterator[str]:
    """What the score is made of, and what the words of the query have in it; the most first."""
    parts = [(f"{part.name} {part.of}".strip(), part.score) for part in why.parts]
    if parts:
        yield f"score: {_largest(parts)}"
    words = [(one.word, one.score) for one in why.words]
    if told := _largest(words):
        yield f"words: {told}"


def _largest(shares: Sequence[tuple[str, float]]) -> str:
    """Shares that two digits show, the largest first."""
    shown = [(name, score) for name, score in shares if abs(score) >= _LEAST_SHOWN]
    shown.sort(key=lambda share: -abs(share[1]))
    told = [f"{name} {score:.2f}" for name, score in shown[:_MOST_SHARES]]
    more = len(shown) - _MOST_SHARES
    return ", ".join([*told, f"{more} more"] if more > 0 else told)


def show(
    hits: Sequence[Hit],
    query: str,
    *,
    explain: bool,
    whole: bool,
    first: int = 1,
    groups: Sequence[Group] = (),
) -> None:
    """Print the answers for a reader at a terminal; they are counted from `first`."""
    from c2llm.search.answers.snippets import snippet

    color = is_colored()

    def paint(style: str, text: str) -> str:
        return f"{style}{text}{RESET}" if color else text

    if not hits:
        note("No result.")
    headings = dict(_headings(groups, first))
    for rank, hit in enumerate(hits, first):
        if rank in headings:
            print_painted(paint(BOLD, printable(headings[rank])) + "\n\n")
        cell = f"in cell {hit.cell}" if hit.cell else ""
        label = " ".join(part for part in (hit.kind, hit.symbol, cell) if part)
        lines = [
            f"{rank:>2}  {paint(BOLD + CYAN, printable(place(hit)))}  "
            f"{paint(GREEN, printable(label))}  {paint(DIM, f'{hit.score:.2f}')}"
        ]
        rows: Sequence[tuple[int | None, str]] = hit.rows()
        if not whole:
            part = snippet(hit, query)
            first_row = part.start_line - hit.start_line
            last_row = first_row + len(part.lines)
            numbers = [number for number, _ in rows[first_row:last_row]]
            rows = list(zip(numbers, part.lines, strict=True))
        code = [printable(line) for _, line in rows]
        if color:
            code = colored(code, hit.language)
        telling = _telling_lines(hit) if explain else frozenset()
        for (number, _), line in zip(rows, code, strict=True):
            gutter, style = f"{number or '':>6} │", DIM
            if number in telling:
                gutter, style = f">{number:>5} ┃", BOLD + YELLOW
            lines.append(f"{paint(style, gutter)} {line}".rstrip())
        if hit.places:
            lines.append(paint(DIM, f"       {printable(elsewhere(hit))}"))
        if hit.also:
            lines.append(paint(DIM, f"       {printable(also_in(hit))}"))
        if explain:
            told = ["; ".join(hit.why.reasons), *_shares(hit.why)]
            lines += [paint(DIM, f"       {printable(line)}") for line in told if line]
        if hit.callers is not None:
            around = _caller_lines(hit.callers)
            lines += [paint(DIM, f"       {printable(line)}") for line in around]
        if hit.records:
            from c2llm.index.store.imported.record_text import record_lines

            lines += [paint(DIM, f"       {printable(line)}") for line in record_lines(hit.records)]
        print_painted("\n".join(lines) + "\n\n")


def _headings(groups: Sequence[Group], first: int) -> Iterator[tuple[int, str]]:
    """The rank that each group begins with, and what stands above it."""
    for group in groups:
        yield first, f"{group.column} = {group.value} ({group.hits})"
        first += group.hits


def tell(answer: SearchAnswer) -> None:
    """Write to stderr what an answer has to say beside its hits."""
    if answer.request.explain and answer.reading:
        note(answer.reading)
    for sentence in answer.notes:
        note(sentence)
    if answer.unread:
        note("For an answer from all files: --wait")


def show_paths(hits: Sequence[Hit]) -> None:
    """Print the path of each file once, in the order of its best answer.

    Another program gets the bytes of a name, so that it finds the file; a terminal gets no control
    characters. A newline is escaped for both, since lines are what tells names apart.
    """
    for path in dict.fromkeys(
        (f"{hit.repository}/{hit.path}" if hit.repository else hit.path).replace("\n", "\\n")
        for hit in hits
    ):
        click.echo(printable(path) if sys.stdout.isatty() else os.fsencode(path))


def show_lines(answer: SearchAnswer, query: str | None = None) -> None:
    """Print `path:line:column:text` for each hit, as editors read it from grep.

    Paths are from the working directory, where the searched one is around it or below it, else
    whole; they are written as `show_paths` writes them.

    Args:
        answer: what was found.
        query: what the line is chosen by; None for the definition that a hit is called by.
    """
    from c2llm.search.answers.best_line import best_line

    folders = {
        index.label: _from_here(index.root)
        for index in answer.indexes
        if index.repositories is None
    }
    for hit in answer.hits:
        line = best_line(hit, hit.symbol if query is None else query)
        folder = folders.get(hit.repository, Path(hit.repository))  # of a catalog: by its name
        path = str(folder / hit.path).replace("\n", "\\n")
        text = f"{line.number}:{line.column}:{printable(line.text)}"
        seen = sys.stdout.isatty()
        click.echo(f"{printable(path)}:{text}" if seen else os.fsencode(path) + f":{text}".encode())


def _from_here(root: str) -> Path:
    """A directory as it is named from the working directory."""
    try:
        here = Path.cwd()
    except OSError:  # it is gone
        return Path(root)
    near = here.is_relative_to(root) or Path(root).is_relative_to(here)
    if not near or here == Path(here.anchor):
        return Path(root)
    return Path(os.path.relpath(root, here))


def colored(lines: Sequence[str], language: str) -> list[str]:
    """Lines of code with syntax colours for a terminal; as they are in an unknown language."""
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(_LEXERS.get(language, language), stripnl=False)
    except ClassNotFound:
        return list(lines)
    text = highlight("\n".join(lines), lexer, TerminalFormatter())
    painted: list[str] = text.rstrip("\n").split("\n")
    # A lexer may add or drop lines at the end; the numbers beside them must stay true.
    return painted if len(painted) == len(lines) else list(lines)


_LEXERS = {"csharp": "c#", "text": "text only", "tsx": "typescript", "sql": "sql"}
