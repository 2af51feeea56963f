"""Trees with a repository around them, and what stands where a file is expected."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from c2llm.codebase.files.walk import WalkReport

GIT = shutil.which("git")
needs_git = pytest.mark.skipif(GIT is None, reason="git is the oracle")


def make(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def paths(report: WalkReport) -> set[str]:
    return {file.path for file in report.files}


def reasons(report: WalkReport) -> dict[str, str]:
    return {skip.path: skip.reason for skip in report.skipped}


def git(root: Path, *arguments: str) -> str:
    assert GIT is not None
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        [GIT, *identity, *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_a_pipe(path: Path) -> None:
    target = path.parent / f"{path.name}.target"
    os.mkfifo(target)
    path.symlink_to(target.name)


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listener(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may not be long
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(here)


def huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(3 << 30)


def folder(path: Path) -> None:
    path.mkdir()


def itself(path: Path) -> None:
    path.symlink_to(path.name)


HOSTILE: list[Callable[[Path], None]] = [
    pipe,
    link_to_a_pipe,
    endless_device,
    listener,
    huge,
    folder,
    itself,
]
