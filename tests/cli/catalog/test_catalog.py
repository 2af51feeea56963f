"""The verbs of catalogs, as a person and a program use them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from c2llm.cli.main import main
from c2llm.index.catalog.local_runner import LocalRunner
from tests.index.catalog.repositories import InlineRunner, bare, commit, git, repository

TOKEN = "ghp_s3cretTOKEN"
FILES = {"src/retry.py": "def retry_with_backoff(call):\n    return call()\n"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(LocalRunner, "run", InlineRunner().run)
    return tmp_path / "home"


@pytest.fixture
def api(tmp_path: Path) -> Path:
    return repository(tmp_path / "api", FILES)


class Run:
    """Runs the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> tuple[str, str]:
        try:
            main([str(one) for one in arguments])
        except SystemExit as leaving:
            assert leaving.code == code, self._capsys.readouterr()
        else:
            assert code == 0
        said = self._capsys.readouterr()
        assert "Traceback" not in said.err
        return said.out, said.err

    def json(self, *arguments: object, code: int = 0) -> dict[str, Any]:
        out, _ = self(*arguments, "--json", code=code)
        assert out.count("\n") == 1
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def test_from_a_list_to_what_is_kept_and_away(run: Run, api: Path, tmp_path: Path) -> None:
    server = bare(tmp_path / "server" / "web.git", api)
    said = run.json("catalog", "add", "org", "--kept", api, server.as_uri())
    assert [(one["name"], one["live"]) for one in said["added"]] == [("api", False), ("web", False)]
    assert "1 was there" in run("catalog", "add", "org", "--kept", api)[0]
    assert "2 were never read: c2llm catalog refresh org" in run("catalog", "show", "org")[1]
    done = run.json("catalog", "refresh", "org")
    assert done["refreshed"] == ["api", "web"] and done["contents_read"] == 1
    assert done["away"] == {} == done["files_failed"]
    shown = run.json("catalog", "show", "org")
    assert [(one["files"], one["stale"]) for one in shown["repositories"]] == [(1, False)] * 2
    assert shown["contents"] == 1 == shown["vectors"]["c2llm-nano"]
    assert shown["clone_bytes"] > 0 < shown["store_bytes"]
    server.rename(tmp_path / "moved")
    out, err = run("catalog", "refresh", "org", code=1)
    assert "1 unchanged, 1 away" in out and "web is away and stays as it was: file://" in err
    assert list(run.json("catalog", "refresh", "org", code=1)["away"]) == ["web"]
    (stale,) = run.json("catalog", "show", "org", "--stale")["repositories"]
    assert stale["name"] == "web" and stale["files"] == 1 and stale["error"]
    assert stale["refreshed"] < stale["tried"]
    assert "\n    stale: file://" in run("catalog", "show", "org")[0]
    assert run("catalog", "list")[0] == "@org  2 kept\n"
    assert run.json("catalog", "remove", "org", "web") == {
        **{"catalog": "org", "removed": ["web"], "repositories": 1}
    }
    assert run.json("catalog", "show", "org")["clone_bytes"] == 0
    assert run.json("catalog", "clear", "org")["removed_bytes"] > 0
    assert run.json("catalog", "show", "org")["contents"] == 0
    assert run("catalog", "remove", "org")[0] == "@org is gone.\n"
    assert run.json("catalog", "list") == {"catalogs": []}
    assert git(api, "status", "--short") == ""


def test_code_like_a_place_of_a_catalog(run: Run, tmp_path: Path) -> None:
    def function(name: str) -> str:
        return f"def {name}_with_backoff(call):\n    return call()\n"

    far = "# a line\n" * 3_000 + function("far")
    api = repository(tmp_path / "api", {"src/retry.py": function("retry"), "far.py": far})
    web = repository(tmp_path / "web", {"again.py": function("again")})
    run("catalog", "add", "org", "--kept", api)
    run("catalog", "add", "org", web)
    run("catalog", "refresh", "org")

    def like(place: str, *options: str) -> dict[str, Any]:
        return run.json("similar", place, "--mode", "lexical", *options)

    kept = like("@org:api/src/retry.py:2")
    assert (kept["file"], kept["symbol"]) == ("@org:api/src/retry.py", "retry_with_backoff")
    found = [(one["repository"], one["path"]) for one in kept["results"]]
    assert ("web", "again.py") in found and ("api", "src/retry.py") not in found
    assert like("@org:api/far.py:3002")["symbol"] == "far_with_backoff"
    live = like("@org:web/again.py:1", "--in", "@org")
    assert live["file"] == str(web / "again.py") and live["symbol"] == "again_with_backoff"
    for place, said in {
        "@org:api/src/none.py:1": "no file 'src/none.py' in api",
        "@org:none/a.py:1": "@org:none/a.py is no file; give @NAME:REPOSITORY/FILE:LINE",
        "@org:api/src/retry.py:9": "src/retry.py has 2 lines, not 9",
        "@org": "not FILE:LINE",
        "@none:api/a.py:1": "No catalog is named 'none'",
    }.items():
        assert said in run("similar", place, code=2)[1]


