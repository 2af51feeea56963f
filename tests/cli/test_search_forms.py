"""The forms of `search`, `similar` and `workspace` as a user runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trees import PROJECT, RETRY, write_tree


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    return write_tree(tmp_path / "project", dict(PROJECT))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "other", {"lib/again.py": RETRY.replace("pause", "rest")})


def run(
    *arguments: object,
    cwd: Path | None = None,
    given: str | None = None,
    errors: str = "strict",
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "c2llm", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors=errors,
        check=False,
        timeout=120,
        cwd=cwd,
        input=given,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )


def lexical(*arguments: object, given: str | None = None) -> list[dict[str, object]]:
    done = run(*arguments, "--mode", "lexical", "--json", given=given)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert isinstance(results, list)
    return results


def test_paths_only_and_json_lines(project: Path) -> None:
    done = run("search", "retry backoff", project, "--mode", "lexical", "-l")
    assert done.stdout.splitlines()[0] == "src/net/retry.py"
    assert len(done.stdout.splitlines()) == len(set(done.stdout.splitlines()))
    done = run("search", "retry backoff", project, "--mode", "lexical", "--jsonl", "-k", 3)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["rank"] for line in lines] == [1, 2, 3]


def test_paths_reach_another_program_as_they_are(project: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \x1b[31m.py")
    (project / name).write_text("def grind_coffee():\n    return 1\n")
    done = run(
        "search", "grind_coffee", project, "--mode", "lexical", "-l", errors="surrogateescape"
    )
    assert done.stdout.split("\n")[0] == name


def test_several_repositories_and_a_workspace(project: Path, other: Path) -> None:
    found = lexical("search", "retry_with_backoff", project, other, "-k", 4)
    assert {result["repository"] for result in found} == {"project", "other"}
    assert run("workspace", "add", "work", project, other).returncode == 0
    assert lexical("search", "retry_with_backoff", "@work", "-k", 4) == found
    listed = json.loads(run("workspace", "list", "--json").stdout)
    assert listed["workspaces"] == {"work": [str(project), str(other)]}
    assert run("workspace", "remove", "work").returncode == 0
    done = run("search", "x", "@work")
    assert (done.returncode, done.stderr.startswith("Error: No catalog")) == (2, True)


def test_a_trace_and_pasted_code_come_from_stdin(project: Path) -> None:
    trace = 'Traceback (most recent call last):\n  File "/x/src/net/client.py", line 8, in f\n'
    assert lexical("search", "-", project, given=trace)[0]["path"] == "src/net/client.py"
    code = "def retry(call):\n    for attempt in range(3):\n        return call()\n"
    assert lexical("search", "-", project, given=code)[0]["path"] == "src/net/retry.py"
    done = run("search", "-", project, given="  \n")
    assert (done.returncode, done.stderr) == (2, "Error: Nothing came from standard input.\n")


def test_a_budget_gives_whole_code_that_fits(project: Path) -> None:
    whole = lexical("search", "retry backoff", project, "--max-tokens", 2000)
    assert whole[0]["snippet"] == RETRY.rstrip("\n")
    small = lexical("search", "retry backoff", project, "--max-tokens", 100)
    assert len(small) == 1
    assert RETRY.startswith(str(small[0]["snippet"]))
    assert len(str(small[0]["snippet"])) <= 3 * 100


def test_symbol_pattern_and_granularity(project: Path) -> None:
    found = lexical("search", "pause", project, "--symbol", "--granularity", "function")
    assert (found[0]["symbol"], found[0]["kind"]) == ("pause", "function")
    found = lexical("search", "retry", project, "-e", r"range\(attempts\)")
    assert [result["path"] for result in found] == ["src/net/retry.py"]
    done = run("search", "x", project, "-e", "(")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is not a regular expression" in done.stderr


def test_similar_code_in_another_repository(project: Path, other: Path) -> None:
    place = f"{project}/src/net/retry.py:7"
    done = run("similar", place, "--in", other, "--mode", "lexical", "--json")
    found = json.loads(done.stdout)
    assert (found["symbol"], found["start_line"]) == ("retry_with_backoff", 4)
    assert found["results"][0]["path"] == "lib/again.py"
    here = json.loads(run("similar", place, "--mode", "lexical", "--json", cwd=project).stdout)
    assert all(
        result["path"] != "src/net/retry.py" or result["start_line"] > found["end_line"]
        for result in here["results"]
    )
    done = run("similar", "nowhere.py", "--mode", "lexical")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_typing_needs_a_terminal(project: Path) -> None:
    done = run("search", "-i", project)
    assert (done.returncode, done.stderr) == (
        2,
        "Error: -i needs a terminal; leave it out, or use --json.\n",
    )
    done = run("search")
    assert done.returncode == 2 and "use -i" in done.stderr


def test_callers_are_named(project: Path) -> None:
    write_tree(
        project,
        {
            "src/net/job.py": "from net.retry import retry_with_backoff\n\n\ndef fetch(url):\n"
            "    return retry_with_backoff(lambda: get(url))\n"
        },
    )
    asked = ("search", "retry_with_backoff", project, "-k", 1)
    told = run(*asked, "--mode", "lexical", "--callers").stdout
    assert "called by src/net/job.py:5 fetch, tests/test_retry.py:6" in told
    assert "imported by src/net/job.py\n" in told
    (result,) = lexical(*asked, "--callers")
    assert result["callers"] == [
        {"path": "src/net/job.py", "line": 5, "symbol": "fetch", "kind": "calls"},
        {
            "path": "tests/test_retry.py",
            "line": 6,
            "symbol": "test_retry_with_backoff",
            "kind": "calls",
        },
    ]
    assert result["imported_by"] == ["src/net/job.py"]
    assert result["imports"] == []
    assert "callers" not in lexical(*asked)[0]


VIMGREP = re.compile(r"(?P<path>.+?):(?P<line>[1-9]\d*):(?P<column>[1-9]\d*):(?P<text>.*)")
"""What `grepformat=%f:%l:%c:%m` reads."""


def test_vimgrep_leads_to_the_line(project: Path) -> None:
    done = run("search", "retry backoff", "--vimgrep", "--mode", "lexical", cwd=project)
    found = [VIMGREP.fullmatch(line) for line in done.stdout.splitlines()]
    assert found and all(found)
    first = found[0]
    assert first is not None and first["path"] == "src/net/retry.py"
    for one in found:
        assert one is not None
        line = (project / one["path"]).read_text().splitlines()[int(one["line"]) - 1]
        assert line == one["text"] and line[int(one["column"]) - 1].strip()
    assert "def retry_with_backoff" in first["text"]
    # As many as --json has, in its order.
    wanted = [one["path"] for one in lexical("search", "retry backoff", project)]
    assert [one["path"] for one in found if one is not None] == wanted


def test_vimgrep_names_files_from_the_working_directory(
    project: Path, other: Path, tmp_path: Path
) -> None:
    words = ("search", "retry backoff", "--vimgrep", "--mode", "lexical", "-k", 1)

    def path(cwd: Path, *paths: object) -> str:
        return run(*words, *paths, cwd=cwd).stdout.split(":")[0]

    assert path(tmp_path, "project") == "project/src/net/retry.py"
    assert path(project / "tests", "..") == "../src/net/retry.py"
    assert path(other, project) == str(project / "src/net/retry.py")
    several = run(*words[:-1], 9, "project", "other", cwd=tmp_path).stdout.splitlines()
    assert {line.split("/")[0] for line in several} == {"project", "other"}
    assert all((tmp_path / line.split(":")[0]).is_file() for line in several)


def test_vimgrep_is_one_line_a_result_whatever_a_file_holds(project: Path) -> None:
    odd = project / "new\nline\x1b[31m.py"
    odd.write_text("def quokka():  # \x1b[2J\u2028 \x0c quokka\n    return '\x07'\n")
    (project / "quo:kka.py").write_bytes(b"# -*- coding: latin-1 -*-\nquokka = '\xe9'\r\n")
    done = run("search", "quokka", "--vimgrep", "--mode", "lexical", cwd=project, errors="replace")
    lines = done.stdout.split("\n")
    assert len(lines) == 3 and lines[2] == ""
    assert all(VIMGREP.fullmatch(line) for line in lines[:2])
    texts = "".join(line.split(":", 3)[-1] for line in lines)
    assert "\x1b" not in texts and "\u2028" not in texts and "\x0c" not in texts
    assert any(line.startswith("new\\nline") for line in lines)


def test_vimgrep_says_nothing_where_there_is_nothing(project: Path) -> None:
    done = run("search", "zzzqqq", project, "--vimgrep", "--mode", "lexical")
    assert (done.returncode, done.stdout) == (0, "")
    for option in ("--json", "--jsonl", "-l", "-i"):
        done = run("search", "retry", project, "--vimgrep", option)
        assert done.returncode == 2 and "--vimgrep" in done.stderr


def test_similar_has_vimgrep_too(project: Path) -> None:
    place = f"{project}/src/net/retry.py:5"
    done = run("similar", place, "--in", project, "--mode", "lexical", "--vimgrep", cwd=project)
    assert done.returncode == 0 and all(map(VIMGREP.fullmatch, done.stdout.splitlines()))
    assert "tests/test_retry.py:4:5:def test_retry_with_backoff():" in done.stdout.splitlines()
    done = run("similar", place, "--json", "--vimgrep")
    assert done.returncode == 2 and "--vimgrep" in done.stderr
