"""Which patterns a command takes: options that several of the verbs have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from c2llm.analysis.patterns.pattern import Pattern

library_option = click.option(
    "--library",
    "folders",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    envvar="C2LLM_PATTERNS",
    help="Also the patterns in this folder; repeatable.",
)
_OPTIONS = (
    click.option(
        "--only",
        multiple=True,
        metavar="NAME",
        help="Only this pattern, or all of a severity; repeatable.",
    ),
    click.option(
        "--without",
        multiple=True,
        metavar="NAME",
        help="Not this pattern, or none of a severity; repeatable.",
    ),
    library_option,
)


def library_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets `patterns`, which reads those of some trees."""

    @wraps(command)
    def taking(
        *arguments: Any,
        only: Sequence[str],
        without: Sequence[str],
        folders: Sequence[Path],
        **options: Any,
    ) -> Any:
        def patterns(roots: Iterable[Path]) -> tuple[Pattern, ...]:
            from c2llm.analysis.patterns.library import chosen, library_for

            return chosen(library_for(roots, folders), only, without)

        return command(*arguments, patterns=patterns, **options)

    for option in reversed(_OPTIONS):
        taking = option(taking)
    return taking
