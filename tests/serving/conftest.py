"""Every test has a home, and a project that is a repository with one commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.index.conftest import home
from tests.trees import PROJECT, write_tree

__all__ = ["home"]


def git(folder: Path, *arguments: str) -> str:
    """Run git as nobody in particular."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *who, "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def repository(folder: Path, files: dict[str, str | bytes]) -> Path:
    """A repository with these files in its one commit."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    write_tree(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return repository(tmp_path / "project", dict(PROJECT))
