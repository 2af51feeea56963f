"""`c2llm patterns check`: each positive example is found and each negative one is not."""

from __future__ import annotations

from pathlib import Path

import click

from c2llm.cli.output import print_json, print_line


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--library",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Patterns in this folder too; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.pass_context
def command(
    context: click.Context, names: tuple[str, ...], folders: tuple[Path, ...], as_json: bool
) -> None:
    """Hold the patterns against their own examples: all positive ones found, no negative one.

    NAME is a pattern, by default all of them. Exit code 1 where one fails.
    """
    from c2llm.analysis.patterns.checking import failures
    from c2llm.analysis.patterns.library import chosen, library_for

    patterns = chosen(library_for([Path.cwd()], folders), names, ())
    failed = failures(patterns)
    if as_json:
        rows = [
            {"pattern": one.pattern, "example": one.example, "number": one.number, "why": one.why}
            for one in failed
        ]
        print_json({"patterns": [one.name for one in patterns], "failed": rows})
    else:
        for one in failed:
            print_line(f"{one.pattern}: {one.example}[{one.number}] {one.why}")
        examples = sum(len(one.positive) + len(one.negative) for one in patterns)
        print_line(f"{len(patterns)} patterns, {examples} examples, {len(failed)} failed.")
    if failed:
        context.exit(1)
