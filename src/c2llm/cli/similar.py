"""`c2llm similar`: code like a place in a file, or like pasted code."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import print_json, print_line
from c2llm.cli.search_options import request_of, search_options
from c2llm.cli.streams import pasted
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.analysis.clones.clone_class import CloneClass
    from c2llm.search.answers.similar_code import Specimen

_EXAMPLES = """\b
Examples:
  c2llm similar src/net/retry.py:42              like the function around line 42
  c2llm similar src/net/retry.py:42 --in ../web --in ../worker
  c2llm similar src/net/retry.py:42 --in @work --lang go
  c2llm similar @work:acme/api/net/retry.py:42   a place as a search of @work shows it
  xclip -o | c2llm similar -                     like pasted code
  c2llm similar strategies/new.py:12 --records   how code like it did
"""


@click.command("similar", epilog=_EXAMPLES)
@click.argument("place", metavar="FILE:LINE")
@click.option(
    "--in", "within", multiple=True, metavar="PATH", help="Where to look; repeatable, or @NAME."
)
@search_options
@click.option(
    "--explain", is_flag=True, help="Say why each result is there; > marks lines that carry it."
)
@click.option(
    "--duplicates", is_flag=True, help="Look for duplicates, and tell which results are such."
)
@click.option(
    "--records",
    is_flag=True,
    help="Only code with records (c2llm records), and what they let expect of this.",
)
@click.option(
    "--vimgrep", is_flag=True, help="Print path:line:column:text, a line a result, for editors."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    place: str,
    within: tuple[str, ...],
    model: str,
    wait: bool,
    duplicates: bool,
    vimgrep: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find code like the function around FILE:LINE, or like pasted code (-).

    It is compared by meaning, so an answer may be in another language or repository. FILE may be
    one of a catalog (@NAME:REPOSITORY/FILE), which is then searched. Of a result
    that is written more than once its class of duplicates is told (see c2llm clones), where
    duplicates have been looked for since the last change, or --duplicates has it done now.
    """
    from c2llm.analysis.known_classes import classes_of_hits
    from c2llm.cli.config import without_notes_of_config
    from c2llm.cli.render import show, show_lines, tell
    from c2llm.cli.search_targets import opened
    from c2llm.search.answers.as_json import payload
    from c2llm.search.answers.similar_code import Specimen, as_query, similar
    from c2llm.search.code_index import CodeIndex

    if vimgrep and as_json:
        raise UsageError("Choose one of --json and --vimgrep.")
    specimen = Specimen(pasted()) if place == "-" else _specimen_at(place)
    started = time.perf_counter()
    request = request_of(as_query(specimen), options)
    paths = within or (_home_of(specimen),)
    with opened(paths, model, request.mode, wait=wait) as indexes:
        found = without_notes_of_config(similar(indexes, specimen, request))
        trees = [index for index in indexes if isinstance(index, CodeIndex)]
        classes = [] if vimgrep else classes_of_hits(trees, found.hits, look=duplicates)
        guesses = None
        if request.records and not vimgrep:
            from c2llm.analysis.records.neighbours import guesses_for

            guesses = guesses_for(trees, specimen, request)
    if not as_json:
        tell(found)
        if vimgrep:
            show_lines(found)
            return
        show(found.hits, specimen.text, explain=request.explain, whole=False, groups=found.groups)
        for line in _told(classes):
            print_line(line)
        if guesses is not None:
            from c2llm.cli.records.guesses import guess_lines

            for line in guess_lines(guesses):
                print_line(line)
        return
    told = payload(found, time.perf_counter() - started)
    for one, clone in zip(told["results"], classes, strict=True):
        if clone is not None:
            one["duplicates"] = {
                "id": clone.id,
                "type": clone.type,
                "similarity": round(clone.similarity, 4),
                "count": len(clone.members),
            }
    if guesses is not None:
        from c2llm.cli.records.guesses import guesses_as_json

        told |= guesses_as_json(guesses)
    del told["query"]
    of_specimen = {
        "file": None if specimen.file is None else str(specimen.file),
        "start_line": specimen.start_line,
        "end_line": specimen.end_line,
        "symbol": specimen.symbol,
    }
    print_json(of_specimen | told)


def _specimen_at(place: str) -> Specimen:
    """The code around a place on the disk, or in a repository of a catalog."""
    from c2llm.search.answers.similar_code import place_of, specimen_at, specimen_in
    from c2llm.search.catalog_opening import file_named, is_catalog, lines_kept
    from c2llm.search.target import KeptFile

    if not is_catalog(place):
        return specimen_at(place)
    path, line = place_of(place)
    if is_catalog(path):
        file = file_named(path)
        if file is None:
            raise UsageError(f"{path} is no file; give @NAME:REPOSITORY/FILE:LINE.")
        if isinstance(file, KeptFile):
            return specimen_in(file.path, lines_kept(file), line, file)
        path = str(file)
    return specimen_at(f"{path}:{line}")


def _told(classes: Sequence[CloneClass | None]) -> Iterator[str]:
    """A line for each class that results belong to."""
    ranks: dict[CloneClass, list[int]] = {}
    for rank, clone in enumerate(classes, 1):
        if clone is not None:
            ranks.setdefault(clone, []).append(rank)
    for clone, found in ranks.items():
        one = len(found) == 1
        yield (
            f"Result{'' if one else 's'} {', '.join(map(str, found))} "
            f"{'is one' if one else 'are'} of {len(clone.members)} places with the same code "
            f"(type {clone.type}, {100 * clone.similarity:.0f} %, class {clone.id}; c2llm clones)."
        )


def _home_of(specimen: Specimen) -> str:
    """The working directory where the file is below it, else the repository that it is in."""
    if specimen.file is None:
        return "."
    if not isinstance(specimen.file, Path):
        return f"@{specimen.file.catalog}"
    with suppress(FileNotFoundError):  # the working directory is gone
        if specimen.file.is_relative_to(Path.cwd()):
            return "."
    parents = specimen.file.parents
    return str(next((folder for folder in parents if (folder / ".git").exists()), parents[0]))
