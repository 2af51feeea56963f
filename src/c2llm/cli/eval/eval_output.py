"""What the evaluations share on the command line: options, lists of names, where a report goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from c2llm.cli.output import print_json, print_text
from c2llm.errors import DataError, UsageError


def report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `output` and `as_json`, which every evaluation has that goes on where it stopped."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    output = click.option(
        "--output", type=click.Path(path_type=Path), help="Keep results here and go on from them."
    )
    return output(as_json(command))


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
        keep(name, report, text, output)
    if as_json:
        print_json(report)
    else:
        print_text(text)


def keep(name: str, report: dict[str, Any], text: str, output: Path) -> None:
    """Keep a report as `NAME.json` and `NAME.md` in a directory.

    Raises:
        DataError: if they cannot be kept.
    """
    write_text(output / f"{name}.md", text)
    write_text(output / f"{name}.json", json.dumps(report, indent=1))


def write_text(path: Path, content: str) -> None:
    """Write a report's file, and the directory it lies in.

    Raises:
        DataError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise DataError(f"The report {path} cannot be written ({error.strerror}).") from error
