"""`c2llm patterns list`: the patterns that are looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from c2llm.cli.output import print_json, print_line, print_painted
from c2llm.cli.patterns.options import library_options
from c2llm.cli.streams import is_colored

if TYPE_CHECKING:
    from c2llm.analysis.patterns.pattern import Pattern


@click.command("list")
@library_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(patterns: Callable[[Sequence[Path]], tuple[Pattern, ...]], as_json: bool) -> None:
    """List the patterns that are looked for in this directory, the gravest first.

    Behind each stands how precise its hits were in public code, where that was measured.
    """
    from c2llm.analysis.pattern_report.as_json import pattern_row
    from c2llm.analysis.patterns.pattern import SEVERITIES
    from c2llm.cli.patterns.text import DIM, headline, painted

    found = sorted(
        patterns([Path.cwd()]),
        key=lambda one: (one.hint, -SEVERITIES.index(one.severity), one.name),
    )
    if as_json:
        print_json({"patterns": [pattern_row(one) for one in found]})
        return
    paint = partial(painted, is_colored())
    for one in found:
        print_painted(headline(one, paint) + "\n")
        if one.measured is not None:
            told = f"precision {one.measured.precision:.2f} of {one.measured.hits} hits"
            print_painted(f"       {paint(DIM, told)}\n")
    print_line(f"{len(found)} patterns; c2llm patterns show NAME tells all of one.")
