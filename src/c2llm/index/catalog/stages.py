"""The stages of filling a catalog's store, cut so that each runs on any machine.

    ReadTask -> read_task: Contents -> embed -> put_contents, put_vectors_of -> put_repository

A task is plain data. What a stage is given twice it does twice with the same outcome, so a runner
may give a task again whenever it does not know what became of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from c2llm.index.store.catalog.records import Content


class WantedBlob(NamedTuple):
    """A content that is to be read."""

    path: str
    """The place in the repository that it is read for."""
    blob: str
    """The name that git has for the bytes."""
    key: bytes
    """`records.content_key` of it."""
    taken_back: bool = False
    """A rule of the repository says that it is source: `SourceFile.taken_back`."""


@dataclass(frozen=True, slots=True)
class ReadTask:
    """Some contents of one repository to be read and cut; plain data, to be sent anywhere."""

    repository: str
    """Its name in the catalog."""
    folder: str
    """The git directory on the disk of whoever reads."""
    wanted: tuple[WantedBlob, ...]


@dataclass(slots=True)
class DoneTask:
    """What became of a task."""

    task: ReadTask
    contents: list[Content] = field(default_factory=list)
    vectors: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    """For each model the packed vectors by the hash of what was embedded."""
    left_out: dict[bytes, str] = field(default_factory=dict)
    """Key and reason of what turned out to be no source when it was read: binary, minified."""
    failed: dict[str, str] = field(default_factory=dict)
    """Path and reason of what could not be read or cut: it is quarantined, the rest goes on."""


class Runner(Protocol):
    """Who does the tasks: processes of this machine, or a cluster."""

    def run(
        self, tasks: Iterable[ReadTask], stop: Callable[[], bool] = ...
    ) -> Generator[DoneTask, None, None]:
        """Each task read, cut and embedded by the table model, in any order, at least once.

        Args:
            tasks: What is to be done, taken as it is needed and in the thread that asks for what
                was done: a store is behind them.
            stop: Asked between tasks; True ends it early.
        """
        ...
