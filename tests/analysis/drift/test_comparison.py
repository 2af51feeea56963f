"""Two folders compared: how functions are found again, and what is told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from c2llm.analysis.drift import DriftReport, DriftRequest, Effect, compare_trees, open_tree
from c2llm.analysis.drift.as_json import payload
from c2llm.analysis.drift.as_markdown import code, markdown
from c2llm.analysis.drift.kept_changes import KeptChanges
from c2llm.errors import UsageError

PRICE = """LIMIT = 100


def price(order, fee=0.1):
    if order.size > LIMIT:
        raise ValueError("too large")
    total = order.size * order.price
    return total + fee
"""
HEDGE = """def hedge(book, market):
    rows = [one for one in book if one.open]
    delta = sum(row.delta * row.size for row in rows)
    if abs(delta) < 5:
        return None
    return market.sell(delta, limit=market.bid - 2)
"""


def compared(
    tmp_path: Path, before: Mapping[str, str], after: Mapping[str, str], **asked: tuple[str, ...]
) -> DriftReport:
    for name, files in (("before", before), ("after", after)):
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
    trees = [open_tree(str(tmp_path / name), tmp_path) for name in ("before", "after")]
    return compare_trees(trees[0], trees[1], DriftRequest(**asked))


def told(report: DriftReport) -> list[tuple[str, str, str]]:
    return [(one.name, one.relation, one.effect.name) for one in report.functions]


def test_a_removed_check_and_a_constant_come_first(tmp_path: Path):
    after = PRICE.replace("100", "1000").replace(
        '    if order.size > LIMIT:\n        raise ValueError("too large")\n', ""
    )
    report = compared(tmp_path, {"a.py": PRICE, "b.py": HEDGE}, {"a.py": after, "b.py": HEDGE})
    assert told(report) == [("price", "same", "BEHAVIOUR"), ("", "same", "BEHAVIOUR")]
    assert report.functions[0].reasons == ("1 check",)
    assert [(v.name, v.before, v.after, v.path, v.line) for v in report.values] == [
        ("LIMIT", "100", "1000", "a.py", 1)
    ]
    assert (report.files, report.same_files) == (2, 1)


def test_the_same_content_elsewhere_is_a_moved_file(tmp_path: Path):
    report = compared(tmp_path, {"a.py": PRICE}, {"lib/a.py": PRICE})
    assert (report.moved_files, report.functions) == ((("a.py", "lib/a.py"),), ())
    assert report.effect() == Effect.STRUCTURAL


def test_a_fork_with_another_layout_and_a_renamed_function(tmp_path: Path):
    after = HEDGE.replace("def hedge", "def neutralise").replace("< 5", "< 50")
    report = compared(
        tmp_path,
        {"src/risk/a.py": PRICE, "b.py": HEDGE},
        {"pkg/risk/a.py": PRICE + "\n", "c.py": after},
    )
    assert told(report) == [("neutralise", "renamed", "BEHAVIOUR")]
    assert report.functions[0].reasons[0] == "was called hedge"
    assert [change.what for change in report.functions[0].changes][:2] == ["constant", "rename"]


def test_callers_of_a_renamed_function_are_not_told_as_behaviour(tmp_path: Path):
    caller = "def run(book, market):\n    got = hedge(book, market)\n    return got\n"
    report = compared(
        tmp_path,
        {"a.py": HEDGE + "\n\n" + caller},
        {"a.py": (HEDGE + "\n\n" + caller).replace("hedge(", "neutralise(")},
    )
    assert {(one.name, one.effect.name) for one in report.functions} == {
        ("neutralise", "COSMETIC"),
        ("run", "COSMETIC"),
    }


def test_a_field_that_is_renamed_throughout_its_file_is_cosmetic(tmp_path: Path):
    text = (
        "class A:\n    def __init__(self):\n        self.total = 0\n\n"
        "    def add(self, one):\n        self.total += one\n        return self.total\n"
    )
    report = compared(tmp_path, {"a.py": text}, {"a.py": text.replace("total", "amount")})
    assert {one.effect for one in report.functions} == {Effect.COSMETIC}
    missed = text.replace("total", "amount", 2)
    report = compared(tmp_path, {"b.py": text}, {"b.py": missed})
    assert report.functions[0].effect == Effect.BEHAVIOUR


def test_extracted_statements_are_structural_and_a_change_on_the_way_is_not(tmp_path: Path):
    body = (
        "    rows = [one for one in book if one.open]\n"
        "    delta = sum(row.delta * row.size for row in rows)\n"
        "    book.note(rows, delta)\n"
    )
    before = f"def f(book, market):\n{body}    return market.sell(delta, book.limit)\n"
    helper = f"def exposure(book):\n{body}    return delta\n"
    after = (
        "def f(book, market):\n    delta = exposure(book)\n"
        f"    return market.sell(delta, book.limit)\n\n\n{helper}"
    )
    report = compared(tmp_path, {"a.py": before}, {"a.py": after})
    assert told(report) == [("f", "split", "STRUCTURAL")]
    assert [part.name for part in report.functions[0].parts] == ["exposure"]
    worse = after.replace("row.delta * row.size", "row.delta + row.size")
    report = compared(tmp_path / "again", {"a.py": before}, {"a.py": worse})
    assert report.functions[0].effect == Effect.BEHAVIOUR


def test_a_notebook_against_a_module(tmp_path: Path):
    cells = [
        {"cell_type": "markdown", "source": ["# words"], "metadata": {}},
        {
            "cell_type": "code",
            "source": [line + "\n" for line in PRICE.split("\n")],
            "metadata": {},
            "outputs": [],
            "execution_count": 1,
        },
    ]
    notebook = {
        "cells": cells,
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "research.ipynb").write_text(json.dumps(notebook, indent=1))
    (tmp_path / "live.py").write_text(PRICE.replace("fee=0.1", "fee=0.2"))
    trees = [open_tree(str(tmp_path / name), tmp_path) for name in ("research.ipynb", "live.py")]
    report = compare_trees(trees[0], trees[1])
    assert told(report) == [("price", "same", "BEHAVIOUR")]
    assert [(v.kind, v.name, v.before, v.after) for v in report.values] == [
        ("default", "fee", "0.1", "0.2")
    ]


def test_settings_are_values(tmp_path: Path):
    report = compared(
        tmp_path, {"a.yaml": "api:\n  timeout: 3\n"}, {"a.yaml": "api:\n  timeout: 30\n"}
    )
    assert [(v.kind, v.name, v.before, v.after, v.line) for v in report.values] == [
        ("setting", "api.timeout", "3", "30", 2)
    ]


def test_what_one_tree_alone_has_and_the_filters(tmp_path: Path):
    files = {"a.py": PRICE, "x.go": "package x\n\nfunc F() int {\n\treturn 1\n}\n"}
    report = compared(tmp_path, {"a.py": PRICE}, files)
    assert [(one.name, one.relation) for one in report.functions] == [("", "added"), ("F", "added")]
    assert not compared(tmp_path, {}, {}, exclude=("*.go",)).functions
    assert compared(tmp_path, {}, {}, languages=("golang",)).counts()["added"] == 2
    with pytest.raises(UsageError, match="None of the 2 files"):
        compared(tmp_path, {}, {}, include=("*.rs",))


def test_hostile_names_and_code_stay_code_in_markdown(tmp_path: Path):
    text = 'def f(a):\n    return "``` <img src=x> @all | ![](http://x) \u202e"\n'
    report = compared(tmp_path, {"a`b|.py": text}, {"a`b|.py": text.replace("@all", "@some")})
    shown = markdown(report, 20)
    assert "\u202e" not in shown
    assert "````" in shown
    assert code("a|b") == "`a\\|b`"
    assert code("`x`") == "`` `x` ``"
    json.dumps(payload(report, None, [], 0.0))


def test_a_comment_is_no_longer_than_it_may_be(tmp_path: Path):
    names = range(2_000)
    text = "".join(
        f"def f{n}(a):\n    return a.something_long_{'x' * 60} + {n}\n\n\n" for n in names
    )
    report = compared(tmp_path, {"a.py": text}, {"a.py": text.replace("+", "-")})
    assert len(markdown(report, 5_000)) < 65_000


def test_what_was_kept_is_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    long = "def f(a):\n" + "".join(f"    a.run({n}, {n * 3})\n" for n in range(300))
    (tmp_path / "one.py").write_text(long)
    (tmp_path / "two.py").write_text(long.replace("a.run(7, 21)", "a.run(8, 21)"))
    trees = [open_tree(str(tmp_path / name), tmp_path) for name in ("one.py", "two.py")]
    file = tmp_path / "home" / "x.sqlite"
    first = compare_trees(trees[0], trees[1], kept=KeptChanges(file))
    assert first.functions

    monkeypatch.setattr("c2llm.analysis.drift.comparison.changes_between", lambda *_, **__: 1 / 0)
    assert compare_trees(trees[0], trees[1], kept=KeptChanges(file)) == first


def test_a_change_without_weight_beside_a_number_that_is_none(tmp_path: Path):
    files = {"a.py": "def f(a):\n    return a\n", "b.json": '{"a": NaN, "b": 1e999}'}
    others = {"a.py": "def f(a):\n    return  a\n", "b.json": '{"a": 1, "b": -1e-320}'}
    report = compared(tmp_path, files, others)
    assert len(report.values) == 2
    assert all(0 <= one.weight <= 1 for one in (*report.values, *report.functions))


def test_what_is_gone_bears_behaviour_and_so_does_all_that_a_file_runs(tmp_path: Path):
    guard = "class Desk(Base):\n    def check(self, order):\n        raise TooLarge(order)\n"
    report = compared(
        tmp_path,
        {"a.py": guard + PRICE, "run.sh": "set -e\nf() {\n  rm x\n}\n", "gone.yml": "limit: 3\n"},
        {"a.py": guard[:17] + "    pass\n" + PRICE, "run.sh": "f() {\n  rm x\n}\n"},
    )
    effects = {(one.path, one.name): (one.relation, one.effect) for one in report.functions}
    assert effects["a.py", "Desk.check"] == ("removed", Effect.BEHAVIOUR)
    assert effects["run.sh", ""] == ("same", Effect.BEHAVIOUR)
    assert effects["gone.yml", ""] == ("removed", Effect.BEHAVIOUR)


def test_what_came_is_structural_but_settings_and_what_a_file_runs(tmp_path: Path):
    (tmp_path / "before").mkdir()
    report = compared(
        tmp_path,
        {"a.py": HEDGE, "b.py": HEDGE},
        {"a.py": "import os\n" + HEDGE, "b.py": HEDGE + "hedge(1, 2)\n", "new.yml": "limit: 3\n"},
    )
    effects = {one.path: (one.relation, one.effect) for one in report.functions}
    assert effects == {
        "a.py": ("same", Effect.STRUCTURAL),
        "b.py": ("same", Effect.BEHAVIOUR),
        "new.yml": ("added", Effect.BEHAVIOUR),
    }
