"""`c2llm patterns show NAME`: one pattern, whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.output import print_json, print_painted
from c2llm.cli.patterns.options import library_option
from c2llm.cli.patterns.text import DIM, GREEN, RED, Paint, headline, painted
from c2llm.cli.streams import is_colored
from c2llm.printable import printable

if TYPE_CHECKING:
    from c2llm.analysis.patterns.pattern import Pattern


@click.command("show")
@click.argument("name")
@library_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(name: str, folders: tuple[Path, ...], as_json: bool) -> None:
    """Show the pattern NAME: what it is, what to do instead, examples, and how precise it is."""
    from c2llm.analysis.pattern_report.as_json import pattern_row
    from c2llm.analysis.patterns.library import chosen, library_for
    from c2llm.analysis.patterns.pattern import filter_rows

    (pattern,) = chosen(library_for([Path.cwd()], folders), [name], ())[:1]
    if as_json:
        examples = {
            kind: [{"language": one.language, "code": one.code} for one in some]
            for kind, some in (("positive", pattern.positive), ("negative", pattern.negative))
        }
        find = None if pattern.find is None else filter_rows(pattern.find)
        print_json(pattern_row(pattern) | examples | {"find": find, "threshold": pattern.threshold})
        return
    paint = partial(painted, is_colored())
    for line in _told(pattern, paint):
        print_painted(line + "\n")


def _told(pattern: Pattern, paint: Paint) -> Iterator[str]:
    yield headline(pattern, paint)
    yield ""
    yield from _text(pattern.description)
    if pattern.advice.strip():
        yield ""
        yield from _text(pattern.advice)
    yield ""
    languages = ", ".join(sorted(pattern.languages)) or "any language"
    how = "by meaning alone" if pattern.find is None else "by a filter and by meaning"
    yield f"Looked for in {languages}, {how}."
    if pattern.measured is not None:
        one = pattern.measured
        said = f"Precision {one.precision:.2f} of {one.hits} hits in {one.data.strip()}"
        yield printable(f"{said.rstrip('.')}.")
    for kind, some, colour in (
        ("found", pattern.positive, RED),
        ("not found", pattern.negative, GREEN),
    ):
        for snippet in some:
            yield ""
            yield paint(colour, f"{kind}, {snippet.language}:")
            yield from (f"    {printable(line)}" for line in snippet.code.rstrip().split("\n"))
    if pattern.references:
        yield ""
        yield from map(printable, pattern.references)
    yield ""
    yield paint(DIM, printable(pattern.source))


def _text(text: str) -> Iterator[str]:
    return (printable(line) for line in text.strip().split("\n"))
