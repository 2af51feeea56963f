"""`c2llm patterns [PATH]...`: look for patterns in trees."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.numbers import count
from c2llm.cli.output import print_json, print_line, progress_bar
from c2llm.printable import printable

if TYPE_CHECKING:
    pass

FOUND = 3


@click.command("search")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--only", multiple=True, metavar="NAME")
@click.option("--without", multiple=True, metavar="NAME")
@click.option("--library", "folders", multiple=True, type=click.Path(path_type=Path))
@click.option("--lang", "languages", multiple=True)
@click.option("--include", multiple=True, metavar="GLOB")
@click.option("--exclude", multiple=True, metavar="GLOB")
@click.option("--limit", type=count())
@click.option("--json", "as_json", is_flag=True)
def command(
    paths: tuple[str, ...],
    only: tuple[str, ...],
    without: tuple[str, ...],
    folders: tuple[Path, ...],
    languages: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Look for patterns."""
    from c2llm.analysis.pattern_report.as_json import payload
    from c2llm.analysis.patterns.library import chosen, library_for
    from c2llm.analysis.patterns.request import PatternsRequest
    from c2llm.analysis.patterns.searching import find_patterns
    from c2llm.cli.search_targets import opened
    from c2llm.encoding.model_folder import DEFAULT_MODEL

    started = time.perf_counter()
    request = PatternsRequest(languages, include, exclude)
    with opened(paths, DEFAULT_MODEL, "lexical", wait=True) as indexes:
        patterns = chosen(library_for([index.root for index in indexes], folders), only, without)
        report = find_patterns(indexes, patterns, request, progress_bar)
        shown = report.hits[:limit]
        if as_json:
            print_json(payload(report, shown, [], time.perf_counter() - started))
            return
        for hit in shown:
            print_line(printable(f"{hit.place}: {hit.pattern.severity} {hit.pattern.name}"))
