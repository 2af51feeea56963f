"""`c2llm similar`: code like a place in a file, or like pasted code."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.output import print_json
from c2llm.cli.search_options import search_options
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.search.answers.similar_code import Specimen

_MOST = 200_000
_EXAMPLES = """\b
Examples:
  c2llm similar src/net/retry.py:42              like the function around line 42
  c2llm similar src/net/retry.py:42 --in ../web --in ../worker
  c2llm similar src/net/retry.py:42 --in @work --lang go
  xclip -o | c2llm similar -                     like pasted code
"""


@click.command("similar", epilog=_EXAMPLES)
@click.argument("place", metavar="FILE:LINE")
@click.option(
    "--in", "within", multiple=True, metavar="PATH", help="Where to look; repeatable, or @NAME."
)
@search_options
@click.option("--explain", is_flag=True, help="Say why each result is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    place: str,
    within: tuple[str, ...],
    k: int,
    mode: str,
    languages: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    granularity: str,
    model: str,
    explain: bool,
    as_json: bool,
) -> None:
    """Find code like the function around FILE:LINE, or like pasted code (-).

    It is compared by meaning, so an answer may be in another language or repository.
    """
    from c2llm.cli.render import result, show, wants_color
    from c2llm.cli.search_targets import opened
    from c2llm.search.answers.similar_code import Specimen, as_query, similar, specimen_at

    if k < 1:
        raise UsageError(f"-k must be at least 1, not {k}.")
    if place == "-":
        text = sys.stdin.read(_MOST)
        if not text.strip():
            raise UsageError("Nothing came from standard input.")
        specimen = Specimen(text)
    else:
        specimen = specimen_at(place)
    started = time.perf_counter()
    with opened(within or (_home_of(specimen),), model, mode) as indexes:
        query = as_query(specimen)
        asked = [
            index.asked(query, mode, language=languages, include=include, exclude=exclude)  # type: ignore[arg-type]
            for index in indexes
        ]
        roots = [index.root for index in indexes]
        hits = similar(asked, roots, specimen, k=k, mode=mode, granularity=granularity)  # type: ignore[arg-type]
    took_ms = (time.perf_counter() - started) * 1000
    if not as_json:
        show(hits, specimen.text, explain=explain, color=wants_color(), whole=False)
        return
    print_json(
        {
            "file": None if specimen.file is None else str(specimen.file),
            "start_line": specimen.start_line,
            "end_line": specimen.end_line,
            "symbol": specimen.symbol,
            "took_ms": round(took_ms, 1),
            "results": [
                result(rank, hit, specimen.text, whole=False) for rank, hit in enumerate(hits, 1)
            ],
        }
    )


def _home_of(specimen: Specimen) -> str:
    """The working directory where the file is below it, else the repository that it is in."""
    if specimen.file is None or specimen.file.is_relative_to(Path.cwd()):
        return "."
    parents = specimen.file.parents
    return str(next((folder for folder in parents if (folder / ".git").exists()), parents[0]))
