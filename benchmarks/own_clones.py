"""Clones of one's own, beside repositories that are never written to, and commits in them.

A clone is bare and borrows the objects of the repository that it is of (`git clone --shared`), so
that two hundred of them cost no disk. A commit is made from blobs and trees alone: no work tree, no
hook, no filter, no configuration of anybody's.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

_LARGEST = 100_000
"""Bytes of a file that is changed."""
_NOBODY = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "nobody"), ("EMAIL", "nobody@example.org"))
    },
}


def git(folder: Path, *arguments: str, given: bytes = b"", index: Path | None = None) -> bytes:
    """What a git command says; one that fails ends the benchmark."""
    environment = {**os.environ, **_NOBODY}
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
    command = ["git", "--git-dir", str(folder), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode(errors='replace')}")
    return done.stdout


def clone(repositories: Iterable[Path], folder: Path) -> list[Path]:
    """Clone each repository into a folder, unless its clone is there."""
    folder.mkdir(parents=True, exist_ok=True)
    clones = []
    for repository in repositories:
        to = folder / f"{repository.name}.git"
        if not to.exists():
            environment = {**os.environ, **_NOBODY}
            words = ("git", "clone", "--quiet", "--bare", "--shared", str(repository), str(to))
            subprocess.run(words, env=environment, check=True)
        clones.append(to)
    return clones


def shared_blobs(clones: Sequence[Path]) -> set[str]:
    """Names of the blobs that are at more than one place."""
    seen: set[str] = set()
    again: set[str] = set()
    for one in clones:
        for _, blob, _ in _files(one):
            (again if blob in seen else seen).add(blob)
    return again


def change(clone: Path, share: float, label: str, spared: Iterable[str] = (), seed: int = 0) -> int:
    """Commit a line more in some of the files of a clone, and say in how many.

    Args:
        clone: It gets a commit.
        share: Of its files, at least one.
        label: Is in the line, so that two changes give two contents.
        spared: Names of blobs that stay.
        seed: Which files are taken.
    """
    kept = set(spared)
    files = [(path, blob) for path, blob, size in _files(clone) if size <= _LARGEST]
    files = [(path, blob) for path, blob in files if blob not in kept]
    rng = random.Random(f"{seed} {label} {clone.name}")
    rng.shuffle(files)
    index = clone / "change.index"
    index.unlink(missing_ok=True)
    git(clone, "read-tree", "HEAD", index=index)
    wanted, entries = max(1, round(share * len(files))), []
    for path, blob in files:
        content = git(clone, "cat-file", "blob", blob)
        if b"\0" in content or not content.endswith(b"\n"):
            continue
        line = f"// {label} of {path}\n".encode("utf-8", "surrogateescape")
        new = git(clone, "hash-object", "-w", "--stdin", given=content + line).decode().strip()
        entries.append(f"100644 {new}\t".encode() + os.fsencode(path) + b"\0")
        if len(entries) == wanted:
            break
    git(clone, "update-index", "-z", "--index-info", given=b"".join(entries), index=index)
    tree = git(clone, "write-tree", index=index).decode().strip()
    commit = git(clone, "commit-tree", tree, "-p", "HEAD", "-m", label).decode().strip()
    git(clone, "update-ref", "HEAD", commit)
    index.unlink(missing_ok=True)
    return len(entries)


def _files(clone: Path) -> list[tuple[str, str, int]]:
    """Path, blob and bytes of the plain files at HEAD."""
    found = []
    for entry in git(clone, "ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD").split(b"\0"):
        head, _, path = entry.partition(b"\t")
        fields = head.decode().split()
        if len(fields) == 4 and fields[0] == "100644" and fields[3].isdigit():
            found.append((os.fsdecode(path), fields[2], int(fields[3])))
    return found
