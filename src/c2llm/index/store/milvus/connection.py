"""One connection to a Milvus: every wait ends, and every failure is one sentence with its cure."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from c2llm.errors import C2LLMError, IndexCorruptError, IndexWriteError
from c2llm.index.store.milvus.location import TOKEN_VARIABLE, MilvusLocation
from c2llm.index.store.private import make_folder

ROWS_AT_ONCE = 500
"""Rows of a request that writes or reads: of 64 kB each they stay under a server's 64 MB."""
MOST_HITS = 16_384
"""Of a search: Milvus gives no more."""
_CHANNEL = {
    # Channels to one address share their connection, and how long it waits before it tries again.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
    # The client's ten seconds are more pings than a server of gRPC bears by default.
    "grpc.keepalive_time_ms": 300_000,
}
_LITE_PARTS = frozenset({"LOCK", "collections", "databases"})
_LOGGERS = ("pymilvus", "milvus_lite")
_NO_DOTENV = "PYTHON_DOTENV_DISABLED"
_HOW = "pip install 'c2llm[milvus]'"


class MilvusConnection:
    """A client of one server, or of a Lite database that this process has open.

    Args:
        location: Where it is.
        create: Make a Lite database where there is none.

    Raises:
        C2LLMError: It cannot be reached or opened, or the client is not installed.
    """

    def __init__(self, location: MilvusLocation, *, create: bool = True) -> None:
        self.location = location
        self._closed = False
        self._milvus = _client_library()
        if location.lite is not None:
            _check_lite(location.lite, create=create)
        self._client: Any = None
        if location.lite is None:
            self._connect()
            return
        with _opening:
            try:
                self._connect()
            except BaseException:
                if not _opened[location.lite]:
                    _release(location.lite)
                raise
            _opened[location.lite] += 1

    def _connect(self) -> None:
        location = self.location
        with self.explained("connect"):
            client = self._milvus.MilvusClient(
                uri=location.uri,
                token=location.token,
                db_name=location.database,
                timeout=location.timeout,
                dedicated=location.lite is None,
                grpc_options=_CHANNEL,
            )
            try:
                # A server tells only now whether it knows the database and the token.
                client.list_collections(timeout=location.timeout)
            except BaseException:
                client.close()
                raise
        self._client = client

    @property
    def types(self) -> Any:
        """The types of fields."""
        return self._milvus.DataType

    def close(self) -> None:
        """Let go of the server, or of the Lite database, so that another process may open it."""
        if self._closed:
            return
        self._closed = True
        self._leave()
        lite = self.location.lite
        if lite is None:
            return
        with _opening:
            _opened[lite] -= 1
            if _opened[lite] <= 0:  # other stores of this process may be in it too
                _release(lite)

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.close()

    # -- requests --------------------------------------------------------------------------------

    def ask(self, method: str, *values: Any, **named: Any) -> Any:
        """Call a method of the client, which waits no longer than the location allows."""
        client = self._there()
        with self.explained(method):
            return getattr(client, method)(*values, timeout=self.location.timeout, **named)

    def _there(self) -> Any:
        """The client; a new one after the server was away, as gRPC tries again ever more rarely."""
        if self._closed:
            raise C2LLMError(f"The store {self.location} is closed; open it again.")
        if self._client is None:
            self._connect()
        return self._client

    def schema(self) -> Any:
        """An empty schema of a collection."""
        return self._there().create_schema(auto_id=False, enable_dynamic_field=False)

    def create(self, name: str, schema: Any, indexes: Sequence[Mapping[str, Any]]) -> None:
        """Make a collection, and load it.

        `Session`: who has written reads what he wrote, without waiting for the whole cluster.
        Indexes of nothing are made at once, so nobody waits for each of them.
        """
        self.ask("create_collection", name, schema=schema, consistency_level="Session")
        self.ask("create_index", name, self._indexes(indexes), sync=False)
        self.ask("load_collection", name)

    def _indexes(self, indexes: Sequence[Mapping[str, Any]]) -> Any:
        params = self._there().prepare_index_params()
        for one in indexes:
            params.add_index(**one)
        return params

    def put(self, collection: str, rows: Iterable[dict[str, Any]]) -> None:
        """Write rows, each in the place of what has its id."""
        part: list[dict[str, Any]] = []
        for row in rows:
            part.append(row)
            if len(part) == ROWS_AT_ONCE:
                self.ask("upsert", collection, part)
                part = []
        if part:
            self.ask("upsert", collection, part)

    def get(self, collection: str, ids: Iterable[int], fields: Sequence[str]) -> Iterator[Any]:
        """The rows of those of the ids that are there."""
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            part = wanted[start : start + ROWS_AT_ONCE]
            yield from self.ask(
                "query", collection, filter=f"id in {part}", output_fields=list(fields)
            )

    def every(self, collection: str, condition: str, fields: Sequence[str]) -> Iterator[Any]:
        """All rows that meet a condition, however many those are."""
        client = self._there()
        with self.explained("query"):
            rows = client.query_iterator(
                collection,
                filter=condition,
                output_fields=list(fields),
                batch_size=ROWS_AT_ONCE,
                timeout=self.location.timeout,
            )
        try:
            while True:
                with self.explained("query"):
                    part = rows.next()
                if not part:
                    return
                yield from part
        finally:
            with contextlib.suppress(Exception):
                rows.close()

    def remove(self, collection: str, field: str, numbers: Iterable[int]) -> None:
        """Delete the rows that have one of the numbers in a field."""
        wanted = sorted(set(numbers))
        for start in range(0, len(wanted), ROWS_AT_ONCE):
            part = wanted[start : start + ROWS_AT_ONCE]
            self.ask("delete", collection, filter=f"{field} in {part}")

    def search(
        self,
        collection: str,
        field: str,
        queries: Sequence[Any],
        limit: int,
        fields: Sequence[str] = (),
        condition: str = "",
    ) -> list[list[tuple[int, float, dict[str, Any]]]]:
        """For each query id, inner product and fields of the nearest rows, the nearest first."""
        found = self.ask(
            "search",
            collection,
            data=list(queries),
            anns_field=field,
            limit=min(limit, MOST_HITS),
            output_fields=list(fields),
            filter=condition,
            search_params={"metric_type": "IP"},
        )
        return [
            [(int(hit["id"]), float(hit["distance"]), hit["entity"]) for hit in hits]
            for hits in found
        ]

    @contextlib.contextmanager
    def explained(self, doing: str) -> Iterator[None]:
        """Turn whatever the client raises into one sentence."""
        _failures.here().clear()
        try:
            yield
        except C2LLMError:
            raise
        except Exception as error:  # pymilvus, gRPC, Lite and their libraries raise what they like
            # Not `from error`: a client's message may repeat what it was given.
            raise self._told(doing, [*_failures.here(), *_causes(error)]) from None

    def _told(self, doing: str, causes: Sequence[BaseException]) -> C2LLMError:
        where, wait = str(self.location), f"{self.location.timeout:g} s"
        names = {type(cause).__name__ for cause in causes}
        text = " ".join(map(str, causes)).lower()
        if _is_full(causes, text):
            return IndexWriteError(
                f"The disk of {where} is full; make room and run the command again, it goes on "
                "where it stopped."
            )
        if "DataDirLockedError" in names or "already open" in text:
            return C2LLMError(
                f"Another process has {where} open, and Milvus Lite takes one at a time; wait for "
                "it to end, or use a Milvus server."
            )
        if self.location.lite is not None:
            return IndexCorruptError(
                f"The Milvus Lite database {where} cannot be used ({_first_line(causes)}); remove "
                "it and run c2llm catalog refresh, which fills it again."
            )
        if re.search(
            r"unauthenticated|auth check|invalid token|password|privilege|permission", text
        ):
            return C2LLMError(
                f"{where} refuses the user or the token; set {TOKEN_VARIABLE} to user:password or "
                "an API key that may read and write this database."
            )
        if re.search(r"database.*(not found|not exist)", text):
            return C2LLMError(
                f"{where} has no database {self.location.database or 'default'!r}; create it on "
                "the server, or name another one behind the port."
            )
        if doing == "connect" or re.search(
            r"unavailable|connect|timeout|deadline|channel|socket|closed", text
        ):
            self._leave()
            return C2LLMError(
                f"{where} does not answer (waited {wait}); see whether the server runs and the "
                "address is right, then run the command again, it goes on where it stopped."
            )
        return C2LLMError(
            f"{where} failed at {doing} ({_first_line(causes)}); see the server's log, then run "
            "the command again, it goes on where it stopped."
        )


