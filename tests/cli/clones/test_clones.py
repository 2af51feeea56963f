"""`clones` as a user runs it: forms, pages, what is new, and what makes it fail."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from c2llm.cli.main import main
from tests.analysis.clone_report.reports import OTHER
from tests.index.conftest import home
from tests.serving.conftest import git, repository
from tests.trees import write_tree

__all__ = ["home"]

BODY = """def total_of_{name}(orders, limit, currency):
    {name}_total = 0
    {name}_seen = set()
    for {name}_order in orders:
        if {name}_order.price > limit and {name}_order.key not in {name}_seen:
            {name}_seen.add({name}_order.key)
            {name}_total += {name}_order.price * currency.rate
    if {name}_total < 0:
        raise ValueError("negative")
    return round({name}_total, currency.digits)
"""
CHECK = """def check_{name}(client):
    {name} = client.get("/orders?limit=10")
    assert {name}.status == 200
    assert [one["key"] for one in {name}.json()] == ["a", "b"]
    {name}.post("/orders", {{"key": "c"}})
    assert {name}.get("/orders").json()[-1] == {{"key": "c", "price": 0}}
    {name}.close()
"""
TREE = {
    "src/api.py": BODY.format(name="api"),
    "src/web.py": BODY.format(name="web"),
    "src/other.py": OTHER,
    "tests/test_api.py": CHECK.format(name="api"),
    "tests/test_web.py": CHECK.format(name="web"),
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
            main(["clones", *map(str, arguments)])
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


def places(found: dict[str, Any]) -> list[list[str]]:
    return [
        [f"{one['path']}:{one['start_line']}-{one['end_line']}" for one in clone["members"]]
        for clone in found["classes"]
    ]


def test_a_reader_is_told_where_and_how_much(call, project: Path) -> None:
    done = call(project, "--diff")
    assert done.code == 0 and done.err == ""
    first, *_, last = done.out.strip().splitlines()
    assert first.startswith("1  type 2 other names, ")
    assert "src/api.py:1-10" in done.out and "src/web.py:1-10" in done.out
    assert "renamed: total_of_api -> total_of_web" in done.out
    assert "nothing else differs" in done.out
    assert "in 1 class: 1 of type 2." in done.out
    assert last.startswith("Set apart: 1 of tests (--with tests)")


def test_json_is_one_object(call, project: Path) -> None:
    found = told(call(project, "--json", "--diff"))
    assert places(found) == [["src/api.py:1-10", "src/web.py:1-10"]]
    assert found["by_type"] == {"2": 1} and found["apart"] == {"test": 1}
    assert (found["classes_found"], found["duplicated_lines"]) == (1, 20)
    [clone] = found["classes"]
    assert clone["type"] == 2 and clone["saved_lines"] == 10 and clone["role"] == "code"
    [differs] = clone["differs"]
    assert differs["renames"][0] == {"from": "total_of_api", "to": "total_of_web", "count": 1}
    assert differs["lines"] == []
    assert found == told(call(project, "--format", "json", "--diff")) | {
        "took_ms": found["took_ms"]
    }


def test_what_is_apart_can_be_shown(call, project: Path) -> None:
    found = told(call(project, "--with", "tests", "--json"))
    assert found["apart"] == {}
    assert "tests/test_api.py" in str(places(found))
    assert told(call(project, "--with", "all", "--json"))["classes"] == found["classes"]


def test_options_that_narrow(call, project: Path) -> None:
    assert told(call(project, "--type", "1", "--json"))["classes"] == []
    assert told(call(project, "--min-lines", 50, "--json"))["classes"] == []
    assert told(call(project, "--min-tokens", 500, "--json"))["classes"] == []
    assert told(call(project, "--exclude", "src/web.py", "--json"))["classes"] == []
    assert places(told(call(project, "--include", "src/*", "--lang", "py", "--json"))) != []


def test_the_help_tells_the_defaults() -> None:
    from c2llm.analysis.clones.request import ClonesRequest
    from c2llm.cli.clones.command import command

    shown = {one.name: getattr(one, "show_default", None) for one in command.params}
    defaults = ClonesRequest()
    assert shown["min_lines"] == str(defaults.min_lines)
    assert shown["min_tokens"] == str(defaults.min_tokens)


def test_pages(call, project: Path) -> None:
    found = told(call(project, "--with", "tests", "--json"))
    count = found["classes_found"]
    page = told(call(project, "--with", "tests", "--json", "-k", 1, "--offset", count - 1))
    assert page["classes"] == found["classes"][-1:] and page["classes_found"] == count
    done = call(project, "--with", "tests", "-k", 1)
    assert done.out.startswith(" 1  ") and (count == 1 or "--offset 1" in done.out)
    assert call(project, "--offset", 100).out.splitlines()[0].startswith("5 files, ")


def test_several_trees_are_compared_with_each_other(call, tmp_path: Path) -> None:
    for name in ("api", "web"):
        write_tree(tmp_path / name, {f"{name}.py": BODY.format(name=name)})
    found = told(call(tmp_path / "api", tmp_path / "web", "--json"))
    assert [one["repository"] for one in found["classes"][0]["members"]] == ["api", "web"]
    done = call(tmp_path / "api", tmp_path / "web", "--diff")
    assert "api/api.py:1-10" in done.out and "total_of_api -> total_of_web" in done.out
    log = told(call(tmp_path / "api", tmp_path / "web", "--format", "sarif"))
    assert "SRCROOT_api" in log["runs"][0]["originalUriBaseIds"]


# -- what is new ----------------------------------------------------------------------------------


def test_only_what_a_diff_adds(call, project: Path) -> None:
    since = ("--since", "HEAD", "--fail-on", "new")
    assert call(project, *since).code == 0
    (project / "src" / "shop.py").write_text(BODY.format(name="shop"))
    done = call(project, *since)
    assert done.code == 3
    assert "src/shop.py:1-10  new" in done.out.replace("  total_of_shop", "")
    assert "Failed: 1 new class of duplicates." in done.err
    git(project, "add", "-A")
    git(project, "commit", "-qm", "x")
    assert call(project, *since).code == 0
    found = call(project, "--since", "HEAD~1", "--fail-on", "new", "--json")
    assert found.code == 3
    payload = told(found)
    assert payload["failed"] == ["1 new class of duplicates."] and payload["since"] == "HEAD~1"
    added = [one["path"] for one in payload["classes"][0]["members"] if one.get("added")]
    assert added == ["src/shop.py"]
    log = told(call(project, "--since", "HEAD~1", "--format", "sarif"))
    [place] = log["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "src/shop.py"


def test_a_part_of_a_work_tree(call, project: Path) -> None:
    (project / "src" / "shop.py").write_text(BODY.format(name="shop"))
    found = told(call(project / "src", "--since", "HEAD", "--json"))
    assert [one["path"] for one in found["classes"][0]["members"]] == [
        "api.py",
        "shop.py",
        "web.py",
    ]
    log = told(call(project / "src", "--format", "sarif"))
    [place] = log["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "src/api.py"


def test_a_baseline_is_what_is_known(call, project: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    done = call(project, "--write-baseline", known)
    assert done.code == 0 and "1 class is known from now on" in done.err
    against = ("--baseline", known, "--fail-on", "new")
    assert call(project, *against).code == 0
    (project / "lib").mkdir()
    (project / "src" / "api.py").rename(project / "lib" / "moved.py")
    assert call(project, *against).code == 0
    (project / "src" / "shop.py").write_text(BODY.format(name="shop"))
    done = call(project, *against)
    assert done.code == 3 and "src/shop.py:1-10" in done.out


def test_limits(call, project: Path) -> None:
    assert call(project, "--fail-on", "any").code == 3
    assert call(project, "--fail-on", "1%").code == 3
    assert call(project, "--fail-on", "99%").code == 0
    assert call(project, "--fail-on", "any", "--allow", "src=100").code == 0
    assert call(project, "--fail-on", "any", "--type", "1").code == 0


# -- files ----------------------------------------------------------------------------------------


def test_the_form_is_as_the_file_ends(call, project: Path, tmp_path: Path) -> None:
    begins = {
        "r.json": '{"files"',
        "r.sarif": '{\n "$schema"',
        "r.html": "<!doctype html>",
        "r.txt": " 1  type 2",
    }
    for name, begin in begins.items():
        for _ in range(2):  # a report of ours is replaced
            done = call(project, "-o", tmp_path / name)
            assert (done.code, done.out, done.err) == (0, "", "")
        assert (tmp_path / name).read_text().startswith(begin)
    assert json.loads((tmp_path / "r.json").read_text())["classes"]
    call(project, "-o", tmp_path / "r.txt", "--format", "json")
    assert json.loads((tmp_path / "r.txt").read_text())["classes"]
    assert not list(tmp_path.glob(".*.part"))


def test_other_files_are_not_replaced(call, project: Path, tmp_path: Path) -> None:
    source = project / "src" / "api.py"
    for target in (source, tmp_path, tmp_path / "nowhere" / "r.html"):
        done = call(project, "-o", target)
        assert done.code == 2 and done.err.strip().count("\n") <= 3
    assert source.read_text() == TREE["src/api.py"]
    assert call(project, "--write-baseline", source).code == 2
    assert call(project, "-o", os.devnull).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--type", "5"],
        ["--type", ""],
        ["--with", "docs"],
        ["--fail-on", "new"],
        ["--fail-on", "some"],
        ["--allow", "a=5"],
        ["--fail-on", "any", "--allow", "a"],
        ["--json", "--format", "html"],
        ["--since", "nowhere"],
        ["--since", "--all"],
        ["--baseline", "none.json"],
        ["--similarity", "nan"],
        ["--similarity", "1.1"],
        ["--min-lines", "0"],
        ["-k", "0"],
        ["--offset", "-1"],
        ["--lang", "klingon"],
    ],
)
def test_wrong_use_is_told_in_a_sentence(call, project: Path, arguments: list[str]) -> None:
    done = call(project, *arguments)
    assert done.code == 2 and done.out == "" and done.err.strip()


def test_trees_that_have_nothing_to_compare(call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = call(tmp_path / "empty")
    assert done.code == 1 and "nothing to search" in done.err
    write_tree(tmp_path / "one", {"a.py": OTHER, "x.bin": bytes(range(256))})
    done = call(tmp_path / "one", "--fail-on", "any")
    assert done.code == 0 and done.out == "No duplicates in 1 file, 4 lines.\n"
    done = call(tmp_path / "one", "--since", "HEAD")
    assert done.code == 2 and "in no git repository" in done.err
    page = call(tmp_path / "one", "--format", "html")
    assert page.code == 0 and "No duplicates." in page.out


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
def test_names_that_would_steer_a_terminal(call, tmp_path: Path) -> None:
    names = [os.fsdecode(b"raw\xff\x1b[31m.py"), "line\nbreak.py"]
    for name in names:
        write_tree(tmp_path / "t", {name: BODY.format(name="\u202ename")})
    done = call(tmp_path / "t", "--diff")
    assert "\x1b" not in done.out and "\\xff\\x1b[31m.py" in done.out
    assert "\u202e" not in done.out and "line\\nbreak.py:1-10" in done.out
    assert {one["path"] for one in told(call(tmp_path / "t", "--json"))["classes"][0]["members"]}
    for form in ("sarif", "html"):
        done = call(tmp_path / "t", "--format", form)
        assert done.code == 0 and "\x1b" not in done.out


def test_where_the_index_cannot_be_written(
    call, project: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("C2LLM_HOME", "/proc/nowhere")
    done = call(project, "--json")
    assert done.code == 0 and places(told(done)) == [["src/api.py:1-10", "src/web.py:1-10"]]


def test_what_is_interrupted_ends_without_a_report(
    call, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("c2llm.analysis.clones.find.find_clones", interrupted)
    done = call(project, "-o", tmp_path / "r.html")
    assert done.code == 130 and not (tmp_path / "r.html").exists()
