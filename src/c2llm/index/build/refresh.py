"""Bring an index up to date: read what changed, cut it, embed what has no vector yet.

Each batch is one transaction, so a build that is killed goes on where it stopped, and a search that
runs meanwhile sees whole files only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.codebase.files.walk import (
    MAX_FILE_BYTES,
    Skipped,
    SourceFile,
    list_changes,
    list_files,
)
from c2llm.index.build.cut_pool import cut_files
from c2llm.index.build.cutting import CutFile, same_content
from c2llm.index.store.lock import is_held
from c2llm.index.store.records import FILE_LIMIT, RULES, RULES_CHANGE, Stamp
from c2llm.index.store.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from c2llm.encoding.protocol import Progress, TextEncoder
    from c2llm.index.build.table_cover import TableCover
    from c2llm.index.store.vector_cache import VectorCache

ProgressBar = Callable[[str, int], AbstractContextManager["Progress"]]
"""Called with what is done and how many steps it has; `cli.output.progress_bar` is one."""

CHUNKER_VERSION = 3
"""Raised whenever files are cut, or texts to embed are made, in another way: all is redone then."""
_FILES_PER_TRANSACTION = 200
_BYTES_PER_TRANSACTION = 2_000_000
_FILES_A_ROUND = 1_000
_POLL_SECONDS = 0.05
_BYTES_IN_BACKGROUND = 400_000
"""Others wait for the end of a transaction before they can write."""
_CHARACTERS_PER_TRANSACTION = 64_000
"""Of texts to embed: some seconds of work, which is what a killed build loses."""
_BATCHED = 32
"""So many times as much of an encoder that takes many texts at once, which is a fast one."""
_RACY_NS = 2_000_000_000
"""A file changed less than this before it is read may change again within one tick of its clock."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """The files of a tree against those of its index."""

    changed: tuple[SourceFile, ...]
    """New, or of another size or time than the index knows."""
    new: frozenset[str]
    """Paths of those of them that it does not know."""
    removed: tuple[str, ...] = ()
    """Known to the index and no longer there."""
    skipped: tuple[Skipped, ...] = ()
    """Left out without being opened."""
    rules: str = ""
    """By which ignore files this was decided, `WalkReport.rules`."""
    listed: int = 0
    """Files that are there."""


def silent_progress(description: str, total: int) -> AbstractContextManager[Progress]:
    """A progress bar that shows nothing."""
    return nullcontext(lambda done: None)


def find_stale(store: SqliteStore, root: Path) -> Staleness:
    """Compare sizes and times of the tree's files with the index; nothing is read."""
    known = store.stamps()
    unreadable = [path for path, state in store.skipped().items() if state.reason == "unreadable"]
    for path in unreadable:
        if os.access(root / path, os.R_OK):  # who may read a file leaves no trace in it
            known[path] = (path, -1, -1, -1)
    rules, limit = store.meta(RULES) or "", int(store.meta(FILE_LIMIT) or MAX_FILE_BYTES)
    listed, same = list_changes(root, known, rules, max_file_bytes=limit)
    if rules not in ("", listed.rules):
        # What is in a file may be judged in another way too; where its bytes are the same, looking
        # at them is all that is done.
        listed, same = list_files(root, max_file_bytes=limit), set()
    same.update(file.path for file in listed.files)
    removed = sorted(path for path in known if path not in same)
    new = frozenset(file.path for file in listed.files if file.path not in known)
    return Staleness(
        listed.files, new, tuple(removed), listed.skipped, listed.rules, listed=len(same)
    )


def truly_changed(store: SqliteStore, staleness: Staleness) -> list[SourceFile]:
    """Those of the changed files whose bytes are others than the index knows; reads them."""
    known = store.hashes([file.path for file in staleness.changed])
    return [
        file
        for file in staleness.changed
        if file.path not in known or not same_content(file, known[file.path])
    ]


def refresh_files(
    store: SqliteStore,
    staleness: Staleness,
    progress_bar: ProgressBar = silent_progress,
    table: TableCover | None = None,
    meanwhile: Callable[[], None] | None = None,
    *,
    in_background: bool = False,
) -> list[str]:
    """Redo the files that changed and forget those that are gone.

    Args:
        store: The index.
        staleness: What differs from it.
        progress_bar: Shows the files that are read.
        table: Gives their chunks vectors on the way.
        meanwhile: Called once, when other processes, if there are any, have begun to cut.
        in_background: Others may refresh the same index meanwhile: write little at a time, leave
            alone what they have written, and stop where they judge by other ignore files or remove
            the index.

    Returns:
        The paths whose content was other than the index knew; those that are gone are not counted.
    """
    redone: list[str] = []
    rules = store.meta(RULES)
    same_rules = rules == staleness.rules
    if staleness.removed or not same_rules:
        with store.writing():
            if not same_rules:  # until all is done, files taken by both may be there
                store.set_meta(RULES, RULES_CHANGE if rules else "")
            for path in staleness.removed:
                store.remove_file(path)
    _redo(store, staleness.changed, redone, progress_bar, table, meanwhile, in_background)
    if not same_rules:
        with store.writing():
            if not in_background or (store.meta(RULES) or "") == (RULES_CHANGE if rules else ""):
                store.set_meta(RULES, staleness.rules)
    return redone


def rounds(store: SqliteStore, staleness: Staleness) -> Iterator[Staleness]:
    """What is stale, some at a time, without what others have read by then.

    Nobody else refreshes the index when a round is given.
    """
    parts: list[Sequence[SourceFile]] = [staleness.changed]
    if store.meta(RULES) == staleness.rules:  # else they count when all is done
        parts = [staleness.changed[n : n + _FILES_A_ROUND]
                 for n in range(0, len(staleness.changed), _FILES_A_ROUND)] or [()]  # fmt: skip
    for number, part in enumerate(parts):
        while is_held(store.path, "refreshing"):
            time.sleep(_POLL_SECONDS)
        known = store.stamps()
        left = [
            file
            for file in part
            if known.get(file.path) != (file.path, file.size, file.mtime_ns, file.inode)
        ]
        removed = () if number else staleness.removed
        if left or removed:
            yield replace(staleness, changed=tuple(left), removed=removed)