def _check_lite(folder: Path, *, create: bool) -> None:
    """See to it that a Lite database is one or may become one, with access for its owner alone."""
    try:
        import milvus_lite  # noqa: F401
    except ImportError as error:
        raise C2LLMError(f"A .db store needs milvus-lite; install it: {_HOW}.") from error
    if folder.is_dir():
        there = {one.name for one in folder.iterdir()}
        if there and not there & _LITE_PARTS:
            raise C2LLMError(
                f"{folder} is a folder of something else than Milvus Lite; name another path."
            )
    elif folder.exists() or folder.is_symlink():
        raise C2LLMError(
            f"{folder} is no database of this Milvus Lite, which keeps a folder; name another path."
        )
    elif not create:
        raise C2LLMError(f"There is no Milvus Lite database {folder}; run c2llm catalog refresh.")
    try:
        make_folder(folder)
    except OSError as error:
        raise IndexWriteError(
            f"The Milvus Lite database {folder} cannot be made ({error.strerror}); make room or "
            "name another path."
        ) from error


_opening = threading.Lock()
_opened: Counter[Path] = Counter()
"""How many connections of this process each Lite database has."""


def _release(lite: Path) -> None:
    with contextlib.suppress(Exception):
        from milvus_lite.server_manager import server_manager_instance

        server_manager_instance.release_server(str(lite))


