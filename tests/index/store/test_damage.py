"""A flipped byte in what we keep is one sentence with its cure, or an answer; never a traceback."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError, IndexCorruptError
from c2llm.index.build.index_status import read_status
from c2llm.index.store import schema
from c2llm.index.store.inventory import kept_indexes
from c2llm.index.store.location import cache_file
from c2llm.index.store.vector_cache import VectorCache
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.trees import PROJECT, WordEncoder, write_tree

FLIPS = 60
REQUESTS = (
    SearchRequest("retry with backoff"),
    SearchRequest("f7", symbol=True, callers=True),
    SearchRequest("src/net/retry.py:3"),
    SearchRequest("settings", granularity="file", mode="lexical"),
    SearchRequest("C3 go", languages="python", granularity="class"),
)
MODULES = {
    f"m{i}.py": f"import os\n\n\nclass C{i}:\n    def f{i}(self):\n        return {i}\n"
    for i in range(30)
}


def flip(content: bytes, rng: random.Random) -> bytes:
    """Some bytes, more often those of a page's head, become others."""
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(damaged))
        if rng.random() < 0.4:
            at = at // 4096 * 4096 + rng.randrange(120)
        damaged[at] = rng.randrange(256)
    return bytes(damaged)


def put(path: Path, content: bytes) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(content)


def use(root: Path, turn: int) -> None:
    with CodeIndex.open(root, encoder=WordEncoder(), lock_seconds=1.0) as index:
        for request in REQUESTS:
            index.answer(request)
    write_tree(root, {"m3.py": f"def changed():\n    return {turn}\n"})
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        index.complete()
        index.status()


def test_flipped_bytes(project: Path) -> None:
    write_tree(project, dict(MODULES))
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        file = index.file
    whole, vectors = file.read_bytes(), cache_file().read_bytes()
    told = 0
    for seed in range(FLIPS):
        rng = random.Random(seed)
        put(file, flip(whole, rng))
        put(cache_file(), flip(vectors, rng))
        for attempt in (
            lambda: read_status(project, "words"),
            kept_indexes,
            lambda turn=seed: use(project, turn),
        ):
            try:
                attempt()
            except C2LLMError as error:
                assert "\n" not in str(error)
                assert isinstance(error, IndexCorruptError) or "newer c2llm" in str(error), seed
                assert "index --rebuild" in str(error)
                told += 1
    assert told > FLIPS // 10
    with CodeIndex.open(project, encoder=WordEncoder(), rebuild=True, embed="all") as index:
        assert index.search("retry_with_backoff", 1)[0].path == "src/net/retry.py"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chunks SET start_line = 'x'",
        "UPDATE chunks SET characters = NULL",
        "UPDATE chunks SET block_id = block_id + 1",
        "UPDATE chunks SET block_id = block_id - 100",
        "UPDATE chunks SET embedded_id = 7777777",
        "UPDATE blocks SET packed = NULL",
        "UPDATE blocks SET packed = x''",
        "UPDATE blocks SET dictionary_id = 0",
        "UPDATE dictionaries SET packed = substr(packed, 2)",
        "UPDATE dictionaries SET packed = 'text'",
        "DELETE FROM dictionaries",
        "UPDATE blocks SET packed = substr(packed, 1, length(packed) - 1)",
        "UPDATE blocks SET packed = (SELECT packed FROM blocks WHERE id = 1)",
        "DELETE FROM blocks",
        "UPDATE embedded SET hash = id",
        "UPDATE chunks SET definitions = x'ff'",
        "UPDATE files SET path = id + 0.5",
        "UPDATE files SET language = x'ff'",
        "UPDATE files SET language = CAST(x'ff' AS TEXT)",
        "UPDATE embeddings SET vector = x'0000'",
        "UPDATE embeddings SET vector = substr(vector, 2) WHERE id % 2",
        "UPDATE embeddings SET vector = CAST(x'0000c07f' || substr(vector, 5) AS BLOB)",
        "UPDATE meta SET value = 'x' WHERE key = 'generation'",
        "DELETE FROM meta WHERE key = 'generation'",
        "DELETE FROM files",
        "DROP TABLE definitions",
        "DROP TABLE lexicon",
    ],
)
def test_values_that_were_never_written(project: Path, statement: str) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        file = index.file
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    try:
        connection.execute(statement)
    except sqlite3.IntegrityError:  # NOT NULL holds there: another odd value stands for it
        connection.execute(statement.replace("NULL", "7"))
    connection.commit()
    connection.close()
    try:
        use(project, 0)
    except C2LLMError as error:
        assert isinstance(error, IndexCorruptError)
        assert "index --rebuild" in str(error) and "\n" not in str(error)


