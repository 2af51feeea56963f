"""The server: five tools for a coding agent, over whatever carries the protocol.

A call never holds up the others: it works in a thread of its own, and what takes longer than a
client waits for is answered from what there is by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import MCPServer, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.stdio import stdio_server
from mcp_types import ListRootsResult, ToolAnnotations
from pydantic import Field

from c2llm import __version__
from c2llm.encoding.model_folder import DEFAULT_MODEL
from c2llm.errors import C2LLMError, UsageError
from c2llm.printable import printable
from c2llm.search.request import Mode, SearchRequest
from c2llm.serving.mcp import tools
from c2llm.serving.mcp.answer_text import cut
from c2llm.serving.mcp.client_roots import client_roots, folders_of
from c2llm.serving.mcp.duplicates import asked_code, duplicates
from c2llm.serving.mcp.mended_lines import mended
from c2llm.serving.mcp.strict_tool import StrictTool
from c2llm.serving.open_catalogs import OpenCatalogs
from c2llm.serving.open_indexes import BusyError, OpenIndexes
from c2llm.serving.roots import Place, Roots

INSTRUCTIONS = (
    "Search of the user's code by meaning, names and words. Call `search` before grep, find or "
    "opening files whenever you do not know the exact name or place: one call gives the ranked "
    "code itself. Use grep to list every occurrence of an exact string. Paths in answers work in "
    "`read` and `similar`. The last line of an answer says which commit and files it is from."
)
SEARCH = (
    "Find code: a question, names, an error message or a stack trace. Returns path:lines, symbol "
    "and code, best first. Use instead of grep for 'where/how is X done'."
)
SIMILAR = "Find code like the function around path:line, in any language; duplicates, variants."
DUPLICATES = (
    "Before you write a function: give its `code`, and get the functions that do it already (type "
    "1 same, 2 renamed, 3 changed, 4 same behaviour). Or a file's `path` and `line`: its copies."
)
READ = "Read lines of a file that an answer names (200 by default). Secrets are refused."
STATUS = "What is indexed, changed since, embedded and left out. Searching refreshes by itself."

Where = Annotated[
    str | None, Field(description="Directory, file, @catalog or @catalog:repo; default: all roots.")
]
MaxTokens = Annotated[int, Field(description="Size of the answer.")]
Languages = Annotated[list[str] | None, Field(description="Such as python, go.")]
Condition = Annotated[
    str | None, Field(description="Imported metrics: sharpe > 1 and market = 'fx'.")
]
Sort = Annotated[str | None, Field(description="Metric; -METRIC: largest first.")]
Include = Annotated[list[str] | None, Field(description="Globs of paths.")]
ClientRoots = Annotated[ListRootsResult, Resolve(client_roots)]

_PATIENCE_SECONDS = 6.0
"""After which a client is answered from what there is: some give up after ten."""
_LAST_PATIENCE = 1.5
"""So many times as long where there is nothing yet: then the call ends with what to do."""
_MOST_AT_WORK = 8
"""Calls at work at once; the others wait."""
_IDLE_CHECK_SECONDS = 60.0
_MOST_TOKENS_OF_A_MISTAKE = 400


class CodeSearchServer(MCPServer[None]):
    """The server and the indexes that it holds open.

    Args:
        roots: The directories that may be asked about; where there are none, those of the client.
        model: Name or folder of the embedding model.
        asks_for_roots: Whether a client may name directories of its own.
        catalogs: Names of the catalogs that may be asked, None for all of this user.
        patience: Seconds after which a call is answered from what there is.
    """

    def __init__(
        self,
        roots: Sequence[Path] = (),
        model: str = DEFAULT_MODEL,
        *,
        asks_for_roots: bool = True,
        catalogs: Collection[str] | None = None,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self.asks_for_roots = asks_for_roots and not roots
        self.indexes = OpenIndexes(model)
        self.catalogs = OpenCatalogs(model=model)
        self._roots = roots
        self._open_catalogs = catalogs
        self._patience = patience
        self._threads = ThreadPoolExecutor(_MOST_AT_WORK, "c2llm-call")
        read_only = ToolAnnotations(
            read_only_hint=True, idempotent_hint=True, open_world_hint=False
        )
        described = (
            (self.search, SEARCH),
            (self.similar, SIMILAR),
            (self.duplicates, DUPLICATES),
            (self.read, READ),
            (self.status, STATUS),
        )
        super().__init__(
            "c2llm",
            version=__version__,
            instructions=INSTRUCTIONS,
            tools=[
                StrictTool.made(function, description=text, annotations=read_only)
                for function, text in described
            ],
            lifespan=_closing_idle_indexes,
            log_level="CRITICAL",
            subscriptions=False,
        )

    async def run_stdio_async(self) -> None:
        """Serve over stdin and stdout; see `mended` for what the library alone would not answer."""
        lowlevel = self._lowlevel_server
        async with stdio_server() as (lines, answers), mended(lines) as messages:
            await lowlevel.run(messages, answers, lowlevel.create_initialization_options())

    async def search(
        self,
        query: str,
        client: ClientRoots,
        path: Where = None,
        k: int = 10,
        mode: Mode = "hybrid",
        languages: Languages = None,
        include: Include = None,
        max_tokens: MaxTokens = tools.DEFAULT_TOKENS,
        callers: Annotated[bool, Field(description="Also who calls each hit.")] = False,
        offset: Annotated[int, Field(description="Skip so many hits.")] = 0,
        where: Condition = None,
        sort: Sort = None,
    ) -> str:
        """The answer to a question."""

        def ask(*, as_it_is: bool) -> str:
            request = SearchRequest(
                query,
                k,
                mode,
                languages=languages or (),
                include=include or (),
                callers=callers,
                offset=offset,
                where=where,
                sort=sort,
            )
            scope = self._scope(client)
            places, found = scope.places(path), scope.kept(path)
            return tools.search(
                self.indexes,
                places,
                request,
                max_tokens,
                kept=None if found is None else (self.catalogs, found),
                as_it_is=as_it_is,
            )

        return await self._in_time(partial(ask, as_it_is=False), partial(ask, as_it_is=True))

    async def similar(
        self,
        path: str,
        line: int,
        client: ClientRoots,
        k: int = 10,
        languages: Languages = None,
        include: Include = None,
        max_tokens: MaxTokens = tools.DEFAULT_TOKENS,
    ) -> str:
        """Code like the function around a line."""

        def ask(*, as_it_is: bool) -> str:
            request = SearchRequest("code", k, languages=languages or (), include=include or ())
            if (kept := self._scope(client).kept(path)) is not None:
                return tools.similar_kept(
                    self.indexes, self.catalogs, kept, line, request, max_tokens
                )
            place = self._place(client, path)
            return tools.similar(self.indexes, place, line, request, max_tokens, as_it_is=as_it_is)

        return await self._in_time(partial(ask, as_it_is=False), partial(ask, as_it_is=True))

    async def duplicates(
        self,
        client: ClientRoots,
        code: Annotated[str | None, Field(description="Whole functions.")] = None,
        language: Annotated[str | None, Field(description="Of code.")] = None,
        path: Where = None,
        line: int | None = None,
        max_tokens: MaxTokens = tools.DEFAULT_TOKENS,
    ) -> str:
        """Where a function is written already."""

        def ask(*, as_it_is: bool) -> str:
            places = self._scope(client).places(path)
            if not places:
                raise UsageError(
                    "Duplicates are looked for in directories, and this catalog has no live one; "
                    "use `search` with the code."
                )
            asked = asked_code(places, code, language, line)
            return duplicates(self.indexes, places, asked, max_tokens, as_it_is=as_it_is)

        return await self._in_time(partial(ask, as_it_is=False), partial(ask, as_it_is=True))

    async def read(
        self, path: str, client: ClientRoots, start_line: int = 1, end_line: int | None = None
    ) -> str:
        """Lines of a file."""

        def lines() -> str:
            if (kept := self._scope(client).kept(path)) is not None:
                return tools.read_kept(self.catalogs, kept, start_line, end_line)
            return tools.read(self._place(client, path), start_line, end_line)

        return await self._in_time(lines)

    async def status(self, client: ClientRoots, path: Where = None) -> str:
        """What is indexed."""

        def told() -> str:
            scope = self._scope(client)
            kept, places = scope.kept(path), scope.places(path)
            parts = [tools.status_kept(kept)] if kept is not None else []
            parts += [tools.status(places, self.indexes.model)] if places else []
            return "\n\n".join(parts)

        return await self._in_time(told)

    def _scope(self, client: ListRootsResult) -> Roots:
        return Roots(self._roots or folders_of(client), self._open_catalogs)

    def _place(self, client: ListRootsResult, path: str) -> Place:
        return self._scope(client).place(path)

    async def _in_time(
        self, work: Callable[[], str], from_what_there_is: Callable[[], str] | None = None
    ) -> str:
        """The result of work in a thread, or of other work where it takes too long.

        The thread goes on all the same: what it has read is there for the next call.

        Raises:
            ToolError: What the client can act on, and nothing of what it cannot.
        """
        done = asyncio.wrap_future(self._threads.submit(work))
        done.add_done_callback(_noticed)
        try:
            with anyio.move_on_after(_LAST_PATIENCE * self._patience):
                with anyio.move_on_after(self._patience):
                    return await asyncio.shield(done)
                if from_what_there_is is not None:
                    with suppress(BusyError):
                        return await anyio.to_thread.run_sync(
                            from_what_there_is, abandon_on_cancel=True
                        )
                return await asyncio.shield(done)
        except C2LLMError as error:
            raise _told(str(error)) from None
        except Exception as error:
            from c2llm.failure import sentence

            raise _told(sentence(error)) from None
        raise ToolError(
            "Nothing can be answered yet: the tree is still being read. Ask again in some seconds."
        )


def _told(sentence: str) -> ToolError:
    """A mistake as it is sent: a path in it may be no text, which would end the server, or long."""
    return ToolError(cut(printable(sentence), _MOST_TOKENS_OF_A_MISTAKE))


def _noticed(done: asyncio.Future[str]) -> None:
    """Look at a result that nobody waits for any more, lest asyncio complain on standard error."""
    if not done.cancelled():
        done.exception()


@asynccontextmanager
async def _closing_idle_indexes(server: MCPServer[Any]) -> AsyncIterator[None]:
    """Close indexes that nobody asks, as long as the server runs."""
    assert isinstance(server, CodeSearchServer)

    async def watch() -> None:
        while True:
            await anyio.sleep(_IDLE_CHECK_SECONDS)
            await anyio.to_thread.run_sync(server.indexes.close_idle)
            await anyio.to_thread.run_sync(server.catalogs.close_idle)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        yield
        tasks.cancel_scope.cancel()
