"""`c2llm search`: ask a repository, or several, a question."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from c2llm.cli.file_size import file_size_option
from c2llm.cli.numbers import count
from c2llm.cli.output import note, print_json, shell_quoted
from c2llm.cli.search_options import request_of, search_options
from c2llm.cli.streams import as_text, pasted
from c2llm.errors import UsageError

if TYPE_CHECKING:
    from c2llm.search.code_index import CodeIndex


# \b keeps click from joining the lines.
_EXAMPLES = """\b
Examples:
  c2llm search "where are retries backed off"
  c2llm search "parse toml" ~/src/project --lang python -k 5
  c2llm search Session.send --exclude "tests/*" --explain
  c2llm search "rate limit" api web worker          several repositories, one list
  c2llm search "token refresh" @work                a catalog (c2llm catalog --help)
  c2llm search --symbol parse -e "async def"        a name, in chunks with this pattern
  c2llm search "open file" --granularity function   whole functions
  c2llm search parse_toml --callers                 and who calls them
  cat error.log | c2llm search -                    a stack trace, or pasted code
  c2llm search momentum --where "sharpe > 1 and market = 'fx'" --sort -sharpe
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
    "--offset",
    type=int,
    default=0,
    metavar="N",
    help="Leave the first N results out: the next page of the same list.",
)
@click.option(
    "--background",
    is_flag=True,
    help="Afterwards, embed the rest in one process of low priority.",
)
@click.option(
    "--explain", is_flag=True, help="Say why each result is there; > marks lines that carry it."
)
@click.option("--callers", is_flag=True, help="Name who calls each result and imports its file.")
@click.option("--records", is_flag=True, help="Only code with records, which are told.")
@click.option("-l", "--paths-only", is_flag=True, help="Print the paths of the files, one a line.")
@click.option(
    "--vimgrep", is_flag=True, help="Print path:line:column:text, a line a result, for editors."
)
@click.option(
    "--max-tokens",
    type=count(),
    metavar="N",
    help="Whole code instead of snippets, as much as fits in about N tokens.",
)
@file_size_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("--jsonl", is_flag=True, help="Print one JSON object a result.")
@click.option("-i", "--interactive", is_flag=True, help="Type and see, with a preview.")
def command(
    query: str | None,
    paths: tuple[str, ...],
    model: str,
    background: bool,
    max_file_bytes: int | None,
    wait: bool,
    paths_only: bool,
    vimgrep: bool,
    as_json: bool,
    jsonl: bool,
    interactive: bool,
    **options: Any,
) -> None:
    """Ask a repository a question.

    QUERY is a question, some words, a name, a path with a line, pasted code or a stack trace; -
    reads it from standard input. PATH is a directory, by default this one; several are answered in
    one list, and @NAME is a catalog.

    What changed since the last search is indexed first. Words, names and the vectors of a small
    model cover everything; the large model embeds the chunks that matter to the question. The
    others get their vectors by `c2llm index --complete`, or by --background after the answer.
    """
    if as_json + jsonl + paths_only + vimgrep + interactive > 1:
        raise UsageError(
            "Choose one of --json, --jsonl, --paths-only, --vimgrep and --interactive."
        )
    if interactive and (background or options["max_tokens"] or options["offset"]):
        raise UsageError("-i takes neither --background, --max-tokens nor --offset.")
    if interactive:
        from c2llm.cli.interactive import browse

        start = [query] if query is not None else []
        browse([*start, *paths] or ["."], request_of("any", options), model)
        return
    started = time.perf_counter()
    request = request_of(_query(query, options), options)
    from c2llm.cli.config import without_notes_of_config
    from c2llm.cli.render import show, show_lines, show_paths, tell
    from c2llm.cli.search_targets import opened
    from c2llm.search.answering import answer
    from c2llm.search.answers.as_json import payload, results

    where = opened(
        paths,
        model,
        request.mode,
        max_file_bytes=max_file_bytes,
        wait=wait,
        question=request.text,
    )
    with where as indexes:
        found = without_notes_of_config(answer(indexes, request))
        if as_json:
            print_json(payload(found, time.perf_counter() - started))
        elif jsonl:
            for one in results(found):
                print_json(one)
        elif paths_only:
            show_paths(found.hits)
        elif vimgrep:
            show_lines(found, request.text)
        else:
            whole = request.max_tokens is not None
            show(
                found.hits,
                request.text,
                explain=request.explain,
                whole=whole,
                first=request.offset + 1,
                groups=found.groups,
            )
            if found.cut_off and not found.hits:
                note(f"The first one does not fit into {request.max_tokens} tokens.")
            _tell_new(indexes, request.mode, background=background)
        if not as_json:
            tell(found)
        if background and request.mode != "lexical":
            from c2llm.search import background_embedding

            for index in indexes:
                background_embedding.start(index)


def _query(query: str | None, options: Mapping[str, Any]) -> str:
    if query is None:
        if any(options[name] for name in ("where", "sort", "group_by", "records")):
            return ""
        raise UsageError("Say what you are looking for, or use -i to type and see.")
    if query == "-":
        return pasted()
    return as_text(query)


def _tell_new(indexes: Sequence[CodeIndex], mode: str, *, background: bool) -> None:
    """Say of indexes that this search has made what they hold; later ones are silent."""
    for index in indexes:
        if mode == "lexical" or not (index.is_new and index.is_kept):
            continue
        if index.unread_files or index.is_complete():
            continue
        counts = index.counts()
        others = f", all have vectors of {index.table_model}" if index.table_model else ""
        rest = "the rest follows in the background"
        if not background:
            rest = f"for the rest: c2llm index --complete {shell_quoted(index.root)}"
        where = f"{index.label}: " if index.label else ""
        note(
            f"{where}{counts.files} files indexed; {counts.embedded} of {counts.chunks} chunks "
            f"have vectors of {index.model}{others}; {rest}"
        )
