"""`c2llm index`: build or refresh the index of a repository."""

from __future__ import annotations

import time

import click

from c2llm.cli.file_size import file_size_option
from c2llm.cli.options.devices import device_options
from c2llm.cli.output import note, print_json, print_line, progress_bar, shell_quoted
from c2llm.encoding.model_folder import DEFAULT_MODEL

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm index                    search works at once; it embeds what its questions need
  c2llm index --complete         all vectors of the model now
  c2llm index ~/src/project --json
  c2llm index --rebuild .        when the index file is damaged
"""


@click.command("index", epilog=_EXAMPLES)
@click.argument("path", default=".", metavar="[PATH]")
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Name or folder of a model."
)
@device_options()
@click.option("--complete", is_flag=True, help="Give every chunk a vector of the model now.")
@click.option(
    "--background",
    is_flag=True,
    help="Make the vectors that are missing afterwards, in one process of low priority.",
)
@click.option("--rebuild", is_flag=True, help="Throw the present index away first.")
@file_size_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    path: str,
    model: str,
    complete: bool,
    background: bool,
    rebuild: bool,
    max_file_bytes: int | None,
    as_json: bool,
) -> None:
    """Build or refresh the index of a repository.

    PATH is a directory, by default this one. Only files that changed are read. Words, names and
    the vectors of the small table model cover everything at once; those of the large model come
    with --complete now, with --background later, or for the chunks that a question needs.
    Interrupted, the same command resumes where it stopped. Texts that any index of yours has
    embedded before, in another branch, worktree or clone, are not embedded again. The index is one
    file in your cache directory, which C2LLM_HOME moves; nothing is written into PATH.
    """
    from c2llm.search import background_embedding
    from c2llm.search.code_index import CodeIndex

    started = time.perf_counter()
    with CodeIndex.open(
        path,
        model,
        rebuild=rebuild,
        embed="candidates",
        preload=False,
        progress_bar=progress_bar,
        note=note,
        max_file_bytes=max_file_bytes,
    ) as index:
        report = index.last_refresh
        embedded = report.embedded + (index.complete() if complete else 0)
        index.build_graphs()
        in_background = background and not complete and background_embedding.start(index)
        counts = index.counts()
        seconds = time.perf_counter() - started
        if as_json:
            print_json(
                {
                    "root": str(index.root),
                    "index_file": str(index.file),
                    "model": index.model,
                    "table_model": index.table_model,
                    "files": counts.files,
                    "chunks": counts.chunks,
                    "embedded": counts.embedded,
                    "table": index.table_vectors(),
                    "changed_files": report.redone,
                    "new_vectors": embedded,
                    "in_background": in_background,
                    "took_ms": round(seconds * 1000, 1),
                }
            )
            return
        done = (
            f"{report.redone} changed files, {embedded} new vectors"
            if report.redone or embedded
            else "nothing had changed"
        )
        table = f" and {index.table_vectors()} of {index.table_model}" if index.table_model else ""
        print_line(
            f"{counts.files} files, {counts.chunks} chunks, {counts.embedded} with vectors of "
            f"{index.model}{table}; {done} ({seconds:.1f} s)"
        )
        if counts.embedded < counts.chunks:
            note(
                "The rest is being made in the background."
                if in_background
                else f"For all vectors: c2llm index --complete {shell_quoted(path)}"
            )
