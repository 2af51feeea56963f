"""Options that every verb has that answers with places in code, and the request they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.options.devices import device_options
from c2llm.encoding.model_folder import DEFAULT_MODEL

if TYPE_CHECKING:
    from c2llm.search.request import SearchRequest

Command = Callable[..., Any]

_OPTIONS = (
    click.option("-k", "k", type=int, show_default="10", help="Number of results."),
    click.option(
        "--mode",
        type=click.Choice(["hybrid", "dense", "lexical"]),
        default="hybrid",
        show_default=True,
        help="Words and vectors, vectors alone, or words alone (loads no model).",
    ),
    click.option("--lang", "languages", multiple=True, help="Only this language; repeatable."),
    click.option("--include", multiple=True, metavar="GLOB", help="Only paths like this."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="No paths like this."),
    click.option(
        "--granularity",
        type=click.Choice(["chunk", "function", "class", "file"]),
        default="chunk",
        show_default=True,
        help="What a result is; of a file its best chunk is shown.",
    ),
    click.option(
        "--wait",
        is_flag=True,
        help="Read all of a large tree first, instead of what smells of the question.",
    ),
    click.option(
        "--all",
        "siblings",
        is_flag=True,
        help="Near copies of a result in their places too, not behind what is different.",
    ),
    click.option(
        "--where",
        metavar="CONDITION",
        help='Only code whose records (c2llm records) meet this: "sharpe > 1 and live".',
    ),
    click.option(
        "--sort", metavar="COLUMN", help="By this column of their records; -COLUMN: largest first."
    ),
    click.option(
        "--among",
        type=int,
        metavar="N",
        help="Sort the N most relevant only; else all that may answer (similar: -k).",
    ),
    click.option("--group-by", metavar="COLUMN", help="Together what has the same in this column."),
    click.option(
        "--model", default=DEFAULT_MODEL, show_default=True, help="Name or folder of a model."
    ),
)


def search_options(command: Command) -> Command:
    """Add the options above, which stand before those that a verb has of its own."""
    command = device_options()(command)
    for option in reversed(_OPTIONS):  # the last one added stands first in --help
        command = option(command)
    return command


def request_of(query: str, given: Mapping[str, Any]) -> SearchRequest:
    """The request that the options of a verb make; what is no field of a request is not looked at.

    Raises:
        UsageError: an option is out of its bounds.
    """
    from dataclasses import fields

    from c2llm.search.request import SearchRequest

    names = {field.name for field in fields(SearchRequest)} - {"query"}
    return SearchRequest(query, **{name: given[name] for name in names & given.keys()})
