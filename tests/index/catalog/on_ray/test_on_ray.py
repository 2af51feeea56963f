"""A cluster of two nodes on this machine does what this machine does alone, to the last bit.

Needs Ray, which has an environment of its own: `make test-ray`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="Ray is in an environment of its own: make test-ray")

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.index.catalog.embedding import LocalEncoder, embed_catalog
from c2llm.index.catalog.local_runner import LocalRunner
from c2llm.index.catalog.on_ray.cluster import ClusterAddress, connected
from c2llm.index.catalog.on_ray.ray_runner import RayEncoder, RayRunner
from c2llm.index.catalog.refresh import refresh_catalog
from c2llm.index.catalog.stages import DoneTask, ReadTask, WantedBlob
from c2llm.index.store.catalog.records import content_key
from tests.index.catalog.repositories import add, bare, git, repository, store_of

TABLE = "c2llm-nano"
_FILES = {
    f"src/part{n}.py": "".join(
        f"def job_{n}_{m}(value):\n    # step {m}\n    return value * {m}\n\n" for m in range(12)
    )
    for n in range(24)
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 100_000_000}
    try:
        made = Cluster(initialize_head=True, head_node_args=head)
    except Exception as error:  # no shared memory, no network interface, a machine that is too busy
        pytest.skip(f"Ray starts no cluster on this machine: {error}")
    yield made
    made.shutdown()


@pytest.fixture
def second_node(cluster: Any) -> Iterator[Any]:
    node = cluster.add_node(num_cpus=2, object_store_memory=100_000_000)
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


@pytest.fixture
def cpus(cluster: Any, second_node: Any) -> Iterator[int]:
    with connected(ClusterAddress.parse(f"ray://{cluster.address}")) as count:
        yield count


@pytest.fixture
def tasks(tmp_path: Path) -> list[ReadTask]:
    folder = bare(tmp_path / "job.git", repository(tmp_path / "job", _FILES))
    return list(tasks_in(folder))


def tasks_in(folder: Path) -> Iterator[ReadTask]:
    """A task a file."""
    listed = git(folder, "--git-dir=.", "ls-tree", "-r", "HEAD").splitlines()
    for line in listed:
        head, path = line.split("\t")
        blob = head.split()[2]
        wanted = WantedBlob(path, blob, content_key(blob, "python"))
        yield ReadTask("acme/job", str(folder), (wanted,))


def outcome(all_done: Iterator[DoneTask]) -> dict[str, Any]:
    """What came of tasks, whoever did them and in whatever order; each came once."""
    found: dict[str, Any] = {}
    for done in all_done:
        (wanted,) = done.task.wanted
        assert wanted.path not in found
        found[wanted.path] = (done.contents, done.vectors, done.left_out, done.failed)
    return found


def alone(tasks: list[ReadTask]) -> dict[str, Any]:
    return outcome(LocalRunner(TABLE, workers=1).run(tasks))


def test_two_nodes_give_what_one_machine_gives(cpus: int, tasks: list[ReadTask]) -> None:
    assert cpus == 4
    found = outcome(RayRunner(cpus, EncoderHandle(TABLE)).run(tasks))
    assert found == alone(tasks)
    assert all(vectors[TABLE] for _, vectors, _, _ in found.values())


@pytest.mark.parametrize("lost", ["processes", "node"])
def test_what_dies_meanwhile_loses_nothing(
    lost: str, cluster: Any, second_node: Any, cpus: int, tasks: list[ReadTask]
) -> None:
    def with_a_loss() -> Iterator[DoneTask]:
        for number, done in enumerate(RayRunner(cpus, EncoderHandle(TABLE)).run(tasks)):
            if number == 0 and lost == "processes":
                assert killed("ray::MapWorker") + killed("ray::Map")
            elif number == 0:
                cluster.remove_node(second_node, allow_graceful=False)
            yield done

    assert outcome(with_a_loss()) == alone(tasks)


def killed(title: str) -> int:
    """End the processes whose title begins so."""
    listed = subprocess.run(["pgrep", "-f", f"^{title}"], capture_output=True, check=False)
    for number in listed.stdout.split():
        os.kill(int(number), signal.SIGKILL)
    return len(listed.stdout.split())


def test_what_a_node_cannot_see_is_read_here(
    cpus: int, tasks: list[ReadTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(
        "c2llm.index.catalog.on_ray.ray_runner.row_of",
        lambda number, task: row_elsewhere(number, task),
    )
    found = outcome(RayRunner(cpus, EncoderHandle(TABLE), told.append).run(tasks[:3]))
    assert found == alone(tasks[:3])
    assert len(told) == 1
    assert "on a disk that all nodes share" in told[0]


def row_elsewhere(number: int, task: ReadTask) -> dict[str, Any]:
    """A task as a node has it that lacks the disk."""
    from c2llm.index.catalog.on_ray.work import row_of

    return row_of(number, ReadTask(task.repository, task.folder + "-away", task.wanted))


def test_a_catalog_is_the_same_by_either(cpus: int, tmp_path: Path) -> None:
    repository(tmp_path / "one", dict(list(_FILES.items())[:6]))
    repository(tmp_path / "two", dict(list(_FILES.items())[3:9]))
    stores: list[dict[str, Any]] = []
    handle = EncoderHandle(TABLE)
    for name in ("here", "there"):
        catalog = add(name, tmp_path / "one", tmp_path / "two")
        runner = LocalRunner(TABLE, workers=1) if name == "here" else RayRunner(cpus, handle)
        store = store_of(catalog)
        report = refresh_catalog(catalog, store, runner, handle)
        assert len(report.refreshed) == 2
        mini = EncoderHandle("c2llm-mini")
        encoder = LocalEncoder(mini) if name == "here" else RayEncoder(cpus, mini)
        embedded = embed_catalog(store, mini, encoder=encoder)
        ids = [number for number, _ in store.texts()]
        assert embedded == len(ids)
        vectors = {}
        for model in (TABLE, "c2llm-mini"):
            known = store.model_id(model)
            assert known is not None
            vectors[model] = sorted(packed for _, packed in store.vectors(known[0]))
        trees = {one: store.tree(one) for one in store.repositories()}
        stores.append({"trees": trees, "vectors": vectors})
        store.close()
    assert stores[0] == stores[1]