def _redo(
    store: SqliteStore,
    changed: Sequence[SourceFile],
    redone: list[str],
    progress_bar: ProgressBar,
    table: TableCover | None,
    meanwhile: Callable[[], None] | None,
    in_background: bool,
) -> None:
    """Cut and write files, and note those that had other content."""
    if not changed:
        if meanwhile is not None:
            meanwhile()
        return
    known = store.hashes([file.path for file in changed])
    rules = store.meta(RULES)
    listed = {file.path: file for file in changed}
    most = _BYTES_IN_BACKGROUND if in_background else _BYTES_PER_TRANSACTION
    cuts = cut_files(changed, known)  # before there are threads, of a progress bar or a model
    if meanwhile is not None:
        meanwhile()
    with progress_bar("Reading", len(changed)) as progress:
        for batch in _by_bytes(cuts if table is None else table.watch(cuts), listed, most):
            if table is not None:
                table.finish()
            with store.writing():
                if in_background:
                    # The index may be gone, and what we have listed be ignored by now.
                    if store.was_replaced() or store.meta(RULES) != rules:
                        break
                    present = store.hashes([cut.path for cut in batch])
                    batch = [c for c in batch if present.get(c.path) == known.get(c.path)]
                for cut in batch:
                    if _write(store, cut, listed[cut.path], known.get(cut.path)):
                        redone.append(cut.path)
                if table is not None:
                    table.write()
            progress(len(batch))
    if table is not None:
        table.close()


def _by_bytes(
    cuts: Iterator[CutFile], listed: dict[str, SourceFile], most: int
) -> Iterator[list[CutFile]]:
    """The files of one transaction after the other."""
    batch: list[CutFile] = []
    size = 0
    for cut in cuts:
        batch.append(cut)
        size += listed[cut.path].size
        if len(batch) >= _FILES_PER_TRANSACTION or size >= most:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def embed_missing(
    store: SqliteStore,
    model_id: int,
    encoder: TextEncoder,
    progress_bar: ProgressBar = silent_progress,
    only: Sequence[int] | None = None,
    *,
    cache: VectorCache | None = None,
    fingerprint: str = "",
    batched: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Give every text that has no vector one, and return how many those were.

    Args:
        store: The index.
        model_id: The model's number in it.
        encoder: The model.
        progress_bar: Shows the texts that are done.
        only: Ids of the chunks that matter now; the others are left for another time.
        cache: Where vectors of texts that some index had before are found, and left.
        fingerprint: What the cache knows the model by.
        batched: Give the encoder many more texts at once, in the order of the files: for a table,
            which costs next to nothing. Else those of a transaction, longest first.
        stop: Asked between transactions; True leaves the rest for another time.
    """
    missing = store.unembedded(model_id, only, by_length=not batched)
    if not missing:
        return 0
    from c2llm.codebase.chunks import embedding_text
    from c2llm.index.store.quantized import is_packed, pack, packed_size

    done = 0
    with progress_bar("Embedding", len(missing)) as progress:
        if cache is not None:
            size = packed_size(encoder.dim)
            known = {
                key: row
                for key, row in cache.get(fingerprint, [row[1] for row in missing]).items()
                if len(row) == size and is_packed(row)
            }
            if known:
                with store.writing():
                    store.put_vectors(model_id, list(known), list(known.values()))
            missing = [row for row in missing if row[1] not in known]
            done += len(known)
            progress(len(known))
        most = _CHARACTERS_PER_TRANSACTION * (_BATCHED if batched else 1)
        for batch in _by_characters(missing, most):
            if stop():
                return done
            stored = {chunk.id: chunk.chunk for chunk in store.chunks([row[0] for row in batch])}
            present = [(key, stored[chunk_id]) for chunk_id, key, _ in batch if chunk_id in stored]
            texts = [embedding_text(chunk) for _, chunk in present]
            packed = pack(encoder.encode_documents(texts, progress=progress)) if texts else []
            keys = [key for key, _ in present]
            with store.writing():
                store.put_vectors(model_id, keys, packed)
            if cache is not None:
                cache.put(fingerprint, keys, packed)
            done += len(keys)
    with store.writing():
        store.prune_vectors()
        store.cover(model_id)
    return done


def _by_characters(
    missing: Sequence[tuple[int, bytes, int]], most: int
) -> Iterator[list[tuple[int, bytes, int]]]:
    batch: list[tuple[int, bytes, int]] = []
    characters = 0
    for row in missing:
        batch.append(row)
        characters += row[2]
        if characters >= most:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _write(store: SqliteStore, cut: CutFile, file: SourceFile, known_digest: bytes | None) -> bool:
    """Write what was read; False when the content is what the index had already."""
    # What changes within the tick of its clock, or while it is read, shows no trace of that later.
    settled = cut.steady and file.mtime_ns < time.time_ns() - _RACY_NS
    stamp = Stamp(file.size, file.mtime_ns if settled else -1, file.inode)
    if cut.gone:
        store.remove_file(file.path)
    elif cut.skipped:
        times = file.mtime_ns if cut.steady else -1
        store.skip_file(file.path, cut.skipped, stamp._replace(mtime_ns=times))
    elif cut.digest == known_digest:
        store.touch_file(file.path, stamp)
        return False
    else:
        store.put_file(cut, stamp)
    return True
