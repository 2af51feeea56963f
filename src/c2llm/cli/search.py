"""`c2llm search`: ask a repository, or several, a question."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.output import note, print_json
from c2llm.cli.search_options import search_options
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.query.filters import Restrictions

_MOST_QUERY = 200_000
_BUDGET_RESULTS = 50

# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm search "where are retries backed off"
  c2llm search "parse toml" ~/src/project --lang python -k 5
  c2llm search Session.send --exclude "tests/*" --explain
  c2llm search "rate limit" api web worker          several repositories, one list
  c2llm search "token refresh" @work                a workspace (c2llm workspace --help)
  c2llm search --symbol parse -e "async def"        a name, in chunks with this pattern
  c2llm search "open file" --granularity function   whole functions
  c2llm search parse_toml --callers                 and who calls them
  cat error.log | c2llm search -                    a stack trace, or pasted code
  c2llm search "how is auth done" --max-tokens 4000 --json     for an agent
  c2llm search -i                                   type and see
"""


@click.command("search", epilog=_EXAMPLES)
@click.argument("query", required=False)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@search_options
@click.option(
    "-e", "--regex", "pattern", metavar="REGEX", help="Only code in which this finds something."
)
@click.option("--symbol", is_flag=True, help="QUERY is a name; the same as 'sym:NAME'.")
@click.option("--recent", is_flag=True, help="What was changed recently comes first.")
@click.option(
    "--background/--no-background",
    default=True,
    show_default=True,
    help="Afterwards, embed the rest of a new repository at low priority.",
)
@click.option("--explain", is_flag=True, help="Say why each result is there.")
@click.option("--callers", is_flag=True, help="Name who calls each result and imports its file.")
@click.option("-l", "--paths-only", is_flag=True, help="Print the paths of the files, one a line.")
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    metavar="N",
    help="Whole code instead of snippets, as much as fits in about N tokens.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("--jsonl", is_flag=True, help="Print one JSON object a result.")
@click.option("-i", "--interactive", is_flag=True, help="Type and see, with a preview.")
def command(
    query: str | None,
    paths: tuple[str, ...],
    k: int,
    mode: str,
    languages: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    pattern: str | None,
    symbol: bool,
    recent: bool,
    granularity: str,
    model: str,
    background: bool,
    explain: bool,
    callers: bool,
    paths_only: bool,
    max_tokens: int | None,
    as_json: bool,
    jsonl: bool,
    interactive: bool,
) -> None:
    """Ask a repository a question.

    QUERY is a question, some words, a name, a path with a line, pasted code or a stack trace; -
    reads it from standard input. PATH is a directory, by default this one; several are answered in
    one list, and @NAME is a workspace.

    What changed since the last search is indexed first. Of a repository that is new, the chunks
    that matter to the question get vectors at once, and a process in the background makes the
    others (C2LLM_BACKGROUND=0 forbids it for good); `c2llm index --complete` makes them now.
    """
    if k < 1:
        raise UsageError(f"-k must be at least 1, not {k}.")
    if as_json + jsonl + paths_only + interactive > 1:
        raise UsageError("Choose one of --json, --jsonl, --paths-only and --interactive.")
    restrictions: Restrictions = {
        "language": languages,
        "include": include,
        "exclude": exclude,
        "pattern": pattern,
        "recent": recent,
    }
    if interactive:
        from c2llm.cli.interactive import browse

        start = [query] if query is not None else []
        browse([*start, *paths] or ["."], k, mode, granularity, restrictions, model)
        return
    text = _query(query, symbol=symbol)
    from c2llm.cli.render import result, show, show_paths, wants_color, within_budget
    from c2llm.cli.search_targets import answers, callers_of_hits, opened

    started = time.perf_counter()
    with opened(paths, model, mode) as indexes:
        wanted = k if max_tokens is None else max(k, _BUDGET_RESULTS)
        hits = answers(indexes, text, wanted, mode, granularity, restrictions)  # type: ignore[arg-type]
        if max_tokens is not None:
            hits = within_budget(hits, max_tokens)
        took_ms = (time.perf_counter() - started) * 1000
        whole = max_tokens is not None
        around = callers_of_hits(indexes, hits) if callers else None
        if as_json or jsonl:
            results = [
                result(rank, hit, text, whole=whole, around=one)
                for rank, (hit, one) in enumerate(
                    zip(hits, around or [None] * len(hits), strict=True), 1
                )
            ]
            if as_json:
                print_json(_payload(indexes, text, mode, results, took_ms))
            for one in results if jsonl else ():
                print_json(one)
        elif paths_only:
            show_paths(hits)
        else:
            show(hits, text, explain=explain, color=wants_color(), whole=whole, around=around)
        for index in indexes:
            in_background = False
            if background and mode != "lexical":
                from c2llm.search import background_embedding as completion

                in_background = completion.start(index)
            if not (as_json or jsonl or paths_only):
                _tell_missing(index, mode, in_background=in_background)


def _query(query: str | None, *, symbol: bool) -> str:
    if query is None:
        raise UsageError("Say what you are looking for, or use -i to type and see.")
    if query == "-":
        query = sys.stdin.read(_MOST_QUERY)
        if not query.strip():
            raise UsageError("Nothing came from standard input.")
    return f"sym:{query}" if symbol else query


def _payload(
    indexes: Sequence[CodeIndex],
    query: str,
    mode: str,
    results: list[dict[str, Any]],
    took_ms: float,
) -> dict[str, Any]:
    counts = [index.counts() for index in indexes]
    return {
        "query": query,
        "model": None if mode == "lexical" else indexes[0].model,
        "mode": mode,
        "index": {
            "files": sum(one.files for one in counts),
            "chunks": sum(one.chunks for one in counts),
            "embedded": sum(one.embedded for one in counts),
            "stale": sum(index.stale_files for index in indexes),
        },
        "took_ms": round(took_ms, 1),
        "results": results,
    }


def _tell_missing(index: CodeIndex, mode: str, *, in_background: bool) -> None:
    if mode == "lexical":
        return
    counts = index.counts()
    if counts.embedded == counts.chunks:
        return
    others = f", the others of {index.table_model}" if index.table_model else ""
    rest = (
        "the rest is being made in the background"
        if in_background
        else f"for all of them: c2llm index --complete {index.root}"
    )
    where = f"{index.label}: " if index.label else ""
    note(
        f"{where}{counts.embedded} of {counts.chunks} chunks have vectors of {index.model}{others};"
        f" {rest}"
    )
