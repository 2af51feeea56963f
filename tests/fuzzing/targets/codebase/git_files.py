"""What is read of a repository without asking git: settings, index, attributes, ignore files."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from c2llm.codebase.files.attributes import GENERATED, VENDORED, parse_attributes
from c2llm.codebase.files.repository import find_repository, parse_settings
from c2llm.codebase.files.tracked import TrackedFiles
from c2llm.codebase.files.walk import list_files
from tests.fuzzing.reading import head, headed, text_of, tokens
from tests.fuzzing.target import Target

_FILES = (
    *("config", "index", "HEAD", "commondir", "info/exclude", "gitdir", ".gitattributes"),
    *(".gitignore", ".gitmodules", ".c2llmignore", "packed-refs", "sharedindex.00"),
)


@cache
def _top() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-git-")).resolve()


def check(data: bytes) -> None:
    """The first line is the file of a repository that the rest is put into."""
    name, content = headed(data, _FILES)
    top = _top()
    shutil.rmtree(top, ignore_errors=True)
    (top / "sub").mkdir(parents=True)
    (top / "a.py").write_text("x = 1\n")
    (top / "sub" / "b.py").write_text("y = 1\n")
    if name == "gitdir":  # `.git` is a file
        (top / ".git").write_bytes(content)
    else:
        file = top / (name if name.startswith(".") else f".git/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        (top / ".git").mkdir(exist_ok=True)
        file.write_bytes(content)
    listed = list_files(top)
    assert listed == list_files(top)
    paths = [file.path for file in listed.files]
    assert len(set(paths)) == len(paths)
    assert all((top / path).resolve().is_relative_to(top) for path in paths)
    tracked = TrackedFiles(find_repository(top), "")
    assert tracked.holds("a.py") in (True, False) and tracked.holds("sub/") in (True, False)
    text = text_of(content)
    for setting, _value in parse_settings(text):
        assert "." in setting
    attributes = parse_attributes(text)
    if attributes is not None:
        for attribute in (GENERATED, VENDORED):
            attributes.verdict(attribute, "a/b.py", "b.py", is_directory=False)


def _index(version: int, *names: bytes) -> bytes:
    """An index as git writes it, with stamps of zeros."""
    out = b"DIRC" + version.to_bytes(4) + len(names).to_bytes(4)
    for name in names:
        entry = bytes(60) + len(name).to_bytes(2) + (b"\0" if version == 4 else b"") + name
        size = len(entry) + 1 if version == 4 else (len(entry) + 8) & ~7
        out += entry.ljust(size, b"\0")
    return out + bytes(20)


_SEEDS = [
    head(
        "config",
        '[core]\n\tignorecase = true ; no\n[a "b\\"c"] d = "x \\n" \\\n y\n'
        "[include]\npath = config\n",
    ),
    *(head("index", _index(version, b"a.py", b"sub/b.py")) for version in (2, 3, 4)),
    head("gitdir", "gitdir: sub/../.git2\n"),
    head(
        ".gitattributes",
        '*.py linguist-generated\n"a b" -linguist-vendored linguist-generated=false\n',
    ),
    head(".gitignore", "*.py\n!a.py\nsub/\n"),
    head(".gitmodules", '[submodule "sub"]\n\tpath = sub\n\turl = ../x\n'),
    head("commondir", "../sub\n"),
    head("info/exclude", "sub\n"),
]
_TOKENS = tokens(
    r"""
    [include]\npath= ~nobody/ ../.. excludesfile\x20=\x20 linguist-generated link
    \x00\x00\x00\x02 worktree\x20=\x20/\n [core]\n \\\n
    """
)

TARGET = Target(check, _SEEDS, _TOKENS, answers=())
