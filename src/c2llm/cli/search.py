"""`c2llm search`: ask a repository a question."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json, progress_bar
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.index.code_index import CodeIndex
    from c2llm.index.search import Hit

_BOLD, _DIM, _CYAN, _GREEN, _RESET = "\033[1m", "\033[2m", "\033[36m", "\033[32m", "\033[0m"


# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm search "where are retries backed off"
  c2llm search "parse toml" ~/src/project --lang python -k 5
  c2llm search Session.send --exclude "tests/*" --explain
  c2llm search "rate limit" --mode lexical --json | jq '.results[].path'
"""


@click.command("search", epilog=_EXAMPLES)
@click.argument("query")
@click.argument("path", default=".", metavar="[PATH]")
@click.option("-k", "k", type=int, default=10, show_default=True, help="Number of results.")
@click.option(
    "--mode",
    type=click.Choice(["hybrid", "dense", "lexical"]),
    default="hybrid",
    show_default=True,
    help="Words and vectors, vectors alone, or words alone (loads no model).",
)
@click.option("--lang", "languages", multiple=True, help="Only this language; may be repeated.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only paths like this.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="No paths like this.")
@click.option(
    "--granularity",
    type=click.Choice(["chunk", "function", "class", "file"]),
    default="chunk",
    show_default=True,
    help="What a result is; of a file only its best chunk is shown.",
)
@click.option("--model", default="c2llm-mini", show_default=True, help="Name or folder of a model.")
@click.option(
    "--background/--no-background",
    default=True,
    show_default=True,
    help="Afterwards, embed the rest of a new repository at low priority.",
)
@click.option("--explain", is_flag=True, help="Say why each result is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    query: str,
    path: str,
    k: int,
    mode: str,
    languages: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    granularity: str,
    model: str,
    background: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Ask a repository a question.

    QUERY is a question, some words or a name; PATH is a directory, by default this one. What
    changed since the last search is indexed first. Of a repository that is new, the chunks that
    matter to the question get vectors at once, and a process in the background makes the others
    (C2LLM_BACKGROUND=0 forbids it for good); `c2llm index --complete` makes them now.
    """
    if k < 1:
        raise UsageError(f"-k must be at least 1, not {k}.")
    if granularity in ("function", "class"):
        raise UsageError(f"--granularity {granularity} is not there yet; use chunk or file.")
    from c2llm.index.code_index import SEARCH_LOCK_SECONDS, CodeIndex

    started = time.perf_counter()
    with CodeIndex.open(
        path,
        model,
        embed="none" if mode == "lexical" else "candidates",
        progress_bar=progress_bar,
        note=note,
        lock_seconds=SEARCH_LOCK_SECONDS,
    ) as index:
        hits = index.search(
            query,
            k,
            mode,  # type: ignore[arg-type]  # click has checked it
            language=languages,
            include=include,
            exclude=exclude,
            granularity=granularity,  # type: ignore[arg-type]
        )
        took_ms = (time.perf_counter() - started) * 1000
        if as_json:
            print_json(_payload(index, query, mode, hits, took_ms))
        else:
            _print(query, hits, explain=explain, color=_wants_color())
        in_background = False
        if background and mode != "lexical":
            from c2llm.index import background as completion

            in_background = completion.start(index)
        if not as_json:
            _tell_missing(index, mode, path, in_background=in_background)


def _payload(
    index: CodeIndex, query: str, mode: str, hits: list[Hit], took_ms: float
) -> dict[str, Any]:
    from c2llm.index.snippet import snippet

    counts = index.counts()
    return {
        "query": query,
        "model": None if mode == "lexical" else index.model,
        "mode": mode,
        "index": {
            "files": counts.files,
            "chunks": counts.chunks,
            "embedded": counts.embedded,
            "stale": index.stale_files,
        },
        "took_ms": round(took_ms, 1),
        "results": [
            {
                "rank": rank,
                "path": hit.path,
                "start_line": hit.start_line,
                "end_line": hit.end_line,
                "language": hit.language,
                "kind": hit.kind,
                "symbol": hit.symbol,
                "score": round(hit.score, 4),
                "snippet": snippet(hit, query).text,
                "why": list(hit.why),
            }
            for rank, hit in enumerate(hits, 1)
        ],
    }


def _print(query: str, hits: list[Hit], *, explain: bool, color: bool) -> None:
    from c2llm.index.snippet import snippet

    def paint(style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if color else text

    if not hits:
        note("No result.")
    for rank, hit in enumerate(hits, 1):
        place = f"{hit.path}:{hit.start_line}-{hit.end_line}".replace("\n", "\\n")
        label = " ".join(part for part in (hit.kind, hit.symbol) if part)
        lines = [
            f"{rank:>2}  {paint(_BOLD + _CYAN, place)}  {paint(_GREEN, label)}"
            f"  {paint(_DIM, f'{hit.score:.2f}')}"
        ]
        shown = snippet(hit, query)
        for number, line in enumerate(shown.lines, shown.start_line):
            lines.append(f"{paint(_DIM, f'{number:>6} │')} {_printable(line)}")
        if explain:
            lines.append(paint(_DIM, f"       {'; '.join(hit.why)}"))
        sys.stdout.write("\n".join(lines) + "\n\n")


def _printable(line: str) -> str:
    """The line without control characters: a file must not steer the terminal."""
    return "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in line)


def _wants_color() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _tell_missing(index: CodeIndex, mode: str, path: str, *, in_background: bool) -> None:
    counts = index.counts()
    if mode == "lexical" or counts.embedded == counts.chunks:
        return
    others = f", the others of {index.table_model}" if index.table_model else ""
    rest = (
        "the rest is being made in the background"
        if in_background
        else f"for all of them: c2llm index --complete {path}"
    )
    note(
        f"{counts.embedded} of {counts.chunks} chunks have vectors of {index.model}{others}; {rest}"
    )
