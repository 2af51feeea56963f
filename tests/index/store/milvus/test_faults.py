"""A Milvus that is away, refuses or breaks off: one sentence with the cure, and work goes on."""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c2llm.errors import C2LLMError, IndexCorruptError, IndexWriteError
from c2llm.index.store.milvus.connection import MilvusConnection
from c2llm.index.store.milvus.location import parse_location
from tests.index.store.catalog.catalog_conformance import (
    ONE,
    THREE,
    TWO,
    Expected,
    Opened,
    unit_rows,
)
from tests.index.store.faulty_endpoint import Fault, FaultyEndpoint
from tests.index.store.milvus.conftest import NEEDS
from tests.index.store.milvus.faults import refusing_server

pytest.importorskip("pymilvus", reason=NEEDS)
from c2llm.index.store.milvus.milvus_catalog import MilvusCatalog

SECRET = "hunter2"


def opened_at(port: int, name: str = "c", timeout: float = 1.0) -> MilvusCatalog:
    address = f"milvus://root:{SECRET}@127.0.0.1:{port}/?name={name}&timeout={timeout}"
    return MilvusCatalog(parse_location(address))


def told(call: Callable[[], object], kind: type[C2LLMError] = C2LLMError) -> str:
    """The sentence of a failure, which is one and has no secret."""
    with pytest.raises(kind) as failure:
        call()
    text = str(failure.value)
    assert SECRET not in text and "\n" not in text and text.endswith(".")
    assert failure.value.__cause__ is None
    assert failure.value.__context__ is None or failure.value.__suppress_context__
    return text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Lite that is asked as a server."""
    server_module = pytest.importorskip("milvus_lite.adapter.grpc.server", reason=NEEDS)
    folder = tmp_path_factory.mktemp("server") / "data.db"
    server, database, port = server_module.start_server_in_thread(str(folder))
    yield port
    server.stop(grace=0)
    database.close()


@pytest.fixture
def door(served: int) -> Iterator[FaultyEndpoint]:
    with FaultyEndpoint(("127.0.0.1", served)) as endpoint:
        yield endpoint


def port_of(endpoint: FaultyEndpoint) -> int:
    return int(endpoint.address.rpartition(":")[2])


# -- a server --------------------------------------------------------------------------------------


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    text = told(lambda: opened_at(port))
    assert f"127.0.0.1:{port}" in text and "does not answer" in text


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.SILENT, Fault.RUBBISH])
def test_a_server_that_is_none(fault: Fault) -> None:
    with FaultyEndpoint(None) as endpoint:
        endpoint.break_off(fault=fault)
        assert "does not answer (waited 1 s)" in told(lambda: opened_at(port_of(endpoint)))


@pytest.mark.parametrize(
    ("code", "message", "sentence"),
    [
        ("UNAUTHENTICATED", "auth check failure, please check api key is correct", "refuses"),
        ("PERMISSION_DENIED", "privilege ShowCollections: permission deny", "refuses"),
        ("INVALID_ARGUMENT", "database not found[database=nowhere]", "has no database"),
        ("UNIMPLEMENTED", "unknown service milvus.proto", "."),
    ],
)
def test_a_server_that_refuses(code: str, message: str, sentence: str) -> None:
    import grpc

    def refuse(context: Any) -> None:
        context.abort(getattr(grpc.StatusCode, code), message)

    server, port = refusing_server(refuse)
    try:
        assert sentence in told(lambda: opened_at(port))
    finally:
        server.stop(grace=0)


def test_away_in_a_query_and_back(door: FaultyEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c2llm.index.store.milvus.state._MOMENT", -1.0)
    store = opened_at(port_of(door), "query", timeout=4)
    store.put_contents([ONE, TWO])
    store.put_repository("a", "r1", {"x.py": ONE.key})
    expected = store.lexical_candidates(["retry"], 5)
    assert expected
    door.break_off()
    for ask in (
        lambda: store.lexical_candidates(["retry"], 5),
        store.generation,
        lambda: list(store.texts()),
    ):
        assert "does not answer" in told(ask)
    door.mend()
    assert store.lexical_candidates(["retry"], 5) == expected


@pytest.mark.parametrize("sent", [0, 200, 1_000, 2_000, 4_000, 8_000])
def test_away_in_a_write_and_resumed(door: FaultyEndpoint, sent: int) -> None:
    store = opened_at(port_of(door), f"write{sent}", timeout=10)
    expected = Expected(contents={one.key: one for one in (ONE, TWO, THREE)})
    tree = {"x.py": ONE.key, "y.py": TWO.key, "z.py": THREE.key}

    def write() -> None:
        store.put_contents([ONE, TWO, THREE])
        store.put_repository("a", "r1", tree)

    door.break_off(after=sent)
    try:
        write()
    except C2LLMError as error:
        assert "goes on where it stopped" in str(error) and SECRET not in str(error)
    else:
        assert sent >= 4_000, "nothing was broken off"
    door.mend()
    write()
    expected.put_repository("a", tree)
    expected.check(store)
    expected.check(opened_at(port_of(door), f"write{sent}", timeout=10))


# -- killed at each request ------------------------------------------------------------------------


class _KilledError(BaseException):
    """Stands for the end of the process."""


def test_whatever_request_is_the_last_nothing_is_lost_or_twice(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository is as it was or as it is to be, and the next try ends as if nothing had been."""
    store = opened()
    assert isinstance(store, MilvusCatalog)
    trees = ({"x.py": ONE.key, "w.py": TWO.key}, {"x.py": TWO.key, "z.py": THREE.key})
    of_key = {one.key: one for one in (ONE, TWO, THREE)}
    hashes = [cut.embedded_hash for one in of_key.values() for cut in one.cut.chunks]
    real = MilvusConnection.ask
    left = [10_000]

    def ask(self: MilvusConnection, method: str, *values: Any, **named: Any) -> Any:
        if method in ("upsert", "delete", "drop_collection", "flush"):
            left[0] -= 1
            if left[0] < 0:
                raise _KilledError
        return real(self, method, *values, **named)

    def write(at: int) -> None:
        store.put_contents([of_key[key] for key in trees[at].values()])
        store.put_vectors_of("m", f"m-{at}", hashes, unit_rows(len(hashes), seed=at))
        store.put_repository("a", f"r{at}", trees[at])
        store.sweep()

    def expected(at: int) -> Expected:
        contents = {key: of_key[key] for key in trees[at].values()}
        return Expected({"a": trees[at]}, contents)

    monkeypatch.setattr(MilvusConnection, "ask", ask)
    write(0)
    now, broken = 0, 0
    while True:
        then, left[0] = 1 - now, broken
        try:
            write(then)
        except _KilledError:
            left[0] = 10_000
            store = MilvusCatalog(store.location)  # as the next process finds it
            was = store.repositories()["a"].revision
            assert was in ("r0", "r1")
            expected(int(was[1])).check(store)
            write(then)
        else:
            break
        expected(then).check(store)
        assert store.known(of_key) == set(trees[then].values())
        number = store.model_id("m")
        assert (
            number is not None and number[1] == f"m-{then}" and not store.lacks_vectors(number[0])
        )
        now, broken = then, broken + 1
    assert broken > 12, f"{broken} requests only"


