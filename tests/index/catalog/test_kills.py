"""A refresh that is killed at any moment: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from c2llm.index.catalog.catalogs import catalog_named
from tests.index.catalog.repositories import add, bare, commit, git, repository, store_of

KILLS = 12


def files_of(number: int, change: int = 0) -> dict[str, str]:
    shared = {f"lib/{n}.py": f"def shared_{n}(x):\n    return x + {n}\n" for n in range(20)}
    own = {f"own/{n}.py": f"def own_{number}_{n}():\n    return {change}\n" for n in range(20)}
    return {**shared, **own}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
def test_kill_9_at_random_moments(tmp_path: Path, home: Path) -> None:
    roots = [repository(tmp_path / f"r{n}", files_of(n)) for n in range(6)]
    servers = [bare(tmp_path / f"server{n}.git", root) for n, root in enumerate(roots[:3])]
    add("org", *roots[3:], *(server.as_uri() for server in servers))
    command = [sys.executable, "-m", "c2llm", "catalog", "refresh", "org"]
    chance = random.Random(7)
    for kill in range(KILLS):
        for number, root in enumerate(roots):
            commit(root, files_of(number, kill))
            if number < 3:
                git(root, "push", "-q", str(servers[number]), "main")
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.5, 6.0))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    store = store_of(catalog_named("org"))
    assert len(store.repositories()) == 6
    for number in range(6):
        name = f"server{number}" if number < 3 else f"r{number}"
        assert set(store.tree(name)) == set(files_of(number))
    texts = sorted(text for _, text in store.texts())
    assert texts == sorted(
        {text.rstrip("\n") for number in range(6) for text in files_of(number, KILLS - 1).values()}
    )
    assert store.sweep() == 0 and store.embedded("c2llm-nano") == len(texts)
    store.close()
