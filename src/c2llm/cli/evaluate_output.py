"""What the evaluations share on the command line: lists of names, where a report goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from c2llm.cli.output import print_json
from c2llm.errors import DataError, UsageError


def names(values: Sequence[str]) -> list[str]:
    """Values of an option that may be repeated, each a list with commas."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def check_output(output: Path | None) -> None:
    """Make the directory that results go to.

    Raises:
        UsageError: if it cannot be made.
    """
    if output is None:
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{output} cannot be made a directory ({error.strerror}).") from error


def emit(
    name: str,
    report: dict[str, Any],
    markdown: Callable[[dict[str, Any]], str],
    output: Path | None,
    as_json: bool,
) -> None:
    """Print a report, and keep both its forms beside the results.

    Raises:
        DataError: if they cannot be kept.
    """
    text = markdown(report)
    if output is not None:
        try:
            (output / f"{name}.md").write_text(text, encoding="utf-8")
            (output / f"{name}.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        except OSError as error:
            raise DataError(f"The report cannot be kept in {output} ({error}).") from error
    if as_json:
        print_json(report)
    else:
        click.echo(text, nl=False)