# -- Lite ------------------------------------------------------------------------------------------


def lite(path: Path, *, create: bool = True) -> MilvusCatalog:
    return MilvusCatalog(parse_location(path), create=create)


def test_a_lite_that_another_process_has_open(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    program = (
        "import sys; from milvus_lite.db import MilvusLite; MilvusLite(sys.argv[1]);"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        assert "Another process has" in told(lambda: lite(path))
        other.communicate("")
    store = lite(path)
    store.put_contents([ONE])
    store.close()
    again = lite(path)
    assert again.known([ONE.key]) == {ONE.key}
    again.close()


def test_what_is_no_lite(tmp_path: Path) -> None:
    file, folder = tmp_path / "file.db", tmp_path / "folder.db"
    file.write_bytes(b"SQLite format 3\0")
    folder.mkdir()
    (folder / "precious.txt").write_text("mine")
    assert "no database" in told(lambda: lite(file))
    assert "something else" in told(lambda: lite(folder))
    assert [one.name for one in folder.iterdir()] == ["precious.txt"]
    assert "There is no" in told(lambda: lite(tmp_path / "none.db", create=False))
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "link.db").symlink_to(tmp_path / "nowhere")
    assert "no database" in told(lambda: lite(tmp_path / "link.db"))


def test_a_lite_is_its_owners_alone(tmp_path: Path) -> None:
    store = lite(tmp_path / "deep" / "x.db")
    store.close()
    assert (tmp_path / "deep" / "x.db").stat().st_mode & 0o077 == 0


def test_a_damaged_lite(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.db"
    store = lite(path)
    store.put_contents([ONE])
    store.close()
    damaged = 0
    for name in ("schema.json", "manifest.json"):
        for one in path.rglob(name):
            one.write_text("{")
            damaged += 1
    assert damaged
    assert "cannot be used" in told(lambda: lite(path), IndexCorruptError)
    assert capfd.readouterr().err == ""


def test_what_was_written_answers_when_it_is_opened_again(tmp_path: Path) -> None:
    hashes = [cut.embedded_hash for cut in ONE.cut.chunks]
    store = lite(tmp_path / "x.db")
    store.put_contents([ONE])
    store.put_repository("a", "r1", {"x.py": ONE.key})
    store.put_vectors_of("m", "m-1", hashes, unit_rows(2))
    number, words = store.model_id("m"), store.lexical_candidates(["retry"], 5)
    assert number is not None
    query = np.ones(8, np.float32) / np.sqrt(8)
    nearest, vectors = store.nearest(number[0], lambda: query, 5), store.vectors(number[0])
    store.close()
    again = lite(tmp_path / "x.db")
    assert again.nearest(number[0], lambda: query, 5) == nearest
    assert len(again.vectors(number[0])) == 2 and again.vectors(number[0]) == vectors
    assert again.lexical_candidates(["retry"], 5) == words
    again.close()


def test_two_stores_of_one_process_share_a_lite(tmp_path: Path) -> None:
    one, two = lite(tmp_path / "x.db"), lite(tmp_path / "x.db")
    one.put_contents([ONE])
    one.close()
    one.close()
    assert "is closed" in told(lambda: one.known([ONE.key]))
    assert two.known([ONE.key]) == {ONE.key}
    two.close()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError("[Errno 28] No space left on device"),
    ],
)
def test_a_full_disk(opened: Opened, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    store = opened()
    assert isinstance(store, MilvusCatalog)
    client = store._connection._client

    def full(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(client, "upsert", full)
        assert "is full" in told(lambda: store.put_contents([ONE]), IndexWriteError)
    store.put_contents([ONE])
    assert store.known([ONE.key]) == {ONE.key}


def test_the_client_says_nothing_on_the_terminal_and_reads_no_dotenv(tmp_path: Path) -> None:
    """pymilvus logs to stderr by itself, and reads `.env` of the folders above it."""
    program = (
        "import os, sys; from c2llm.index.store.milvus import connection as c;"
        "from c2llm.index.store.milvus.location import parse_location as p; import logging\n"
        "try: c.MilvusConnection(p('milvus://127.0.0.1:1/?timeout=1'))\n"
        "except c.C2LLMError as error: print(error)\n"
        "print(sorted(k for k in os.environ if 'DOTENV' in k))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == "" and done.stdout.endswith("[]\n") and "does not answer" in done.stdout
    assert logging.getLogger("pymilvus").handlers
