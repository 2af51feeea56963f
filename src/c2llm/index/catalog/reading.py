"""A task done: files read from git's objects, cut, and embedded by the table model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from c2llm.codebase.files.walk import MAX_FILE_BYTES, MOST_FILE_BYTES, SourceFile
from c2llm.codebase.git import Git
from c2llm.codebase.languages import detect_language
from c2llm.codebase.revisions.objects import read_objects
from c2llm.errors import DataError
from c2llm.index.build.cutting import cut_content, pack_answer, unpack_answer
from c2llm.index.catalog.stages import DoneTask, ReadTask, WantedBlob
from c2llm.index.store.catalog.records import Content, Place

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder


def read_task(task: ReadTask) -> DoneTask:
    """Read and cut what a task wants; what cannot be read is named, and the rest goes on."""
    done = DoneTask(task)
    git = Git(Path(task.folder), bare=True)
    left = {wanted.path: wanted for wanted in task.wanted}
    try:
        names = [wanted.blob for wanted in task.wanted]
        for wanted, read in zip(
            task.wanted, read_objects(git, names, MOST_FILE_BYTES), strict=True
        ):
            del left[wanted.path]
            if not read.is_there:
                done.failed[wanted.path] = f"git lacks {read.name[:12]}"
            elif not read.is_whole:
                done.left_out[wanted.key] = "too large"
            else:
                _cut(done, wanted, read.content)
    except DataError as error:
        done.failed.update(dict.fromkeys(left, str(error)))
    return done


def embed(done: DoneTask, table: TextEncoder) -> None:
    """Give the contents of a task vectors of the table model.

    File by file, so that a vector does not depend to its last bit on what else is in the task.
    """
    from c2llm.codebase.chunks import embedding_text
    from c2llm.index.store.quantized import pack

    rows = done.vectors.setdefault(table.name, {})
    for content in done.contents:
        new = {cut.embedded_hash: cut.chunk for cut in content.cut.chunks}
        new = {key: chunk for key, chunk in new.items() if key not in rows}
        if new:
            texts = [embedding_text(chunk) for chunk in new.values()]
            rows.update(zip(new, pack(table.encode_documents(texts)), strict=True))


def _cut(done: DoneTask, wanted: WantedBlob, content: bytes) -> None:
    path = wanted.path
    language = detect_language(path.rpartition("/")[2]) or "text"
    most = MOST_FILE_BYTES if wanted.taken_back else MAX_FILE_BYTES
    file = SourceFile(
        *(path, "", len(content), 0, language), max_bytes=most, taken_back=wanted.taken_back
    )
    cut = cut_content(file, content)
    if not cut.skipped:
        done.contents.append(Content(wanted.key, Place(done.task.repository, path), cut))
    elif cut.skipped.startswith("cannot be"):
        done.failed[path] = cut.skipped
    else:
        done.left_out[wanted.key] = cut.skipped


# -- over a pipe -----------------------------------------------------------------------------------


def pack_task(task: ReadTask) -> list[Any]:
    """A task as plain tuples."""
    return [task.repository, task.folder, [tuple(wanted) for wanted in task.wanted]]


def unpack_task(packed: list[Any]) -> ReadTask:
    """The task."""
    repository, folder, wanted = packed
    return ReadTask(repository, folder, tuple(WantedBlob(*one) for one in wanted))


def pack_done(done: DoneTask) -> list[Any]:
    """What became of a task as plain tuples, without the task."""
    return [
        [content.key for content in done.contents],
        pack_answer([content.cut for content in done.contents]),
        done.vectors,
        done.left_out,
        done.failed,
    ]


def unpack_done(task: ReadTask, packed: list[Any]) -> DoneTask:
    """What became of a task."""
    keys, answer, vectors, left_out, failed = packed
    contents = [
        Content(key, Place(task.repository, cut.path), cut)
        for key, cut in zip(keys, unpack_answer(answer), strict=True)
    ]
    return DoneTask(task, contents, vectors, left_out, failed)
