"""Bring an index up to date: read what changed, cut it, embed what has no vector yet.

Each batch is one transaction, so a build that is killed goes on where it stopped, and a search that
runs meanwhile sees whole files only.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.codebase.chunk import Chunk
from c2llm.codebase.exclusions import HEAD_BYTES
from c2llm.codebase.walk import (
    MAX_FILE_BYTES,
    Skipped,
    SourceFile,
    WalkReport,
    inspect,
    list_files,
    unreadable,
)
from c2llm.index.store import Store

if TYPE_CHECKING:
    from c2llm.encoding.protocol import Progress, TextEncoder

ProgressBar = Callable[[str, int], AbstractContextManager["Progress"]]
"""Called with what is done and how many steps it has; `cli.output.progress_bar` is one."""

CHUNKER_VERSION = 1
"""Raised whenever files are cut, or texts to embed are made, in another way: all is redone then."""
_FILES_PER_TRANSACTION = 50
_CHARACTERS_PER_TRANSACTION = 64_000
"""Of texts to embed: some seconds of work, which is what a killed build loses."""
_RACY_NS = 2_000_000_000
"""A file changed less than this before it is read may change again within one tick of its clock."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """The files of a tree against those of its index."""

    listed: WalkReport
    changed: tuple[SourceFile, ...]
    """New, or of another size or time than the index knows."""
    removed: tuple[str, ...]
    """Known to the index and no longer there."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What became of one changed file."""

    file: SourceFile
    digest: bytes = b""
    chunks: tuple[tuple[Chunk, bytes], ...] = ()
    skipped: str = ""
    """Why it is left out, or ""."""
    lasting: bool = True
    """A reason that holds until the file changes, unlike one of permissions."""


def silent_progress(description: str, total: int) -> AbstractContextManager[Progress]:
    """A progress bar that shows nothing."""
    return nullcontext(lambda done: None)


def find_stale(store: Store, root: Path) -> Staleness:
    """Compare sizes and times of the tree's files with the index; nothing is read."""
    listed = list_files(root)
    known = store.files()
    skipped = store.skipped()
    changed: list[SourceFile] = []
    present: set[str] = set()
    for file in listed.files:
        present.add(file.path)
        state = known.get(file.path) or skipped.get(file.path)
        if state is None or state.size != file.size or state.mtime_ns != file.mtime_ns:
            changed.append(file)
    removed = sorted(path for path in {*known, *skipped} if path not in present)
    return Staleness(listed, tuple(changed), tuple(removed))


def truly_changed(store: Store, staleness: Staleness) -> list[SourceFile]:
    """Those of the changed files whose bytes are others than the index knows; reads them."""
    known = store.files()
    changed: list[SourceFile] = []
    for file in staleness.changed:
        state = known.get(file.path)
        try:
            same = state is not None and _digest(_content(file)) == state.hash
        except OSError:
            same = False
        if not same:
            changed.append(file)
    return changed


def refresh_files(
    store: Store, staleness: Staleness, progress_bar: ProgressBar = silent_progress
) -> int:
    """Redo the files that changed, forget those that are gone, and return how many those were."""
    redone = 0
    if staleness.removed:
        with store.writing():
            for path in staleness.removed:
                redone += 1
                store.remove_file(path)
    changed = staleness.changed
    if not changed:
        return redone
    known = {path: state.hash for path, state in store.files().items()}
    with progress_bar("Reading", len(changed)) as progress:
        for start in range(0, len(changed), _FILES_PER_TRANSACTION):
            batch = [
                _read(file, known.get(file.path, b""))
                for file in changed[start : start + _FILES_PER_TRANSACTION]
            ]
            with store.writing():
                for read in batch:
                    redone += _write(store, read, known.get(read.file.path))
            progress(len(batch))
    return redone


def embed_missing(
    store: Store,
    model_id: int,
    encoder: TextEncoder,
    progress_bar: ProgressBar = silent_progress,
    only: Sequence[int] | None = None,
) -> int:
    """Give every text that has no vector one, and return how many those were.

    Args:
        store: The index.
        model_id: The model's number in it.
        encoder: The model.
        progress_bar: Shows the texts that are done.
        only: Ids of the chunks that matter now; the others are left for another time.
    """
    missing = store.unembedded(model_id, only)
    if not missing:
        return 0
    from c2llm.codebase.chunks import embedding_text

    with progress_bar("Embedding", len(missing)) as progress:
        for batch in _by_characters(missing):
            stored = {chunk.id: chunk.chunk for chunk in store.chunks([row[0] for row in batch])}
            present = [(key, stored[chunk_id]) for chunk_id, key, _ in batch if chunk_id in stored]
            vectors = encoder.encode_documents(
                [embedding_text(chunk) for _, chunk in present], progress=progress
            )
            with store.writing():
                store.put_vectors(model_id, [key for key, _ in present], vectors)
    with store.writing():
        store.prune_vectors()
    return len(missing)


def _by_characters(
    missing: Sequence[tuple[int, bytes, int]],
) -> Iterator[list[tuple[int, bytes, int]]]:
    batch: list[tuple[int, bytes, int]] = []
    characters = 0
    for row in missing:
        batch.append(row)
        characters += row[2]
        if characters >= _CHARACTERS_PER_TRANSACTION:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _read(file: SourceFile, known_digest: bytes) -> _Read:
    """Read a file and cut it, unless its bytes are those that are known."""
    try:
        content = _content(file)
    except OSError as error:
        return _Read(file, skipped=unreadable(error), lasting=False)
    if len(content) > MAX_FILE_BYTES:
        return _Read(file, skipped="too large", lasting=False)
    digest = _digest(content)
    if digest == known_digest:
        return _Read(file, digest)
    verdict = inspect(file, content[:HEAD_BYTES])
    if isinstance(verdict, Skipped):
        return _Read(file, digest, skipped=verdict.reason)
    from c2llm.codebase.chunks import chunk_file, embedding_text

    try:
        chunks = chunk_file(file.path, decode(content), verdict.language)
    except Exception as error:  # one hostile file must not stop the index; it is counted instead
        return _Read(verdict, digest, skipped=f"cannot be cut ({type(error).__name__})")
    return _Read(verdict, digest, tuple((chunk, _hash(embedding_text(chunk))) for chunk in chunks))


def _write(store: Store, read: _Read, known_digest: bytes | None) -> bool:
    """Write what was read; False when the content is what the index had already."""
    file = read.file
    settled = file.mtime_ns < time.time_ns() - _RACY_NS
    mtime_ns = file.mtime_ns if settled else -1
    if read.skipped:
        if read.lasting:
            store.skip_file(file.path, read.skipped, file.size, file.mtime_ns)
        else:
            store.remove_file(file.path)
        return True
    if read.digest == known_digest:
        store.touch_file(file.path, file.size, mtime_ns)
        return False
    store.put_file(file.path, read.digest, file.size, mtime_ns, file.language, read.chunks)
    return True


def decode(content: bytes) -> str:
    """A file's text: UTF-8, or UTF-16 behind its mark; what is neither has U+FFFD in its place."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _content(file: SourceFile) -> bytes:
    """The file's bytes, one more than allowed at most: it may have grown since it was listed."""
    with file.absolute.open("rb") as stream:
        return stream.read(MAX_FILE_BYTES + 1)


def _hash(text: str) -> bytes:
    return _digest(text.encode("utf-8", "surrogateescape"))


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
