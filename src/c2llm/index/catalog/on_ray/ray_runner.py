"""Tasks and texts done by a Ray cluster (`Runner`, `GroupEncoder`)."""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from c2llm.encoding.devices.placement import DEVICE_VARIABLE, DTYPE_VARIABLE
from c2llm.errors import C2LLMError
from c2llm.index.catalog.local_runner import LocalRunner
from c2llm.index.catalog.on_ray.rounds import GivenUpError, rounds
from c2llm.index.catalog.on_ray.work import (
    NO_FOLDER,
    TableEmbedder,
    TextEmbedder,
    cut,
    done_of,
    row_of,
)
from c2llm.index.catalog.stages import DoneTask, ReadTask

if TYPE_CHECKING:
    from c2llm.encoding.encoder_handle import EncoderHandle

_TASKS_A_CPU = 16
"""Tasks of one round for each processor: enough to keep it busy, few enough to be held here."""
_GROUPS_A_CPU = 4
_SHARE = 0.5
"""Of a processor for one that cuts or embeds. Were it all of one, two actors on two processors
would leave none to cut, and wait for ever."""
_TRIES = 3
"""Of what has killed its process; Ray itself would try for ever."""


class RayRunner:
    """Cuts on the processors of a cluster, and embeds by actors.

    A node reads a repository where this machine has it, so clones and repositories lie on a disk
    that the nodes share; what a node does not find is done by this machine, and told.

    Args:
        cpus: Processors of the cluster.
        table: The table model that embeds everything, None for none.
        note: Told what the user should know.
    """

    def __init__(
        self,
        cpus: int,
        table: EncoderHandle | None,
        note: Callable[[str], None] = lambda told: None,
    ) -> None:
        self._cpus = cpus
        self._table = table
        self._note = note
        self._told = False

    def run(
        self, tasks: Iterable[ReadTask], stop: Callable[[], bool] = lambda: False
    ) -> Generator[DoneTask, None, None]:
        """Each task, in any order."""
        waiting = iter(tasks)
        while not stop() and (part := list(islice(waiting, _TASKS_A_CPU * self._cpus))):
            here: list[ReadTask] = []
            rows = {number: row_of(number, task) for number, task in enumerate(part)}
            for row in rounds(rows, self._through, stop):
                if isinstance(row, GivenUpError):
                    # Processes of this machine find out which file it is.
                    here.append(part[row.number])
                    continue
                task = part[row["number"]]
                if row["told"] == NO_FOLDER:
                    here.append(task)
                    self._tell_once(task.folder)
                    continue
                if self._table is not None:
                    _require_same(self._table, row["fingerprint"])
                yield done_of(row, task)
            if here and not stop():
                local = LocalRunner(None if self._table is None else self._table.model)
                yield from local.run(here, stop)

    def _through(self, dataset: Any) -> Any:
        import ray.data

        dataset = dataset.map(cut, num_cpus=_SHARE, max_retries=_TRIES)
        if self._table is None:
            return dataset
        return dataset.map(
            TableEmbedder,
            fn_constructor_args=(self._table.model,),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max(1, self._cpus // 4)),
            num_cpus=_SHARE,
            max_restarts=_TRIES,
            max_task_retries=_TRIES,
        )

    def _tell_once(self, folder: str) -> None:
        if not self._told:
            self._told = True
            self._note(
                f"A node of the cluster has no {folder}, so this machine reads it; put "
                "C2LLM_HOME and local repositories on a disk that all nodes share."
            )


class RayEncoder:
    """Embeds groups of texts by actors, on the processors or GPUs of a cluster.

    Args:
        cpus: Processors of the cluster.
        handle: The model.
        threads: Of each actor on processors, as many as its share of a node.
    """

    def __init__(self, cpus: int, handle: EncoderHandle, threads: int = 1) -> None:
        import ray

        self._handle = handle
        self._threads = threads
        gpus = int(ray.cluster_resources().get("GPU", 0))
        wanted = os.environ.get(DEVICE_VARIABLE, "cpu") != "cpu"
        self._on_gpu = wanted and gpus > 0
        self._actors = gpus if self._on_gpu else max(1, cpus // max(1, threads) - 1)
        self.groups_at_once = _GROUPS_A_CPU * self._actors

    def encode(self, groups: Sequence[list[str]]) -> Generator[tuple[int, list[bytes]], None, None]:
        """Each group, in any order.

        Raises:
            C2LLMError: A node has another model or version, or the cluster cannot embed a group.
        """
        rows = {
            number: {"number": number, "texts": marshal.dumps(texts)}
            for number, texts in enumerate(groups)
        }
        for row in rounds(rows, self._through, lambda: False):
            if isinstance(row, GivenUpError):
                raise row
            _require_same(self._handle, row["fingerprint"])
            yield row["number"], marshal.loads(row["packed"])

    def _through(self, dataset: Any) -> Any:
        import ray.data

        variables = {
            name: os.environ[name]
            for name in (DEVICE_VARIABLE, DTYPE_VARIABLE)
            if name in os.environ
        }
        share: dict[str, Any] = (
            {"num_gpus": 1} if self._on_gpu else {"num_cpus": _SHARE * self._threads}
        )
        return dataset.map(
            TextEmbedder,
            fn_constructor_args=(self._handle.model, variables, self._threads),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=self._actors),
            **share,
            max_restarts=_TRIES,
            max_task_retries=_TRIES,
        )


def _require_same(handle: EncoderHandle, fingerprint: str) -> None:
    if fingerprint != handle.fingerprint:
        raise C2LLMError(
            f"A node of the cluster has other weights under the name {handle.model}; install the "
            "same model on all."
        )
