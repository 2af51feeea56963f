"""`c2llm index`: build or refresh the index of a repository."""

from __future__ import annotations

import sys
import time

import click

from c2llm.cli.output import note, print_json, progress_bar

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm index
  c2llm index ~/src/project --json
  c2llm index --rebuild .        when the index file is damaged
"""


@click.command("index", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option("--model", default="c2llm-mini", show_default=True, help="Name or folder of a model.")
@click.option("--rebuild", is_flag=True, help="Throw the present index away first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(path: str, model: str, rebuild: bool, as_json: bool) -> None:
    """Build or refresh the index of a repository.

    PATH is a directory, by default this one. Only files that changed are read, and only chunks
    that have no vector are embedded; interrupted, the same command goes on where it stopped. The
    index is one file in your cache directory, which C2LLM_HOME moves; nothing is written into PATH.
    """
    from c2llm.index.code_index import CodeIndex

    started = time.perf_counter()
    with CodeIndex.open(
        path, model, rebuild=rebuild, progress_bar=progress_bar, note=note
    ) as index:
        counts = index.counts()
        report = index.last_refresh
        seconds = time.perf_counter() - started
        if as_json:
            print_json(
                {
                    "root": str(index.root),
                    "index_file": str(index.file),
                    "model": index.model,
                    "files": counts.files,
                    "chunks": counts.chunks,
                    "embedded": counts.embedded,
                    "changed_files": report.redone,
                    "new_vectors": report.embedded,
                    "took_ms": round(seconds * 1000, 1),
                }
            )
            return
        done = (
            f"{report.redone} changed files, {report.embedded} new vectors"
            if report.redone or report.embedded
            else "nothing had changed"
        )
        sys.stdout.write(
            f"{counts.files} files, {counts.chunks} chunks, {counts.embedded} with vectors of "
            f"{index.model}; {done} ({seconds:.1f} s)\n"
        )
