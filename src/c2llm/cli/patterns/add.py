"""`c2llm patterns add NAME --like FILE:LINE`: a pattern of your own, from code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json, print_line, print_painted, progress_bar, shell_quoted
from c2llm.cli.streams import is_colored
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.analysis.patterns.hit import Hit, PatternReport
    from c2llm.search.answers.similar_code import Specimen

_PAGE = 20

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm patterns add retry-storm --like src/net/client.py:42 --severity high
  c2llm patterns add retry-storm --like src/net/client.py:42 --negative src/net/retry.py:10
  c2llm patterns add price-as-float --like src/cart.py:7 --regex 'price\\s*=\\s*float'
"""


@click.command("add", epilog=_EXAMPLES)
@click.argument("name")
@click.option(
    "--like",
    "likes",
    multiple=True,
    required=True,
    metavar="FILE:LINE",
    help="Code that harms: the function around this line; repeatable.",
)
@click.option(
    "--negative",
    "negatives",
    multiple=True,
    metavar="FILE:LINE",
    help="Code that only looks like it; repeatable.",
)
@click.option(
    "--severity",
    type=click.Choice(["low", "medium", "high"]),
    default="medium",
    show_default=True,
    help="How much it harms.",
)
@click.option("--title", help="A line that names it.")
@click.option("--description", help="What it is and why it harms.")
@click.option("--regex", metavar="REGEX", help="What code has to match too; else meaning decides.")
@click.option(
    "--in",
    "within",
    multiple=True,
    metavar="PATH",
    help="Where to look at once; by default this directory. Repeatable.",
)
@click.option(
    "--library",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where to write it; by default .c2llm/patterns here.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    name: str,
    likes: tuple[str, ...],
    negatives: tuple[str, ...],
    within: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    severity: Any,
    **words: str | None,
) -> None:
    """Make the pattern NAME from code, write it as YAML, and show what else it finds.

    The example is the function around FILE:LINE. Its threshold is read from how much the functions
    here are like it; edit the file, add examples, and c2llm patterns check NAME holds it against
    them.
    """
    from c2llm.analysis.patterns.library import OWN_FOLDER
    from c2llm.analysis.patterns.request import PatternsRequest
    from c2llm.analysis.patterns.searching import find_patterns
    from c2llm.analysis.patterns.writing import LOOSEST, drafted, require_new, with_threshold, write
    from c2llm.cli.search_targets import opened_trees
    from c2llm.encoding.model_folder import DEFAULT_MODEL

    by_meaning = words.get("regex") is None
    positive = [_example(place, whole=by_meaning) for place in likes]
    negative = [_example(place, whole=by_meaning) for place in negatives]
    pattern = drafted(name, positive, negative, severity, **words)
    folder = folder or Path(OWN_FOLDER)
    require_new(name, folder)
    request = PatternsRequest(apart=())
    with opened_trees(within, DEFAULT_MODEL, "lexical", wait=True) as indexes:
        if pattern.find is None and not negative:
            loose = replace(pattern, threshold=LOOSEST)
            near = find_patterns(indexes, [loose], request, progress_bar)
            scores = [hit.score for hit in _others(near, indexes, positive)]
            pattern = with_threshold(pattern, scores)
        path, pattern = write(pattern, folder)
        report = find_patterns(indexes, [pattern], request, progress_bar)
        others = _others(report, indexes, positive)
    others.sort(key=lambda hit: -hit.score)
    if as_json:
        from c2llm.analysis.pattern_report.as_json import hit_row, pattern_row

        rows = [hit_row(hit) for hit in others]
        told = {"file": str(path), "threshold": pattern.threshold, "found": len(rows), "hits": rows}
        print_json(pattern_row(pattern) | told)
        return
    print_line(f"Written: {shell_quoted(path)}")
    from c2llm.cli.patterns.text import told as text

    shown = others[:_PAGE]
    report = replace(report, hits=tuple(others), apart=())
    for part in text(report, shown, len(others), new=False, colored=is_colored()):
        print_painted(part)
    note(f"Edit its description and advice, then: c2llm patterns check {name}")


def _example(place: str, *, whole: bool) -> tuple[Specimen, str]:
    """The code at a place, and its language.

    Args:
        place: `FILE:LINE`.
        whole: Whether it has to be a function, since meaning alone looks into nothing else.

    Raises:
        UsageError: There is no such place, or no function around it.
    """
    from c2llm.codebase.languages import detect_language
    from c2llm.search.answers.similar_code import specimen_at

    specimen = specimen_at(place)
    if whole and specimen.kind != "function":
        raise UsageError(
            f"{place} is in no function; name a line of one, or say what to look for (--regex)."
        )
    head = specimen.text[:512].encode(errors="replace")
    return specimen, detect_language(str(specimen.file), head) or "text"


def _others(report: PatternReport, indexes: Any, examples: list[tuple[Specimen, str]]) -> list[Hit]:
    """The hits that are not the examples themselves."""
    roots = {index.label: Path(index.root) for index in indexes}
    return [
        hit
        for hit in report.hits
        if not any(
            specimen.file == (roots[hit.repository] / hit.path).resolve()
            and specimen.start_line <= hit.end_line
            and hit.start_line <= specimen.end_line
            for specimen, _ in examples
        )
    ]
