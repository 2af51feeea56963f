"""The wheel that a release would have, built as `pip install .` builds it."""

from __future__ import annotations

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import c2llm

TOP = Path(__file__).parents[1]
MOST_BYTES = 60_000_000
"""As `tools/package.py` has it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [path] = folder.glob("*.whl")
    assert path.stat().st_size < MOST_BYTES
    return zipfile.ZipFile(path)


def test_it_carries_every_module_and_what_they_read(wheel: zipfile.ZipFile) -> None:
    source = TOP / "src"
    there = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    models = {f"c2llm/{path.relative_to(TOP).as_posix()}" for path in TOP.glob("models/*/*")}
    carried = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert carried == there | models


def test_it_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    told = email.message_from_bytes(wheel.read(name))
    assert told["Version"] == c2llm.__version__
    assert told["License-Expression"] == "Apache-2.0"
    assert {Path(one).name for one in told.get_all("License-File", [])} == {"LICENSE", "NOTICE"}
    needed = [one for one in told.get_all("Requires-Dist", []) if "extra ==" not in one]
    assert not [one for one in needed if one.startswith(("torch", "transformers"))]


def test_no_path_of_the_machine_that_built_it_is_in_it(wheel: zipfile.ZipFile) -> None:
    own = str(TOP).encode()
    for name in wheel.namelist():
        assert own not in wheel.read(name), name
