"""Trees that no git would write: names that lead out, modes that do not exist, objects cut off."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zlib
from functools import cache
from pathlib import Path

from c2llm.codebase.git import Git
from c2llm.codebase.revisions.objects import read_objects
from c2llm.codebase.revisions.unpacked import unpack
from tests.fuzzing.reading import tokens
from tests.fuzzing.target import Target


@cache
def _home() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-objects-")).resolve()


def check(data: bytes) -> None:
    """Each line is the mode and the name of an entry; the file holds what comes behind them."""
    home = _home()
    shutil.rmtree(home, ignore_errors=True)
    git, out = home / "repository.git", home / "out"
    (git / "refs").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/a\n")
    (git / "config").write_text("[core]\n\tbare = true\n\trepositoryformatversion = 0\n")
    blob = _write(git, b"blob", b"x = 1\n")
    sub = _write(git, b"tree", b"100644 c.py\0" + blob)
    tree = b""
    for line in data.split(b"\n")[:20]:
        mode, _, name = line.partition(b" ")
        tree += mode + b" " + name.replace(b"\0", b"") + b"\0" + (sub if mode == b"40000" else blob)
    top = _write(git, b"tree", tree)
    commit = _write(git, b"commit", b"tree " + top.hex().encode() + b"\nauthor a <a> 0 +0\n\nx\n")
    out.mkdir()
    repository = Git(git, bare=True)
    unpack(repository, commit.hex(), out, largest=1_000)
    below = [path for path in home.rglob("*") if git not in (path, *path.parents)]
    assert all(out in (path, *path.parents) for path in below), "written outside of the folder"
    assert not any(path.is_symlink() for path in below)
    assert not any(path.name.casefold() == ".git" for path in below)
    names = [blob.hex(), "0" * 40, top.hex()]
    assert [one.name for one in read_objects(repository, names, 100)] == names


def _write(git: Path, kind: bytes, content: bytes) -> bytes:
    whole = kind + b" %d\0" % len(content) + content
    name = hashlib.sha1(whole, usedforsecurity=False)
    path = git / "objects" / name.hexdigest()[:2] / name.hexdigest()[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zlib.compress(whole))
    return name.digest()


_SEEDS = [
    b"100644 a.py\n40000 sub\n100755 run.sh\n120000 link\n160000 module",
    b"100644 ../a.py\n100644 a/b\n40000 ..\n100644 .git\n40000 .GIT",
    b"100644 a\n40000 a\n100644 a/c.py",
]
_TOKENS = tokens(
    r"""
    100644\x20 40000\x20 120000\x20 .. .git / 100644\x20a\n
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    - :(top)
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, quick=3)
