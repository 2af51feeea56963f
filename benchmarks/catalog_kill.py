"""`kill -9` at random moments of a catalog's refresh: is anything lost, is anything there twice?

    python benchmarks/catalog_kill.py REPOSITORY... --work FOLDER [--kills 100] [--json FILE]

Clones of the repositories are refreshed into a catalog and the command is killed, now alone, now
with all its processes, at a moment that is anywhere in the time that a whole refresh takes. After
each kill the store is opened: every repository must be as at one of its commits, all of it, and no
process may be left behind. When a refresh gets to its end before it is killed, all clones get a
commit more, and it goes on. In the end one refresh runs through, and what the store has then, and
what it answers, is compared with a store that was made of the same commits in one go: the same
repositories, places, contents, chunks and vectors, the same hits with the same scores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from own_clones import change, clone, git, shared_blobs

from c2llm.index.store.catalog.sqlite_catalog import SqliteCatalog

NAME = "killed"
MODEL = "c2llm-nano"
QUESTIONS = (
    "parse a configuration file",
    "where are failed requests retried",
    "read and write of compressed data",
    "check the permissions of a user",
    "lock shared state between threads",
    "how are errors wrapped",
    "line that was added in the last change",
    "command line options",
)
_ORPHAN_SECONDS = 20.0


class Home:
    """A catalog of its own: a folder for `C2LLM_HOME`, and the commands that use it."""

    def __init__(self, folder: Path, clones: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        self._environment = {
            **os.environ,
            "C2LLM_HOME": str(folder),
            "C2LLM_BACKGROUND": "0",
        }
        self.run("catalog", "add", NAME, "--folder", str(clones))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command of c2llm, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "c2llm", *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> bytes:
        """What a command prints; one that fails ends the benchmark."""
        process = self.start(*arguments)
        told, complained = process.communicate()
        if process.returncode:
            raise SystemExit(f"c2llm {' '.join(arguments)} failed: {complained.decode()}")
        return told

    def store(self) -> SqliteCatalog:
        """The store, as it is now."""
        (path,) = self.folder.rglob("store.sqlite")
        return SqliteCatalog(path, create=False)

    def has_store(self) -> bool:
        """Whether there is one yet."""
        return any(self.folder.rglob("store.sqlite"))


# -- what a store has ------------------------------------------------------------------------------


def content(store: SqliteCatalog) -> dict[str, Any]:
    """All that a store answers from, without its numbers."""
    told: dict[str, Any] = {"repositories": {}}
    for name, state in store.repositories().items():
        tree = {path: key.hex() for path, key in store.tree(name).items()}
        told["repositories"][name] = (state.revision, state.files, tree)
    model = store.model_id(MODEL)
    vectors = dict(store.vectors(model[0])) if model else {}
    files = store.files()
    places = store.places(file.id for file in files)
    imports = dict(store.imports())
    told["contents"] = sorted(
        (
            [place.whole for place in places.get(file.id, [])],
            file.path,
            file.language,
            sorted(imports.get(file.id, [])),
            list(_chunks(store, file.id, vectors)),
        )
        for file in files
    )
    told["counts"] = {
        "contents": len(files),
        "chunks": store.chunk_count(),
        "vectors": len(vectors),
        "contents that no repository has": sum(file.id not in places for file in files),
    }
    return told


def _chunks(store: SqliteCatalog, file_id: int, vectors: dict[int, bytes]) -> Iterator[list[Any]]:
    ids = store.chunks_of([file_id]).get(file_id, [])
    for stored in store.chunks(ids):
        one = stored.chunk
        text = hashlib.sha256(one.text.encode("utf-8", "surrogateescape")).hexdigest()
        vector = hashlib.sha256(vectors.get(stored.id, b"")).hexdigest()
        yield [one.start_line, one.end_line, one.kind, one.symbol, one.scope, text, vector]


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What two stores do not have in common, in words."""
    told = []
    for part in ("repositories", "counts"):
        for key in sorted(one[part].keys() | other[part].keys()):
            if one[part].get(key) != other[part].get(key):
                told.append(f"{part}: {key}")
    if one["contents"] != other["contents"]:
        known = {json.dumps(row) for row in one["contents"]}
        wanted = {json.dumps(row) for row in other["contents"]}
        told += [f"only after the kills: {row[:300]}" for row in sorted(known - wanted)[:5]]
        told += [f"only in one go: {row[:300]}" for row in sorted(wanted - known)[:5]]
        if known == wanted:
            told.append("a content is there twice")
    return told


