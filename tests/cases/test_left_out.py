"""A query that names what no indexed file has is told so, and where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.trees import write_tree

TREE = {
    "main.py": "def main(path):\n    return open(path)\n",
    "near.py": "def refund_invoice(order):\n    return order\n",
    "gen/api.py": "# This file is generated. Do not edit.\ndef refundOrderNow():\n    return 1\n",
    "big.sql": "-- x\n" * 300_000 + "CREATE TABLE ledger_of_old;\n",
    "web/lib.min.js": "function q(){return 1}var packedThing=1;\n",
    "node_modules/left/pad.js": "function leftPadAll() {}\n",
    ".gitignore": "local/\n.env\n*.pem\n",
    "local/own.py": "def my_local_thing():\n    pass\n",
    ".env": "API_TOKEN_NAME=refundOrderNow my_secret_name\n",
    "server.pem": "my_secret_name\n",
    "cut_short.ipynb": '{"nbformat": 4, "cells": [{"source": "def fit_half_a_tree',
    "stray.c": "int strayNul = 1; /* \0 */\n",
    "gen/laerm.py": "# This file is generated. Do not edit.\ndef ÄrgerMessen():\n    return 1\n",
    ".gitattributes": "copied.py linguist-vendored\nmade.py linguist-generated\n",
    "copied.py": "def copied_in_here(): pass\n",
    "made.py": "def made_elsewhere(): pass\n",
    ".git/HEAD": "ref: refs/heads/main\n",
}


@pytest.fixture
def index(tmp_path: Path, home: Path) -> CodeIndex:
    return CodeIndex.open(write_tree(tmp_path / "tree", dict(TREE)), embed="none")


def notes(index: CodeIndex, query: str, **options: object) -> str:
    return " ".join(index.answer(SearchRequest(query, mode="lexical", **options)).notes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("refundOrderNow", "gen/api.py", "generated"),
        ("ledger_of_old", "big.sql", "too large"),
        ("packedThing", "web/lib.min.js", "generated"),
        ("leftPadAll", "node_modules/left/pad.js", "dependencies"),
        ("my_local_thing", "local/own.py", "ignored by git"),
        ("fit_half_a_tree", "cut_short.ipynb", "broken notebook"),
        ("copied_in_here", "copied.py", "linguist-vendored"),
        ("made_elsewhere", "made.py", "linguist-generated"),
        ("strayNul", "stray.c", "binary"),
        ("ÄrgerMessen", "gen/laerm.py", "generated"),
        ("LeftPadALL", "node_modules/left/pad.js", "dependencies"),
    ],
)
def test_the_files_that_have_it_are_named(index: CodeIndex, name: str, path: str, reason: str):
    for query in (name, f"where is {name} called", f"sym:{name}"):
        told = notes(index, query)
        assert f"No indexed file contains {name}" in told and f"{path} ({reason})" in told, query
        assert ".env" not in told and ".pem" not in told


def test_no_cure_is_told_that_is_none(index: CodeIndex) -> None:
    assert ".c2llmignore" in notes(index, "packedThing")
    assert ".c2llmignore" not in notes(index, "fit_half_a_tree")
    assert ".c2llmignore" not in notes(index, "strayNul")


def test_a_secret_is_not_looked_at(index: CodeIndex) -> None:
    assert notes(index, "my_secret_name") == "No indexed file contains my_secret_name."


def test_what_is_there_needs_no_word(index: CodeIndex) -> None:
    for query in ("main", "refund_invoice", "refundInvoice", "open the path", "main.py:1"):
        assert notes(index, query) == ""
    assert notes(index, "code: x = leftPadAll(2);") == ""


def test_answers_that_only_resemble_it_are_called_so(index: CodeIndex) -> None:
    told = notes(index, "refund_order_of_invoice")
    assert told == "No indexed file contains refund_order_of_invoice; the answers only resemble it."
    assert notes(index, "`frobnicate` invoice").startswith("No indexed file contains frobnicate")


def test_a_path_that_is_left_out(index: CodeIndex) -> None:
    assert "gen/api.py (generated) is left out" in notes(index, "gen/api.py:2")
    assert "big.sql (too large) is left out" in notes(index, "big.sql")


def test_no_link_is_followed(tmp_path: Path, index: CodeIndex) -> None:
    (tmp_path / "outside.py").write_text("def outside_only(): pass\n")
    (index.root / "node_modules" / "x.py").symlink_to(tmp_path / "outside.py")
    (index.root / "node_modules" / "y").symlink_to(tmp_path)
    assert notes(index, "outside_only") == "No indexed file contains outside_only."


def test_the_command_tells_it(index: CodeIndex, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(index.root)
    main(["search", "leftPadAll", root, "--mode", "lexical", "--json"])
    assert "pad.js" in " ".join(json.loads(capsys.readouterr().out)["notes"])
    main(["search", "leftPadAll", root, "--mode", "lexical"])
    assert "node_modules/left/pad.js (dependencies)" in capsys.readouterr().err
