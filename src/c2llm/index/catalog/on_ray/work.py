"""What the processes of a Ray cluster do: they cut tasks, and embed what was cut.

Rows are bytes, as between the processes of one machine, so that nothing of ours is unpickled.
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import c2llm
from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.index.catalog.local_runner import TaskProcess
from c2llm.index.catalog.reading import embed, pack_done, pack_task, unpack_done, unpack_task
from c2llm.index.catalog.stages import DoneTask, ReadTask

Row = dict[str, Any]
NO_FOLDER = "no folder"
"""What a node says that does not have the disk of a repository."""

_reader: TaskProcess | None = None


def row_of(number: int, task: ReadTask) -> Row:
    """A task to be sent."""
    return {"number": number, "task": marshal.dumps(pack_task(task))}


def done_of(row: Row, task: ReadTask) -> DoneTask:
    """What came back of it."""
    return unpack_done(task, marshal.loads(row["done"]))


def cut(row: Row) -> Row:
    """Read and cut a task, in a process of its own beside Ray's.

    A parser that crashes would end Ray's process with it, and Ray would try the same again; here
    the file is found, named and left out.
    """
    global _reader
    if _reader is None:
        _reader = TaskProcess(None)
    task = unpack_task(marshal.loads(row["task"]))
    told = "" if Path(task.folder).is_dir() else NO_FOLDER
    done = DoneTask(task) if told else _reader.do(task)
    return {
        **row,
        "version": c2llm.__version__,
        "told": told,
        "done": marshal.dumps(pack_done(done)),
    }


class TableEmbedder:
    """An actor that gives what was cut vectors of the table model.

    Args:
        model: Its name or folder.
    """

    def __init__(self, model: str) -> None:
        self._handle = EncoderHandle(model, threads=1)

    def __call__(self, row: Row) -> Row:
        """A row whose task was cut, with vectors."""
        task = unpack_task(marshal.loads(row["task"]))
        done = done_of(row, task)
        embed(done, self._handle.get())
        packed = marshal.dumps(pack_done(done))
        return {**row, "fingerprint": self._handle.fingerprint, "done": packed}


class TextEmbedder:
    """An actor that embeds groups of texts.

    Args:
        model: Its name or folder.
        variables: What the environment says of devices and number format.
        threads: Of the model, 0 for all cores of its node.
    """

    def __init__(self, model: str, variables: Mapping[str, str], threads: int) -> None:
        os.environ.update(variables)
        self._handle = EncoderHandle(model, threads=threads)

    def __call__(self, row: Row) -> Row:
        """The packed vectors of a row's texts."""
        from c2llm.index.store.quantized import pack

        texts: list[str] = marshal.loads(row["texts"])
        packed = pack(self._handle.get().encode_documents(texts))
        return {
            "number": row["number"],
            "version": c2llm.__version__,
            "fingerprint": self._handle.fingerprint,
            "packed": marshal.dumps(packed),
        }
