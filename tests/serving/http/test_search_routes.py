"""Search, similar code, repositories and files over HTTP, from a server that is a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from c2llm.encoding.model_folder import shipped_models
from tests.serving.conftest import repository
from tests.serving.http.servers import MODEL, Running, serving, told
from tests.trees import PROJECT

pytestmark = pytest.mark.skipif(MODEL not in shipped_models(), reason="no shipped models")

QUESTION = "where are calls retried with backoff"
ELSEWHERE = {"lib/tokens.py": "def refresh_token(session):\n    return session.renew()\n"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home, two repositories, and what is none of theirs."""
    place = tmp_path_factory.mktemp("place")
    files = {**PROJECT, ".env": "KEY=1\n", "deep/id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\n"}
    repository(place / "code" / "app", files)
    repository(place / "code" / "web", ELSEWHERE)
    repository(place / "code" / "late", {"late.py": "def arrives_late():\n    return 1\n"})
    repository(place / "outside", {"secret.py": "PASSWORD = 'hidden words'\n"})
    (place / "code" / "way_out").symlink_to(place / "outside")
    (place / "code" / "app" / "out.py").symlink_to(place / "outside" / "secret.py")
    return place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Running]:
    code = place / "code"
    arguments = [str(code / "app"), str(code / "web"), "--root", str(code)]
    with serving(place / "home", *arguments, "--no-local-socket") as running:
        yield running


def test_the_answer_is_the_one_of_the_command_line(place: Path, server: Running) -> None:
    app = str(place / "code" / "app")
    for words, fields in (
        ([], {}),
        (["-k", "2", "--lang", "python"], {"k": 2, "languages": ["python"]}),
        (["--mode", "lexical", "--exclude", "tests/*"], {"mode": "lexical", "exclude": "tests/*"}),
        (["--granularity", "file"], {"granularity": "file"}),
        (["--max-tokens", "200"], {"max_tokens": 200}),
        (["--callers", "-e", "def"], {"callers": True, "pattern": "def"}),
        (["--offset", "1"], {"offset": 1}),
    ):
        command = told(place / "home", "search", QUESTION, app, "--json", "--model", MODEL, *words)
        expected = json.loads(command)
        if "exclude" in fields:
            fields = {**fields, "exclude": ["tests/*"]}
        posted = server.post("/search", {"query": QUESTION, "repositories": ["app"], **fields})
        assert posted.status == 200, posted.body
        query = urlencode({"q": QUESTION, "repositories": "app", **fields}, doseq=True)
        got = server.get(f"/search?{query}")
        for found in (posted.json, got.json):
            assert found.pop("repositories") == ["app"]
            assert found.pop("took_ms") > 0
            assert found == {key: value for key, value in expected.items() if key != "took_ms"}


def test_several_repositories_are_one_list_and_counted(server: Running) -> None:
    found = server.post("/search", {"query": "session token", "facets": True}).json
    assert found["repositories"] == ["app", "web"]
    assert found["results"][0]["repository"] == "web"
    facets = found["facets"]
    assert facets["of"] >= len(found["results"])
    for name in ("languages", "kinds", "folders", "repositories"):
        assert sum(facets[name].values()) == facets["of"], name
    assert facets["languages"]["go"] == 1 and facets["repositories"]["web"] == 1
    assert "facets" not in server.post("/search", {"query": "session token"}).json


def test_a_whole_hit_is_more_than_its_snippet(server: Running) -> None:
    asked = {"query": "retry_with_backoff", "repositories": ["app"], "k": 1}
    short = server.post("/search", asked).json["results"][0]["snippet"]
    whole = server.post("/search", {**asked, "whole": True}).json["results"][0]["snippet"]
    assert short in whole and len(whole) > len(short)


def test_a_question_without_an_answer_is_answered(server: Running) -> None:
    answer = server.post("/search", {"query": "x", "pattern": "nowhere-at-all"})
    assert answer.status == 200 and answer.json["results"] == []


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"query": "x", "limt": 3}, 422, "limt"),
        ({"query": "x", "k": 0}, 422, "number of results"),
        ({"query": "x", "k": 501}, 422, "500"),
        ({"query": " "}, 422, "empty"),
        ({"query": "x", "mode": "fast"}, 422, "mode"),
        ({"query": "x", "languages": ["klingon"]}, 422, "klingon"),
        ({"query": "x", "pattern": "("}, 422, "pattern"),
        ({"query": "x", "where": "a >"}, 422, "condition"),
        ({"query": "x", "where": "sharpe > 1", "sort": "-sharpe"}, 422, "No records"),
        ({"query": "x", "repositories": ["nobody"]}, 404, "nobody"),
        ({"query": 7}, 422, "query"),
        ({}, 422, "query"),
        ([], 422, ""),
        (b"{", 422, ""),
        (b"\xff\xfe", 422, ""),
        ({"query": "a\u0000b\ud83d"}, 200, ""),
    ],
)
def test_what_is_wrong_is_told(server: Running, body: object, status: int, named: str) -> None:
    answer = server.ask("POST", "/search", body, content_type="application/json")
    assert answer.status == status, answer.body
    if status != 200:
        error = answer.json["error"]
        assert named in error["message"] and error["type"] == "invalid_request_error"
        assert set(error) == {"message", "code", "type"}


