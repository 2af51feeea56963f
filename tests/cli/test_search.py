"""`search`, `index`, `status` and `clear` as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from c2llm.cli.main import main
from c2llm.index.store.location import index_file
from tests.trees import PROJECT, write_tree


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Path:
    return write_tree(tmp_path / "project", dict(PROJECT))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from c2llm.training.export.onnx_export import export_onnx
    from tests.tiny import save_tiny_model

    path = save_tiny_model(tmp_path_factory.mktemp("m") / "tiny")
    export_onnx(path, path)
    return path


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "c2llm", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )


def ok(*arguments: object, cwd: Path | None = None) -> dict[str, object]:
    done = run(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    payload = json.loads(done.stdout)
    assert isinstance(payload, dict)
    return payload


def results_of(*arguments: object) -> list[dict[str, Any]]:
    results = ok(*arguments)["results"]
    assert isinstance(results, list)
    return results


def test_one_empty_directory_among_several_is_a_note(project: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = run("search", "retry", tmp_path / "empty", project, "--mode", "lexical", "--json")
    assert found.returncode == 0 and "nothing to search" in found.stderr
    results = json.loads(found.stdout)["results"]
    assert {one["repository"] for one in results} == {"project"}
    second = run("search", "retry", project, "--mode", "lexical", "-k", 1, "--offset", 1)
    assert second.stdout.startswith(" 2  ")
    alone = run("search", "retry", tmp_path / "empty")
    assert alone.returncode == 1 and alone.stderr.count("\n") == 1


def test_json_is_the_contract(project: Path, model: Path) -> None:
    found = ok("search", "how are calls retried", project, "--model", model, "-k", 3)
    assert list(found) == [
        "query",
        "model",
        "mode",
        "index",
        "cut_off",
        "notes",
        "took_ms",
        "results",
    ]
    assert (found["query"], found["mode"]) == ("how are calls retried", "hybrid")
    assert found["model"] == str(model)
    index = found["index"]
    assert isinstance(index, dict)
    assert list(index) == ["files", "chunks", "embedded", "stale", "unread", "left_out"]
    assert index["files"] == len(PROJECT) and index["stale"] == 0
    assert 0 < index["embedded"] <= index["chunks"]
    results = found["results"]
    assert isinstance(results, list) and len(results) == 3
    keys = "rank path start_line end_line language kind symbol score snippet why"
    for rank, result in enumerate(results, 1):
        assert list(result) == keys.split()
        assert result["rank"] == rank
        assert (project / result["path"]).is_file()
        assert 1 <= result["start_line"] <= result["end_line"]
        assert result["snippet"] and result["why"]["reasons"]
    assert results[0]["path"] == "src/net/retry.py"


def test_for_people(project: Path) -> None:
    done = run("search", "retry_with_backoff", project, "--mode", "lexical", "--explain")
    assert done.returncode == 0 and done.stderr == ""
    first = done.stdout.splitlines()[0]
    assert first.startswith(" 1  src/net/retry.py:")
    assert "function retry_with_backoff" in first
    assert ">    4 ┃ def retry_with_backoff(call, attempts=3):" in done.stdout
    assert "defines retry_with_backoff" in done.stdout
    assert "\033" not in done.stdout  # stdout is no terminal


def test_the_current_directory_is_the_default(project: Path) -> None:
    found = ok("search", "HttpClient", "--mode", "lexical", cwd=project)
    assert found["model"] is None
    results = found["results"]
    assert isinstance(results, list)
    assert results[0]["path"] == "src/net/client.py"


def test_a_hostile_line_does_not_steer_the_terminal(tmp_path: Path, home: Path) -> None:
    root = write_tree(tmp_path / "bad", {"a\nb.py": "zebra = '\033[2J\a'\n"})
    done = run("search", "zebra", root, "--mode", "lexical")
    assert done.returncode == 0
    assert "\033" not in done.stdout and "\a" not in done.stdout
    assert done.stdout.startswith(" 1  a\\nb.py:1-1")


def test_nothing_found_is_no_failure(project: Path) -> None:
    done = run("search", "xylophone", project, "--mode", "lexical")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "",
        "No result.\nNo indexed file contains xylophone.\n",
    )


def test_index_then_nothing_to_do_then_status_then_clear(
    project: Path, model: Path, home: Path
) -> None:
    early = ok("index", project, "--model", model)
    assert early["changed_files"] == len(PROJECT)
    assert (early["new_vectors"], early["embedded"], early["in_background"]) == (0, 0, False)
    first = ok("index", project, "--model", model, "--complete")
    assert first["new_vectors"] == first["embedded"] == first["chunks"]
    again = ok("index", project, "--model", model)
    assert (again["changed_files"], again["new_vectors"]) == (0, 0)

    write_tree(project, {"new.py": "x = 1\n", "logo.png": b"\x89PNG"})
    (project / "README.md").unlink()
    status = ok("status", project, "--model", model)
    assert (status["files"], status["changed"], status["removed"]) == (len(PROJECT), 1, 1)
    assert status["skipped"] == [{"path": "logo.png", "reason": "binary"}]
    assert status["embedded"] == status["chunks"]
    told = run("status", project, "--model", model, "--skipped")
    assert "no: 1 new or changed files, 1 removed" in told.stdout
    assert "'logo.png'" in told.stdout

    file = str(index_file(project))
    assert ok("clear", project) == {"removed": [file]}
    assert ok("clear", project) == {"removed": []}
    assert ok("status", project)["indexed"] is False


def test_clear_all(project: Path, tmp_path: Path) -> None:
    other = write_tree(tmp_path / "other", {"a.py": "x = 1\n"})
    for root in (project, other):
        ok("search", "x", root, "--mode", "lexical")
    removed = ok("clear", "--all")["removed"]
    assert isinstance(removed, list) and len(removed) == 2
    assert run("clear", "--all").stdout == "There is no index to remove.\n"


def test_what_has_no_vector_yet_is_told(
    project: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(project, {f"m/f{i}.py": f"def job_{i}():\n    pass\n" for i in range(100)})
    monkeypatch.setenv("C2LLM_TABLE_MODEL", "")
    done = run("search", "job", project, "--model", model)
    assert done.returncode == 0
    assert f"chunks have vectors of {model}; for the rest: c2llm index --complete" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["search", "x", "PROJECT", "-k", "0"],
            2,
            "results must be at least 1 and at most 10,000, not 0.",
        ),
        (["search", "x", "PROJECT", "-k", "-3"], 2, "at most 10,000, not -3."),
        (["search", "x", "PROJECT", "-k", "1" + "0" * 20], 2, "at most 10,000"),
        (["search", "-i", "PROJECT", "--max-tokens", "9"], 2, "-i takes neither"),
        (["search", "", "PROJECT", "--mode", "lexical"], 2, "The query is empty"),
        (["search", "x", "PROJECT/nowhere"], 2, "There is no directory"),
        (["search", "x", "PROJECT/README.md"], 2, "is a file"),
        (["search", "x", "PROJECT", "--model", "no-such"], 2, "Unknown model 'no-such'"),
        (["search", "x", "PROJECT", "--mode", "lexical", "--lang", "cobol"], 2, "there are: go"),
        (["search", "x", "EMPTY", "--mode", "lexical"], 1, "There is nothing to search"),
        (["index", "PROJECT/nowhere"], 2, "There is no directory"),
        (["index", "PROJECT", "--model", "no-such"], 2, "Unknown model 'no-such'"),
        (["status", "PROJECT/nowhere"], 2, "There is no directory"),
    ],
)
def test_wrong_use_is_one_sentence(
    project: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"PROJECT": str(project), "EMPTY": str(tmp_path / "empty")}
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    done = run(*arguments)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_corrupt_index_is_told_and_rebuilt_on_request(project: Path, model: Path) -> None:
    ok("search", "retry", project, "--mode", "lexical")
    file = index_file(project)
    file.write_bytes(b"garbage" * 1_000)
    for verb in (["search", "retry", project, "--mode", "lexical"], ["status", project]):
        done = run(*verb)
        assert done.returncode == 1
        assert str(file) in done.stderr and "c2llm index --rebuild" in done.stderr
        assert done.stderr.count("\n") == 1
    assert file.read_bytes() == b"garbage" * 1_000
    assert ok("index", project, "--model", model, "--rebuild")["files"] == len(PROJECT)


def test_help_teaches_by_example() -> None:
    for verb in ("search", "index", "status", "clear"):
        text = run(verb, "--help").stdout
        assert f"Examples:\n    c2llm {verb}" in text


def test_a_process_is_started_by_those_alone_who_ask_for_it(
    project: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr(
        "c2llm.search.background_embedding.start", lambda index: started.append(index.root)
    )
    for verb in (["search", "retry"], ["index"]):
        main([*verb, str(project), "--model", str(model)])
        assert not started
        main([*verb, str(project), "--model", str(model), "--background"])
        assert started == [project]
        started.clear()


def test_one_directory_spelled_twice_is_searched_once(project: Path) -> None:
    twice = ok("search", "HttpClient", ".", f"../{project.name}", "--mode", "lexical", cwd=project)
    once = ok("search", "HttpClient", ".", "--mode", "lexical", cwd=project)
    assert twice["results"] == once["results"] and twice["index"] == once["index"]


def test_near_copies_are_named_with_the_first(tmp_path: Path, home: Path) -> None:
    retry = PROJECT["src/net/retry.py"]
    files = {f"{name}/retry.py": retry for name in ("a", "b", "c", "d", "e\x1b[J")}
    root = write_tree(
        tmp_path / "copies", files | {"x/other.py": "def call(x):\n    return retry(x)\n"}
    )
    asked = ("search", "call again with backoff", root, "--mode", "lexical", "-k", 2)
    told = run(*asked).stdout
    assert "also in 4 files: b/retry.py:1-14, c/retry.py:1-14, d/retry.py:1-14 and 1 more\n" in told
    assert "\x1b" not in told
    results = results_of(*asked)
    assert [one["path"] for one in results] == ["a/retry.py", "x/other.py"]
    assert results[0]["also"][0] == {
        "path": "b/retry.py",
        "start_line": 1,
        "end_line": 14,
        "symbol": "retry_with_backoff",
    }
    assert [one["path"] for one in results[0]["also"]] == sorted(set(files) - {"a/retry.py"})
    assert "also" not in results[1]
    lines = [json.loads(line) for line in run(*asked, "--jsonl").stdout.splitlines()]
    assert lines == results
    every = results_of(*asked, "--all")
    assert [one["path"] for one in every] == ["a/retry.py", "b/retry.py"]
    assert not any("also" in one for one in every)
    like = ("similar", root / "a/retry.py:6", "--in", root, "--mode", "lexical", "-k", 2)
    alike = results_of(*like)
    assert [one["path"] for one in alike] == ["b/retry.py", "x/other.py"]
    assert len(alike[0]["also"]) == 3
