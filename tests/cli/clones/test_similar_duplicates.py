"""`similar` tells which results are duplicates, where that is known or asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.cli.main import main
from tests.cli.clones.test_clones import TREE, Done
from tests.index.conftest import home
from tests.trees import write_tree

__all__ = ["home"]


@pytest.fixture
def similar(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]):
    root = write_tree(tmp_path / "project", dict(TREE))

    def run(*arguments: str, verb: str = "similar") -> Done:
        place = [f"{root}/src/api.py:3", "--in", str(root), "--mode", "lexical"]
        main([verb, *(place if verb == "similar" else [str(root)]), *arguments])
        said = capsys.readouterr()
        return Done(0, said.out, said.err)

    return run


def classes(done: Done) -> dict[str, object]:
    return {one["path"]: one.get("duplicates") for one in json.loads(done.out)["results"]}


def test_nothing_is_looked_for_unless_it_is_asked_for(similar) -> None:
    assert set(classes(similar("--json")).values()) == {None}
    found = classes(similar("--json", "--duplicates"))["src/web.py"]
    assert (found["type"], found["count"]) == (2, 2) and found["id"]
    assert classes(similar("--json"))["src/web.py"] == found  # it is kept now


def test_what_clones_has_found_is_known(similar) -> None:
    similar(verb="clones")
    assert classes(similar("--json"))["src/web.py"]["count"] == 2
    told = similar().out
    assert "is one of 2 places with the same code (type 2" in told and "c2llm clones)." in told
    assert "places with the same code" not in similar("--vimgrep").out