def test_similar_code_is_found_from_a_place_and_from_code(server: Running) -> None:
    place = {"place": "src/net/retry.py:5", "repository": "app", "repositories": ["app"]}
    found = server.post("/similar", place).json
    assert found["symbol"] == "retry_with_backoff" and found["start_line"] == 4
    assert all(
        (hit["path"], hit["start_line"]) != ("src/net/retry.py", 4) for hit in found["results"]
    )
    answer = server.get("/similar?" + urlencode(place, doseq=True))
    assert answer.status == 200, answer.body
    got = answer.json
    assert got["results"] == found["results"]
    pasted = server.post("/similar", {"code": "def renew(session):\n    session.refresh_token()"})
    assert pasted.json["results"][0]["path"] == "lib/tokens.py"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": ""},
        {"code": " \n\0"},
        {"code": "x", "place": "README.md:1"},
        {"place": "README.md:1"},
        {"place": "README.md", "repository": "app"},
        {"place": "README.md:0", "repository": "app"},
        {"place": "README.md:99999999", "repository": "app"},
        {"place": ":1", "repository": "app"},
        {"place": "README.md:1", "repository": "app", "line": 1},
    ],
)
def test_what_is_no_specimen_is_refused(server: Running, body: dict[str, str]) -> None:
    answer = server.post("/similar", body)
    assert answer.status == 422, answer.body


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../outside/secret.py", ""),
        ("/etc/passwd", ""),
        ("src/../../../outside/secret.py", ""),
        ("out.py", "link"),
        (".env", "secret"),
        ("deep/id_rsa", "secret"),
        (".git/config", "git"),
        ("src", "no file"),
        ("src/net/none.py", ""),
        ("a\x00b", ""),
        ("", ""),
    ],
)
def test_only_files_of_the_repository_are_read(server: Running, path: str, why: str) -> None:
    answer = server.get(f"/file?repository=app&path={quote(path)}")
    assert answer.status == 422 and why in answer.json["error"]["message"], answer.body
    assert b"hidden words" not in answer.body and b"root:" not in answer.body
    similar = server.post("/similar", {"place": f"{path}:1", "repository": "app"})
    assert similar.status == 422 and b"hidden words" not in similar.body


def test_lines_of_a_file(server: Running) -> None:
    found = server.get("/file?repository=app&path=src/net/retry.py&start_line=4&end_line=5").json
    assert found["lines"][0].startswith("def retry_with_backoff")
    assert (found["start_line"], found["end_line"], found["language"]) == (4, 5, "python")
    assert server.get("/file?path=README.md").status == 422  # of two repositories


def test_repositories_are_added_below_the_roots_alone(place: Path, server: Running) -> None:
    code = place / "code"
    refusals = set()
    for path in (
        str(place / "outside"),
        str(place / "nowhere"),
        str(code / "way_out"),
        "way_out",
        str(code / ".." / "outside"),
        "../outside",
        "nowhere",
        "x" * 5_000,
        "/".join("x" * 3_000),
        "\udcff",
        "~",
        "/",
        "/etc",
        "",
        "a\0b",
    ):
        answer = server.post("/repositories", {"path": path})
        assert answer.status == 422, (path, answer.body)
        refusals.add(answer.json["error"]["message"].partition(" is no ")[2])
    assert len(refusals) == 2  # whether there is such a path is not told
    added = server.post("/repositories", {"path": "late"})
    assert added.status == 201 and added.json["name"] == "late" and added.json["files"] == 1
    names = [one["name"] for one in server.get("/repositories").json["repositories"]]
    assert names == ["app", "web", "late"]
    hit = server.post("/search", {"query": "arrives late", "k": 1}).json["results"][0]
    assert (hit["repository"], hit["path"]) == ("late", "late.py")
    (code / "late" / "more.py").write_text("def arrives_even_later():\n    return 2\n")
    refreshed = server.post("/repositories/refresh", {"name": "late"})
    assert refreshed.status == 200 and refreshed.json["files"] == 2
    assert server.ask("DELETE", "/repositories?name=app").status == 422
    assert server.ask("DELETE", "/repositories?name=late").json == {"removed": "late"}
    assert server.ask("DELETE", "/repositories?name=late").status == 404
    assert (code / "late" / "late.py").exists()