def test_what_is_whole_is_not_called_damaged(project: Path) -> None:
    write_tree(
        project,
        {
            "a.png": b"\x89PNG",
            "odd\udce9.py".encode(errors="surrogateescape").decode(
                errors="surrogateescape"
            ): "x = 1\n",
        },
    )
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert not schema.is_damaged(index._store._connection)
        with pytest.raises(ZeroDivisionError), index.believed():
            1 / 0  # noqa: B018  # a fault of ours is not laid on the file


def test_a_damaged_cache_is_told_with_its_cure(project: Path, home: Path) -> None:
    home.mkdir()
    cache_file().write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    told: list[str] = []
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all", note=told.append) as index:
        assert index.is_complete()
    assert told == [f"{cache_file()} is damaged and not used; remove it with: c2llm clear --cache."]


def test_a_vector_of_no_length_is_not_taken_from_the_cache(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        keys = [row[0] for row in index._store._all("SELECT id FROM embeddings")]
        index._store.close()
    cache = VectorCache(cache_file(), 10**9)
    nan = b"\x00\x00\xc0\x7f" + bytes(64)
    with cache._open(create=True) as connection:
        assert connection is not None
        connection.execute("UPDATE vectors SET vector = ?", (nan,))
    cache.close()
    encoder = WordEncoder()
    with CodeIndex.open(project, encoder=encoder, rebuild=True, embed="all") as index:
        assert len(encoder.embedded) == len(keys) and index.search("retry with backoff")


def test_a_damaged_graph_is_not_opened(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from c2llm.search.retrieval.hnsw import HnswGraph, graph_file

    monkeypatch.setattr("c2llm.index.store.sqlite_vectors.EXACT_UP_TO", 10)
    write_tree(project, dict(MODULES))
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.build_graphs() == 1
        path = graph_file(index._store, 1)
        whole, status = path.read_bytes(), path.stat()
        assert HnswGraph.open(index._store, 1) is not None
        for seed in range(30):
            path.write_bytes(flip(whole, random.Random(seed)))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            if path.read_bytes() != whole:
                assert HnswGraph.open(index._store, 1) is None
            assert index.search("retry with backoff", 3)
        assert index.build_graphs() == 1  # and is made anew
        assert HnswGraph.open(index._store, 1) is not None


@pytest.mark.parametrize("old", [True, False])
def test_catalogs_that_are_none(home: Path, *, old: bool) -> None:
    from c2llm.index.catalog.catalogs import load_catalogs

    path = home / "indexes" / "workspaces.json" if old else home / "catalogs.json"
    path.parent.mkdir(parents=True)
    for content in (
        *(b"\xff\xfe", b"[" * 100_000, b"[1]", b'{"a": [1]}', b"", b'{"catalogs": [1]}'),
        *(b'{"catalogs": {"a": {"repositories": [1]}}}', b'{"catalogs": {"../a": {}}}'),
        b'{"catalogs": {"a": {"repositories": [{"name": "x"}]}}}',
        b'{"catalogs": {"a": {"repositories": [{"name": 1, "path": "/x"}]}}}',
    ):
        path.write_bytes(content)
        with pytest.raises(C2LLMError, match="correct or remove it"):
            load_catalogs()
    assert PROJECT
