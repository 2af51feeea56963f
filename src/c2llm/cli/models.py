"""`c2llm models`: what is shipped."""

from __future__ import annotations

import click

from c2llm.cli.output import print_json, print_line
from c2llm.encoding.model_folder import DEFAULT_MODEL, open_folder, shipped_models


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(as_json: bool) -> None:
    """List the models that come with the package; any model folder works as well.

    Each has a card beside its weights with its sources, licence and measured quality.
    """
    rows = []
    for name, path in shipped_models().items():
        folder = open_folder(name)
        rows.append(
            {
                "name": name,
                "default": name == DEFAULT_MODEL,
                "engine": folder.engine,
                "dim": folder.dim,
                "max_tokens": folder.max_tokens,
                "megabytes": round(folder.file(folder.engine).stat().st_size / 1e6, 1),
                "path": str(path),
            }
        )
    if as_json:
        print_json({"models": rows})
        return
    print_line(f"{'name':<14}{'engine':<8}{'dim':>5}{'tokens':>8}{'MB':>7}  card")
    for row in rows:
        mark = "*" if row["default"] else " "
        print_line(
            f"{row['name']}{mark:<{14 - len(str(row['name']))}}{row['engine']:<8}{row['dim']:>5}"
            f"{row['max_tokens']:>8}{row['megabytes']:>7}  {row['path']}/README.md"
        )
    print_line("* is used unless --model names another, or a folder.")
