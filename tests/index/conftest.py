"""Every test has a cache directory and a project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trees import PROJECT, write_tree


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("C2LLM_HOME", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "project", dict(PROJECT))