def answers(home: Home) -> list[Any]:
    """The hits of all questions, with their scores."""
    told = []
    for question in QUESTIONS:
        for mode in ("lexical", "hybrid"):
            said = home.run(
                *("search", question, f"@{NAME}", "--mode", mode, "--model", MODEL, "--json")
            )
            told.append(_without_times(json.loads(said).get("results")))
    return told


def _without_times(hits: Any) -> Any:
    assert hits, "no hits"
    kept = ("repository", "path", "start_line", "end_line", "score", "text", "places")
    return [{key: hit.get(key) for key in kept} for hit in hits]


# -- kills -----------------------------------------------------------------------------------------


def check(home: Home, clones: Sequence[Path]) -> None:
    """A killed refresh has left each repository as at one of its commits.

    Raises:
        SystemExit: It has not.
    """
    if not home.has_store():
        return
    by_name = {one.name.removesuffix(".git"): one for one in clones}
    with closing(home.store()) as store:
        for name, state in store.repositories().items():
            folder = by_name[name.removesuffix(".git")]
            listed = git(
                folder, "ls-tree", "-r", "-z", "--name-only", "--full-tree", state.revision
            )
            paths = set(map(os.fsdecode, listed.split(b"\0")))
            tree = store.tree(name)
            if len(tree) != state.files or not tree.keys() <= paths:
                raise SystemExit(f"{name} is not as at {state.revision}")
            if store.known(tree.values()) != set(tree.values()):
                raise SystemExit(f"{name} has files without a content")
        files = store.files()
        homeless = len(files) - len(store.places(file.id for file in files))
        if homeless:
            raise SystemExit(f"{homeless} contents that no repository has are in answers")


def kill(process: subprocess.Popen[bytes], whole: bool) -> None:
    """Kill a command, or it and all its processes, and see that none of them stays."""
    if whole:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise SystemExit("a process of the killed refresh lives on")


def killed(
    home: Home, clones: Sequence[Path], kills: int, longest: float, seed: int
) -> dict[str, int]:
    """Refresh, and kill it so often; how many refreshes got to their end meanwhile."""
    rng = random.Random(seed)
    told = {"kills": 0, "refreshes that ended": 0}
    spared = shared_blobs(clones)
    while told["kills"] < kills:
        moment = rng.uniform(0.0, longest)
        begun = time.monotonic()
        process = home.start("catalog", "refresh", NAME)
        try:
            _, complained = process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            kill(process, whole=told["kills"] % 2 == 1)
            told["kills"] += 1
            check(home, clones)
            continue
        if process.returncode:
            raise SystemExit(f"a refresh failed: {complained.decode()}")
        told["refreshes that ended"] += 1
        longest = time.monotonic() - begun
        check(home, clones)
        for one in clones:
            change(one, 0.2, f"round {told['refreshes that ended']}", spared)
        print(f"\r{told['kills']} of {kills} kills", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return told


def main() -> None:
    """Kill, complete, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repositories", type=Path, nargs="+", metavar="REPOSITORY")
    parser.add_argument("--work", type=Path, required=True, help="a folder of its own")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where the numbers are written")
    options = parser.parse_args()
    os.nice(10)
    work = options.work.resolve()
    shutil.rmtree(work / "clones", ignore_errors=True)
    clones = clone([one.resolve() for one in options.repositories], work / "clones")
    first = Home(work / "first", work / "clones")
    begun = time.monotonic()
    first.run("catalog", "refresh", NAME)
    longest = time.monotonic() - begun
    home = Home(work / "killed", work / "clones")
    told: dict[str, Any] = {"repositories": len(clones), "seconds of the first": longest}
    told |= killed(home, clones, options.kills, longest, options.seed)
    home.run("catalog", "refresh", NAME)
    other = Home(work / "in-one-go", work / "clones")
    other.run("catalog", "refresh", NAME)
    with closing(home.store()) as one, closing(other.store()) as two:
        found, wanted = content(one), content(two)
    told |= found["counts"]
    told["differences"] = differences(found, wanted)
    told["answers are the same"] = answers(home) == answers(other)
    for key, value in told.items():
        print(f"{key}: {value}")
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if told["differences"] or not told["answers are the same"]:
        raise SystemExit("the stores differ")


if __name__ == "__main__":
    main()