def test_an_answer_names_what_was_not_read_or_is_late(
    run: Run, api: Path, tmp_path: Path, home: Path
) -> None:
    web = repository(tmp_path / "web", {"web.py": "def page():\n    return 1\n"})
    away = (tmp_path / "away.git").as_uri()
    run("catalog", "add", "org", "--kept", api, web, away)
    run("catalog", "refresh", "org", code=1)
    ask = ("search", "retry", "--mode", "lexical")
    assert run.json(*ask, "@org")["notes"] == ["away has not been read: c2llm catalog refresh org"]
    assert run.json(*ask, "@org:away")["notes"][0].startswith("away has not been read")
    assert run.json(*ask, "@org:api")["notes"] == []
    web.rename(tmp_path / "moved")
    run("catalog", "refresh", "org", code=1)
    (late,) = run.json("search", "page", "--mode", "lexical", "@org:web")["notes"]
    assert late.startswith("web could not be refreshed and is as of 20")
    (home / "catalogs" / "org" / "refreshes.sqlite").unlink()  # knows nothing of what was read
    assert run.json("search", "page", "--mode", "lexical", "@org:web")["notes"] == []


def test_all_vectors_of_a_model(run: Run, api: Path, tmp_path: Path) -> None:
    run("catalog", "add", "org", "--kept", api)
    said = run.json("catalog", "index", "org", "--model", "c2llm-nano")
    assert said["embedded"] == said["chunks"] == 1 and said["refreshed"] == ["api"]
    commit(api, {"more.py": "def more():\n    return 2\n"})
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "a.py").write_text("def live():\n    return 1\n")
    assert (
        "1 live directories"
        in (
            run("catalog", "add", "org", tmp_path / "live"),
            run("catalog", "refresh", "org")[1],
        )[1]
    )
    (live,) = run.json("catalog", "index", "org", "--model", "c2llm-nano")["live"]
    assert live["embedded"] == live["chunks"] == 1 and live["error"] is None
    run("catalog", "remove", "org", tmp_path / "live")
    assert "2 of 2 chunks" in run("catalog", "index", "org", "--model", "c2llm-nano")[0]


def test_a_password_is_told_and_never_shown(run: Run) -> None:
    url = f"https://me:{TOKEN}@127.0.0.1:9/acme/api.git"
    for arguments in (
        ("catalog", "add", "org", url),
        ("catalog", "add", "org", url, "--json"),
        ("catalog", "show", "org"),
        ("catalog", "show", "org", "--json"),
        ("catalog", "list", "--json"),
    ):
        out, err = run(*arguments)
        assert TOKEN not in out + err
        if arguments[1] == "add":
            assert "credential helper" in err
    for arguments in (("catalog", "refresh", "org"), ("catalog", "refresh", "org", "--json")):
        out, err = run(*arguments, code=1)
        assert TOKEN not in out + err and "https://127.0.0.1:9/acme/api.git" in out + err
    out, err = run("catalog", "add", "org", f"http://{TOKEN}@host/x", code=2)
    assert TOKEN not in out + err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "org"), "Name a directory or a URL"),
        (("add", "org", "nowhere"), "There is no directory nowhere"),
        (("add", "../x", "."), "no name for a catalog"),
        (("add", "org", "--from", "nowhere.json"), "cannot be read"),
        (("add", "org", "--folder", "."), "no git repository in"),
        (("add", "org", "--kept", "."), "is no git repository"),
        (("add", "org", "ext::sh"), "no URL"),
        (("add", "org", ".", "--store", "redis://x"), "is no store"),
        (("refresh", "none"), "No catalog is named 'none'"),
        (("show", "none"), "No catalog is named 'none'"),
        (("remove", "none"), "No catalog is named 'none'"),
        (("clear", "none"), "No catalog is named 'none'"),
        (("index", "none", "--model", "nothing"), "nothing"),
    ],
)
def test_wrong_use_is_told_in_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    wrong = 1 if arguments[-1].endswith(".json") else 2
    out, err = run("catalog", *arguments, code=wrong)
    assert out == "" and told in err and err.startswith("Error: ") and err.count("\n") == 1


def test_the_old_verb_is_another_name(run: Run, api: Path) -> None:
    assert "@work: 1 added; 1 in all." in run("workspace", "add", "work", api)[0]
    assert run.json("workspace", "list")["workspaces"] == {"work": [str(api)]}
    assert "workspaces" not in run.json("catalog", "list")
    assert run("workspace", "remove", "work", api)[0] == "@work is gone.\n"
    assert "workspace" not in run("--help")[0] and "catalog" in run("--help")[0]


def test_other_verbs_know_what_catalogs_keep(run: Run, api: Path, home: Path) -> None:
    run("catalog", "add", "org", "--kept", api)
    run("catalog", "refresh", "org")
    (kept,) = run.json("status", "--all")["catalogs"]
    assert kept["name"] == "org" and kept["store_bytes"] > 0
    assert "@org:" in run("status", "--all")[0]
    assert run.json("status", "@org")["repositories"][0]["files"] == 1
    assert "is a catalog" in run("clear", "@org", code=2)[1]
    assert "keeps 1 repository in its own store" in run("clones", "@org", code=2)[1]
    removed = run.json("clear", "--all")["removed"]
    assert removed == [str(home / "catalogs" / "org")]
    assert run.json("status", "--all")["catalogs"][0]["store_bytes"] < kept["store_bytes"]
    assert not list(home.rglob("*.sqlite")) and run.json("catalog", "list")["catalogs"]


def test_a_list_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"nameWithOwner": "acme/api", "url": "https://github.com/acme/api"}, {"name": "odd"}]
    given = io.TextIOWrapper(io.BytesIO(json.dumps(said).encode()))
    monkeypatch.setattr("sys.stdin", given)
    out, err = run("catalog", "add", "org", "--from", "-")
    assert "1 added" in out and "Left out: 'odd' has no URL" in err