class _Failures(logging.Handler):
    """Keeps from the terminal what the libraries log, and in each thread what they do not raise."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.here().append(record.exc_info[1])

    def here(self) -> list[BaseException]:
        """The exceptions that were logged in this thread."""
        if not hasattr(self._here, "kept"):
            self._here.kept = []
        kept: list[BaseException] = self._here.kept
        return kept


_failures = _Failures()


def _client_library() -> Any:
    """pymilvus, which then logs nothing to the terminal and reads no `.env` of any folder."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # what goes wrong is told in one sentence
    before = os.environ.get(_NO_DOTENV)
    os.environ[_NO_DOTENV] = "1"
    try:
        import pymilvus
    except ImportError as error:
        raise C2LLMError(f"--store for Milvus needs pymilvus; install it: {_HOW}.") from error
    finally:
        if before is None:
            os.environ.pop(_NO_DOTENV, None)
        else:
            os.environ[_NO_DOTENV] = before
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in _LOGGERS:
            logger = logging.getLogger(name)
            logger.handlers = []
            logger.propagate = True
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [_failures]
        logger.propagate = False
    return pymilvus


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or one.__context__
    return found


def _is_full(causes: Sequence[BaseException], text: str) -> bool:
    return (
        any(isinstance(one, OSError) and one.errno == errno.ENOSPC for one in causes)
        or "no space left" in text
        or "disk quota" in text
    )


def _first_line(causes: Sequence[BaseException]) -> str:
    lines = str(causes[0]).strip().splitlines() if causes else []
    return (lines[0] if lines else type(causes[0]).__name__)[:200]
