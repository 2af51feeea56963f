"""`patterns` as a user runs it: hits, what is new, what fails, what is allowed, and his own."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from c2llm.analysis.patterns import find
from c2llm.analysis.patterns.places.pool import PlacePool
from c2llm.cli.main import main
from tests.analysis.patterns.samples import NO_TIMEOUT, SWALLOWED
from tests.index.conftest import home
from tests.serving.conftest import git, repository
from tests.trees import write_tree

__all__ = ["home"]

ONLY = ("--only", "swallowed", "--only", "no-timeout")
ORDERS = """\
import requests


def save(order):
    try:
        write(order)
    except Exception:
        pass


def load(url):
    return requests.get(url).json()
"""
ALLOWED = """\
def remove(path):
    try:
        path.unlink()
    # c2llm: allow swallowed - it may be gone already
    except OSError:
        pass
"""
TREE = {
    "src/orders.py": ORDERS,
    "src/files.py": ALLOWED,
    "tests/test_orders.py": "def test_save():\n" + ORDERS.partition("\n\n\n")[2],
    "src/page.js": "try { a() } catch (error) {}\n",
    ".c2llm/patterns/swallowed.yaml": SWALLOWED,
    ".c2llm/patterns/no-timeout.yaml": NO_TIMEOUT,
}


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], home: Path):
    def run(*arguments: object) -> Done:
        code = 0
        try:
            main(["patterns", *map(str, arguments)])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return repository(tmp_path / "project", dict(TREE))


def told(done: Done) -> dict[str, Any]:
    assert done.out.count("\n") == 1, done.err
    return json.loads(done.out)


def places(found: dict[str, Any]) -> list[str]:
    return [f"{one['pattern']} {one['path']}:{one['start_line']}" for one in found["hits"]]


ALL = ["swallowed src/orders.py:7", "swallowed src/page.js:1", "no-timeout src/orders.py:12"]


def test_a_reader_is_told_where_and_what_to_do(call, project: Path) -> None:
    done = call(project, *ONLY)
    assert done.code == 0 and done.err == ""
    assert done.out.startswith("high   swallowed  Exception swallowed\n")
    assert "Handle it, or let it go." in done.out
    assert "src/orders.py:7  save" in done.out and "     8 |         pass" in done.out
    assert "3 hits of 2 patterns in 4 files: 2 high, 1 medium." in done.out
    assert "Set apart: 2 in tests, 1 allowed (--with tests,allowed)" in done.out


def test_json_is_one_object_and_the_second_run_reads_nothing(call, project: Path) -> None:
    found = told(call(project, *ONLY, "--json"))
    assert places(found) == ALL
    assert found["by_severity"] == {"high": 2, "medium": 1, "low": 0}
    assert found["apart"] == {"test": 2, "generated": 0, "allowed": 1}
    assert found["searched"] == 4
    hit = found["hits"][0]
    assert hit["symbol"] == "save" and hit["basis"] == "filter" and hit["role"] == "code"
    again = told(call(project, *ONLY, "--json"))
    assert again["searched"] == 0 and again["hits"] == found["hits"]
    (project / "src/orders.py").write_text("\n" + ORDERS)
    changed = told(call(project, *ONLY, "--json"))
    assert changed["searched"] == 1
    assert [one["start_line"] for one in changed["hits"]] == [8, 1, 13]
    assert [one["fingerprint"] for one in changed["hits"]] == [
        one["fingerprint"] for one in found["hits"]
    ]


def test_an_edited_pattern_is_looked_for_again(call, project: Path) -> None:
    call(project, *ONLY)
    own = project / ".c2llm/patterns/no-timeout.yaml"
    own.write_text(NO_TIMEOUT.replace("get|post", "post"))
    assert places(told(call(project, *ONLY, "--json"))) == ALL[:2]
    own.write_text(NO_TIMEOUT.replace("severity: medium", "severity: low"))
    found = told(call(project, *ONLY, "--json"))
    assert places(found) == ALL and found["by_severity"]["low"] == 1


def test_what_is_set_apart_is_told_where_it_is_asked_for(call, project: Path) -> None:
    found = told(call(project, *ONLY, "--json", "--with", "all"))
    assert found["found"] == 6
    [allowed] = [one for one in found["hits"] if one["allowed"]]
    assert allowed["allowed"] == "it may be gone already" and allowed["path"] == "src/files.py"
    assert call(project, "--with", "mice").code == 2


@pytest.mark.parametrize("indent", [None, 1])
def test_a_notebook_is_searched_however_it_is_written(
    call, tmp_path: Path, indent: int | None
) -> None:
    cells = ["%matplotlib inline\nimport requests\n", ORDERS]
    rows = [{"cell_type": "code", "source": one.splitlines(keepends=True)} for one in cells]
    notebook = json.dumps({"cells": rows, "metadata": {}, "nbformat": 4}, indent=indent)
    own = {".c2llm/patterns/no-timeout.yaml": NO_TIMEOUT}
    root = repository(tmp_path / "tree", {**own, "a.ipynb": notebook})
    line = next(n for n, row in enumerate(notebook.split("\n"), 1) if "requests.get" in row)
    [hit] = told(call(root, "--only", "no-timeout", "--json"))["hits"]
    assert (hit["start_line"], hit["end_line"], hit["symbol"]) == (line, line, "load")
    assert hit["lines"] == ["    return requests.get(url).json()"]
    [life] = told(call(root, "--only", "no-timeout", "--json", "--history"))["present"]
    assert life["line"] == line


def test_a_comment_behind_code_allows_what_is_in_its_line_only(call, tmp_path: Path) -> None:
    why = "c2llm: allow no-timeout - ours"
    get = "requests.get('a')"
    own = {".c2llm/patterns/no-timeout.yaml": NO_TIMEOUT}
    files = {"a.py": f"{get}  # {why}\n{get}\n", "b.js": f"/* {why} */\n{get}\n"}
    root = repository(tmp_path / "tree", {**own, **files})
    assert places(told(call(root, "--only", "no-timeout", "--json"))) == ["no-timeout a.py:2"]


def test_files_and_patterns_are_chosen(call, project: Path) -> None:
    assert places(told(call(project, *ONLY, "--json", "--lang", "js"))) == ALL[1:2]
    assert places(told(call(project, *ONLY, "--json", "--exclude", "*.js"))) == [ALL[0], ALL[2]]
    assert places(told(call(project, *ONLY, "--json", "--without", "high"))) == ALL[2:]
    limited = told(call(project, *ONLY, "--json", "--limit", "1"))
    assert places(limited) == ALL[:1] and limited["found"] == 3
    wrong = call(project, "--only", "nothing")
    assert wrong.code == 2 and "There is no pattern 'nothing'" in wrong.err


@pytest.mark.parametrize(
    ("fail_on", "only", "code"),
    [
        ("high", "swallowed", 3),
        ("medium", "swallowed", 3),
        ("high", "no-timeout", 0),
        ("medium", "no-timeout", 3),
        ("low", "no-timeout", 3),
    ],
)
def test_fail_on(call, project: Path, fail_on: str, only: str, code: int) -> None:
    done = call(project, "--only", only, "--fail-on", fail_on)
    assert done.code == code
    assert done.err.startswith("Failed: ") == (code == 3)


def test_hints_fail_nothing_unless_they_are_to_count(call, project: Path) -> None:
    (project / ".c2llm/patterns/swallowed.yaml").write_text(SWALLOWED + "hint: true\n")
    done = call(project, "--only", "swallowed", "--fail-on", "low")
    assert done.code == 0 and "swallowed (a hint)" in done.out
    assert call(project, "--only", "swallowed", "--fail-on", "low", "--hints").code == 3
    assert call(project, "--only", "swallowed", "--hints").code == 2


def test_a_diff_is_judged_by_the_lines_that_it_adds(call, project: Path) -> None:
    since = (*ONLY, "--since", "HEAD", "--fail-on", "high")
    assert call(project, *since).code == 0
    (project / "src/orders.py").write_text("# a line above\n" + ORDERS)
    assert call(project, *since).code == 0
    (project / "src/new.py").write_text("try:\n    a()\nexcept ValueError:\n    pass\n")
    done = call(project, *since)
    assert done.code == 3 and "src/new.py:3" in done.out and "orders" not in done.out
    assert "1 new hit of 2 patterns" in done.out
    git(project, "add", "-A")
    git(project, "commit", "-qm", "second")
    assert call(project, *since).code == 0
    assert call(project, *ONLY, "--since", "HEAD~1", "--fail-on", "high").code == 3
    wrong = call(project, *ONLY, "--since", "nowhere")
    assert wrong.code == 2 and "no revision 'nowhere'" in wrong.err


def test_what_a_baseline_knows_is_not_told(call, project: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    assert "3 hits are known" in call(project, *ONLY, "--write-baseline", known).err
    (project / "src/orders.py").rename(project / "src/renamed.py")
    assert places(told(call(project, *ONLY, "--json", "--baseline", known))) == []
    (project / "src/more.js").write_text("try { a() } catch (error) {}\n")
    done = call(project, *ONLY, "--baseline", known, "--fail-on", "high")
    assert done.code == 3 and "src/more.js:1" in done.out and "renamed" not in done.out
    known.write_text("{}")
    assert call(project, "--baseline", known).code == 1
    assert call(project, "--write-baseline", known).code == 2


def test_sarif_is_written_and_replaced(call, project: Path, tmp_path: Path) -> None:
    file = tmp_path / "found.sarif"
    for _ in range(2):
        assert "3 hits" in call(project / "src", "--library", project / ".c2llm/patterns", *ONLY,
                                "--sarif", file).out  # fmt: skip
    [run] = json.loads(file.read_text())["runs"]
    uris = [
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]
    ]
    assert uris == ["src/orders.py", "src/page.js", "src/orders.py", "src/files.py"]
    assert run["results"][3]["suppressions"][0]["justification"] == "it may be gone already"
    assert told(call(project, *ONLY, "--sarif", "-"))["version"] == "2.1.0"
    file.write_text("my own notes")
    assert call(project, "--sarif", file).code == 2 and file.read_text() == "my own notes"


def test_what_takes_too_long_to_search_fails_a_check(
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "PlacePool", partial(PlacePool, seconds=0.2))
    hidden = NO_TIMEOUT.replace("severity: medium", "severity: high")
    hidden = re.sub("regex: .*", "regex: '(a+)+[$]'", hidden)
    files = {"a.py": f"x = '{'a' * 60}'\n", ".c2llm/patterns/no-timeout.yaml": hidden}
    root = repository(tmp_path / "tree", files)
    asked = (root, "--only", "no-timeout", "--json")
    assert told(call(*asked))["failed"] == []
    for how in ((), ("--history",)):
        done = call(*asked, "--fail-on", "high", *how)
        assert done.code == 3 and told(done)["failed"] == [
            "not all files were searched for no-timeout; leave those that take too long out "
            "(--exclude)."
        ]
    (root / ".c2llm/patterns/no-timeout.yaml").write_text(hidden + "hint: true\n")
    assert call(*asked, "--fail-on", "high").code == 0


def test_a_broken_pattern_of_a_tree_is_one_sentence(call, project: Path) -> None:
    (project / ".c2llm/patterns/broken.yaml").write_text("name: broken\nwhat: 1\n")
    done = call(project)
    assert done.code == 1 and done.out == ""
    assert done.err.count("\n") == 1 and "broken.yaml: title is missing." in done.err


def test_a_pattern_is_made_from_code(call, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    write_tree(
        project,
        {
            "src/web.py": "def fetch_forever(client, url):\n    while True:\n        try:\n"
            "            return client.get(url)\n        except ConnectionError:\n"
            "            continue\n",
            "src/api.py": "def get_always(session, address):\n    while True:\n        try:\n"
            "            return session.get(address)\n        except ConnectionError:\n"
            "            continue\n",
        },
    )
    done = call("add", "for-ever", "--like", "src/api.py:4", "--severity", "high", "--json")
    made = told(done)
    assert made["file"] == ".c2llm/patterns/for-ever.yaml" and made["severity"] == "high"
    assert [one["path"] for one in made["hits"]] == ["src/web.py"]
    assert made["hits"][0]["basis"] == "meaning"
    assert call("check", "for-ever").code == 0
    found = told(call("--only", "for-ever", "--json"))
    assert {one["path"] for one in found["hits"]} == {"src/api.py", "src/web.py"}
    again = call("add", "for-ever", "--like", "src/api.py:4")
    assert again.code == 2 and "is there already" in again.err
    for name in ("Not A Name", "../../evil"):
        assert call("add", name, "--like", "src/api.py:4").code == 2
    assert call("add", "other", "--like", "src/api.py").code == 2
    outside = call("add", "other", "--like", "src/orders.py:1")
    assert outside.code == 2 and "src/orders.py:1 is in no function" in outside.err
    assert not (project / ".c2llm/patterns/other.yaml").exists()


def test_the_library_is_listed_and_shown(call, project: Path, monkeypatch) -> None:
    monkeypatch.chdir(project)
    assert "swallowed  Exception swallowed" in call("list").out
    names = [one["name"] for one in told(call("list", "--json"))["patterns"]]
    assert {"swallowed", "no-timeout"} < set(names)
    shown = call("show", "swallowed").out
    assert "Handle it, or let it go." in shown and "    save(order)" in shown
    assert told(call("show", "swallowed", "--json"))["find"]["words"] == {
        "common": ["except", "catch"]
    }
    assert call("show", "nothing").code == 2


def test_a_folder_may_be_named_like_a_verb(call, project: Path, monkeypatch) -> None:
    write_tree(project / "list", {"a.py": "try:\n    a()\nexcept ValueError:\n    pass\n"})
    monkeypatch.chdir(project)
    done = call("./list", "--library", ".c2llm/patterns", *ONLY)
    assert "a.py:3" in done.out


def test_a_library_may_be_named_once_for_all(call, project: Path, monkeypatch) -> None:
    monkeypatch.setenv("C2LLM_PATTERNS", str(project / ".c2llm/patterns"))
    assert "3 hits of 2 patterns" in call(project / "src", *ONLY).out


def test_names_of_files_do_not_steer_the_terminal(call, tmp_path: Path) -> None:
    evil = os.fsdecode(b"a\x1b[31m\xff.py")
    root = write_tree(
        tmp_path / "tree", {evil: ORDERS, ".c2llm/patterns/swallowed.yaml": SWALLOWED}
    )
    done = call(root, "--only", "swallowed")
    assert "a\\x1b[31m\\xff.py:7" in done.out and "\x1b" not in done.out
    told(call(root, "--only", "swallowed", "--json"))
    assert call(root, "--only", "swallowed", "--sarif", "-").code == 0
