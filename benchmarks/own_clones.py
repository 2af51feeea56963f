"""Clones of one's own, beside repositories that are never written to, and commits in them.

A clone is bare and borrows the objects of the repository that it is of (`git clone --shared`), so
that two hundred of them cost no disk. A commit is made from blobs and trees alone: no work tree, no
hook, no filter, no configuration of anybody's.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

_LARGEST = 100_000
"""Bytes of a file that is changed."""
_REF = "refs/heads/changed"
_NOBODY = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What a git command says; one that fails ends the benchmark."""
    environment = {**os.environ, **_NOBODY}
    command = ["git", "--git-dir", str(folder), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode(errors='replace')}")
    return done.stdout


def clone(repositories: Iterable[Path], folder: Path) -> list[Path]:
    """Clone each repository into a folder, unless its clone is there."""
    repositories = list(repositories)
    if len({one.name for one in repositories}) < len(repositories):
        raise SystemExit("two of the repositories have one name")
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


def change(
    clone: Path, share: float, label: str, spared: Collection[str] = (), seed: int = 0
) -> int:
    """Commit a line more in some of the files of a clone, and say in how many.

    Args:
        clone: It gets a commit.
        share: Of its files, at least one.
        label: Is in the line, so that two changes give two contents.
        spared: Names of blobs that stay.
        seed: Which files are taken.
    """
    files = [
        (path, blob)
        for path, blob, size in _files(clone)
        if size <= _LARGEST and blob not in spared and path.isprintable() and '"' not in path
    ]
    random.Random(f"{seed} {label} {clone.name}").shuffle(files)
    wanted = max(1, round(share * len(files)))
    tried = files[: 2 * wanted + 10]  # some of them are no text
    parts: list[bytes] = []
    for (path, _), content in zip(tried, _contents(clone, [b for _, b in tried]), strict=True):
        if b"\0" not in content and content.endswith(b"\n") and len(parts) < wanted:
            new = content + f"// {label} of {path}\n".encode()
            parts.append(f"M 100644 inline {path}\ndata {len(new)}\n".encode() + new + b"\n")
    head = git(clone, "rev-parse", "HEAD").decode().strip()
    commit = f"commit {_REF}\ncommitter nobody <nobody@example.org> 0 +0000\n"
    commit += f"data {len(label)}\n{label}\nfrom {head}\n"
    git(clone, "fast-import", "--quiet", "--force", given=commit.encode() + b"".join(parts))
    git(clone, "update-ref", "HEAD", _REF)
    return len(parts)


def _contents(clone: Path, blobs: Sequence[str]) -> Iterator[bytes]:
    """The blobs' bytes, by one command."""
    told = git(clone, "cat-file", "--batch", given="".join(f"{one}\n" for one in blobs).encode())
    place = 0
    for _ in blobs:
        end = told.index(b"\n", place)
        size = int(told[place:end].split()[2])
        yield told[end + 1 : end + 1 + size]
        place = end + size + 2


def _files(clone: Path) -> list[tuple[str, str, int]]:
    """Path, blob and bytes of the plain files at HEAD."""
    found = []
    for entry in git(clone, "ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD").split(b"\0"):
        head, _, path = entry.partition(b"\t")
        fields = head.decode().split()
        if len(fields) == 4 and fields[0] == "100644" and fields[3].isdigit():
            found.append((os.fsdecode(path), fields[2], int(fields[3])))
    return found