def test_what_was_edited_is_in_the_next_answer(place: Path, server: Running) -> None:
    new = place / "code" / "web" / "lib" / "quota.py"
    new.write_text("def enforce_quota(tenant):\n    return tenant.limit\n")
    asked = {"query": "enforce_quota", "repositories": ["web"], "k": 1}
    assert server.post("/search", asked).json["results"][0]["path"] == "lib/quota.py"
    new.unlink()
    assert server.post("/search", asked).json["results"][0]["path"] != "lib/quota.py"


def test_what_holds_no_sources_is_refused_and_not_listed(place: Path, server: Running) -> None:
    (place / "code" / "empty").mkdir(exist_ok=True)
    (place / "code" / "pictures").mkdir(exist_ok=True)
    (place / "code" / "pictures" / "one.png").write_bytes(b"\x89PNG\0\0")
    before = server.get("/repositories").json
    for name in ("empty", "pictures", "empty"):
        answer = server.post("/repositories", {"path": name})
        assert (answer.status, answer.code) == (422, "no_sources"), answer.body
        assert str(place) not in answer.json["error"]["message"]
    assert server.get("/repositories").json == before
    (place / "code" / "empty" / "a.py").write_text("def not_empty_now():\n    return 1\n")
    assert server.post("/repositories", {"path": "empty"}).status == 201
    (place / "code" / "empty" / "a.py").unlink()
    refreshed = server.post("/repositories/refresh", {"name": "empty"})
    assert (refreshed.status, refreshed.code) == (422, "no_sources"), refreshed.body
    assert str(place) not in refreshed.json["error"]["message"]
    searched = server.post("/search", {"query": "not_empty_now", "repositories": ["empty"]})
    assert searched.status == 200 and str(place) not in str(searched.json["notes"])
    assert server.ask("DELETE", "/repositories?name=empty").status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/file?repository=app&path=src/none.py", None),
        ("/file?repository=app&path=src", None),
        ("/file?repository=app&path=README.md&start_line=9999", None),
        ("/similar", {"repository": "app", "place": "src/none.py:1"}),
        ("/similar", {"repository": "app", "place": "README.md:9999"}),
        ("/similar", {"repository": "app", "place": "blank.py:40"}),
        ("/page/search", {"text": "like:app/src/none.py:1"}),
        ("/page/search", {"text": "like:app/blank.py:40"}),
        ("/page/file", {"repository": "app", "place": "src/none.py"}),
    ],
)
def test_errors_name_no_place_of_the_server(
    place: Path, server: Running, path: str, body: object
) -> None:
    blank = place / "code" / "app" / "blank.py"
    blank.write_text("\n" * 80)
    answer = server.ask("GET" if body is None else "POST", path, body)
    blank.unlink()
    assert answer.status == 422
    assert str(place) not in answer.json["error"]["message"], answer.body


def test_a_line_is_a_number_of_ascii_digits(server: Running) -> None:
    answer = server.post("/similar", {"repository": "app", "place": "src/net/retry.py:\u0665"})
    assert answer.status == 422 and "PATH:LINE" in answer.json["error"]["message"]


def test_what_is_no_json_is_told_in_a_sentence(server: Running) -> None:
    for route in ("/search", "/repositories", "/v1/embeddings", "/rerank", "/page/search"):
        for body, kind in (
            (b"{", "application/json"),
            (b"", "application/json"),
            (b'"x"', "application/json"),
            (b"[]", "application/json"),
            (b"q=x", "application/x-www-form-urlencoded"),
        ):
            answer = server.ask("POST", route, body, content_type=kind)
            assert answer.status == 422
            assert answer.json["error"]["message"].startswith("The body is no JSON object; ")


def test_head_is_taken_where_get_is(server: Running) -> None:
    paths = server.get("/openapi.json").json["paths"]
    assert not [path for path, methods in paths.items() if "head" in methods]
    for path, methods in paths.items():
        if "get" in methods and "{" not in path:
            got = server.get(path)
            head = server.ask("HEAD", path)
            assert (head.status, head.body) == (got.status, b""), path
    assert server.ask("HEAD", "/rerank").status == 405


@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("/search", {"query": "retry", "mode": "lexical", "pattern": "\ud800"}, 422),
        ("/similar", {"code": "def f(): pass", "mode": "lexical", "pattern": r"x\ud800"}, 422),
        ("/repositories", {"path": "a" * 300_000}, 422),
        ("/repositories/refresh", {"name": "a" * 300_000}, 404),
        ("/search", {"query": "a", "repositories": ["\u2028" * 100_000]}, 404),
        ("/similar", {"repository": "app", "place": "a" * 300_000}, 422),
    ],
)
def test_what_is_asked_is_quoted_and_not_sent_back(
    server: Running, route: str, body: dict[str, object], status: int
) -> None:
    answer = server.post(route, body)
    assert answer.status == status and len(answer.json["error"]["message"]) <= 2_000
