"""A damaged index: an answer, or a sentence with its cure."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

from c2llm.errors import IndexCorruptError
from c2llm.index.build.index_status import read_status
from c2llm.index.store.inventory import kept_indexes
from c2llm.index.store.location import cache_file
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.fuzzing.reading import tokens
from tests.fuzzing.target import Target
from tests.trees import PROJECT, WordEncoder, write_tree

_EDIT = re.compile(rb"(index|vectors)[ \t]+(\d{1,9})[ \t]+(cut|[0-9a-f]{1,40})")


@cache
def _made() -> tuple[Path, Path, bytes, bytes]:
    """A tree, the file of its index, what that holds, and the vectors that all indexes share."""
    root = Path(tempfile.mkdtemp(prefix="c2llm-fuzz-index-")).resolve()
    write_tree(root, dict(PROJECT))
    with CodeIndex.open(root, encoder=WordEncoder(), embed="all") as index:
        index.complete()
        file = index.file
    return root, file, file.read_bytes(), cache_file().read_bytes()


def check(data: bytes) -> None:
    """Each line names a file, a place in it, and what is written there; `cut` ends it there."""
    root, file, whole, vectors = _made()
    content = {b"index": bytearray(whole), b"vectors": bytearray(vectors)}
    for line in data.split(b"\n")[:40]:
        if (edit := _EDIT.fullmatch(line.strip())) is not None:
            target = content[edit[1]]
            at = int(edit[2]) % (len(target) or 1)
            if edit[3] == b"cut":
                del target[at:]
            else:
                new = bytes.fromhex(edit[3].decode().zfill(len(edit[3]) + len(edit[3]) % 2))
                target[at : at + len(new)] = new
    for path, damaged in ((file, content[b"index"]), (cache_file(), content[b"vectors"])):
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.write_bytes(damaged)
    for attempt in (lambda: read_status(root, "words"), kept_indexes, lambda: _used(root)):
        try:
            attempt()
        except IndexCorruptError as error:
            assert "index --rebuild" in str(error) and "\n" not in str(error)


def _used(root: Path) -> None:
    with CodeIndex.open(root, encoder=WordEncoder(), lock_seconds=1.0) as index:
        for request in (
            SearchRequest("retry with backoff"),
            SearchRequest("pause", symbol=True, callers=True, facets=True),
            SearchRequest("settings", granularity="file", mode="lexical", languages="go"),
            SearchRequest("src/net/retry.py:3", explain=True),
        ):
            index.answer(request)
        index.complete()
        index.status()


_SEEDS = [
    *(f"index {page * 4096 + place} {new}".encode() for page in range(12) for place, new in (
        *((0, "0d"), (3, "ffff"), (5, "0000"), (8, "0fff"), (16, "81"), (100, "00")),
    )),
    b"index 18 0202\nindex 28 00000001", b"index 52 00000002", b"index 2000 cut", b"index 0 cut",
    b"vectors 4100 ff\nvectors 9000 00ff", b"vectors 3000 cut", b"index 3900 41424344",
]  # fmt: skip
_TOKENS = tokens(
    r"""
    \nindex\x20 \nvectors\x20 \x20cut \x2000 \x20ff 4096 8192 \x207fffffff \x200000000000000000
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, quick=4)
