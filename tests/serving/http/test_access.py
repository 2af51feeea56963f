"""Keys over HTTP: who is answered, what a tenant sees, and that nothing of another one shows."""

from __future__ import annotations

import json
import random
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from c2llm.encoding.model_folder import shipped_models
from c2llm.serving.tenants import add_key, revoke_key
from tests.serving.conftest import repository
from tests.serving.http.servers import MODEL, Answer, Running, serving

pytestmark = pytest.mark.skipif(MODEL not in shipped_models(), reason="no shipped models")

RED = {"red/ruby.py": "def crimson_secret(value):\n    return value\n", "red.md": "# Crimson\n"}
BLUE = {"blue/azure.py": "def cobalt_secret(value):\n    return value\n"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    repository(place / "one" / "code", RED)
    repository(place / "two" / "code", BLUE)
    return place


@pytest.fixture(scope="module")
def keys(place: Path) -> dict[str, str]:
    file = place / "keys.json"
    one, two = str(place / "one"), str(place / "two")
    return {
        "red": add_key(file, "red", [one]),
        "blue": add_key(file, "blue", [two]),
        "all": add_key(file, "all", None, manages=True),
        "slow": add_key(file, "slow", None, rate="2/hour"),
        "timed": add_key(file, "timed", None, rate="900/hour"),
        "gone": add_key(file, "gone", None),
        "none": add_key(file, "none", ["nothing"]),
    }


@pytest.fixture(scope="module")
def server(place: Path, keys: dict[str, str]) -> Iterator[Running]:
    folders = [str(place / "one" / "code"), str(place / "two" / "code")]
    options = ["--keys", str(place / "keys.json"), "--no-local-socket", "--log", "json"]
    with serving(place / "home", *folders, *options) as running:
        yield running


PATHS = ["/search?q=x", "/repositories", "/similar?code=x", "/file?path=red.md"]


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/openapi.json/x", "//", "/assets"])
def test_nothing_is_told_without_a_key(server: Running, path: str) -> None:
    for headers in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer "},
        {"authorization": "Basic cmVkOnJlZA=="},
        {"authorization": "Bearer \xff\xfe"},
    ):
        answer = server.get(path, **headers)
        assert answer.status == 401 and answer.code == "key_required"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_wrong_key_is_refused_before_its_body_is_read(server: Running) -> None:
    answer = server.post("/search", {"query": "x" * 1_000_000}, key="wrong")
    assert answer.status == 401


def test_each_tenant_sees_its_own(server: Running, keys: dict[str, str]) -> None:
    for name, path in (("red", "red/ruby.py"), ("blue", "blue/azure.py")):
        listed = server.get("/repositories", key=keys[name]).json["repositories"]
        assert [one["name"] for one in listed] == ["code"]  # no matter what else is called so
        found = server.post("/search", {"query": "secret value", "facets": True}, key=keys[name])
        assert {hit["path"] for hit in found.json["results"]} <= {*RED, *BLUE}
        assert found.json["results"][0]["path"] == path
        assert found.json["index"]["files"] == (2 if name == "red" else 1)
    assert server.get("/repositories", key=keys["none"]).json == {"repositories": []}
    every = server.get("/repositories", key=keys["all"]).json["repositories"]
    assert {one["name"] for one in every} == {"one/code", "two/code"}
    assert server.get("/search?q=x", key=keys["none"]).status == 404


def test_what_tells_of_everybody_is_for_who_manages(server: Running, keys: dict[str, str]) -> None:
    assert server.get("/metrics", key=keys["red"]).status == 403
    assert server.get("/metrics").status == 401
    assert server.get("/metrics", key=keys["all"]).status in (200, 404)
    told = server.get("/info", key=keys["timed"]).json
    assert told["you"]["name"] == "timed" and told["you"]["rate"] == "900/h"
    assert server.get("/info", key=keys["red"]).json["you"]["repositories"] == 1


def test_the_page_of_routes_is_there_for_all_and_loads_nothing(server: Running) -> None:
    page = server.get("/docs")
    assert page.status == 200 and b"/search" in page.body and b"<script" not in page.body
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert b"http://" not in page.body and b"https://" not in page.body


def test_what_another_has_is_as_if_it_were_not_there(
    place: Path, server: Running, keys: dict[str, str]
) -> None:
    for real, invented in (
        (
            {"query": "x", "repositories": ["two/code"]},
            {"query": "x", "repositories": ["six/code"]},
        ),
    ):
        answers = [server.post("/search", body, key=keys["red"]) for body in (real, invented)]
        assert {one.status for one in answers} == {404}
        messages = {one.json["error"]["message"].replace("two", "six") for one in answers}
        assert len(messages) == 1
    for path in (
        "blue/azure.py",
        "../two/code/blue/azure.py",
        str(place / "two/code/blue/azure.py"),
    ):
        answer = server.get(f"/file?path={path}", key=keys["red"])
        assert answer.status == 422 and b"cobalt" not in answer.body
    for method, path, body in (
        ("POST", "/repositories", {"path": str(place / "two" / "code")}),
        ("DELETE", "/repositories?name=code", None),
    ):
        assert server.ask(method, path, body, key=keys["red"]).status == 403


def test_a_revoked_key_is_refused_without_a_restart(
    place: Path, server: Running, keys: dict[str, str]
) -> None:
    assert server.get("/repositories", key=keys["gone"]).status == 200
    revoke_key(place / "keys.json", "gone")
    assert server.get("/repositories", key=keys["gone"]).status == 401
    assert server.get("/repositories", key=keys["red"]).status == 200


def test_a_rate_is_held(server: Running, keys: dict[str, str]) -> None:
    statuses = [server.get("/repositories", key=keys["slow"]).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = server.get("/repositories", key=keys["slow"])
    assert refused.code == "rate" and int(refused.headers["retry-after"]) > 60
    assert server.get("/repositories", key=keys["red"]).status == 200


@pytest.mark.slow
def test_a_thousand_mixed_requests_cross_nothing(server: Running, keys: dict[str, str]) -> None:
    own = {"red": ("crimson", "ruby", "red/"), "blue": ("cobalt", "azure", "blue/")}
    chance = random.Random(7)
    questions = ["secret value", "crimson_secret", "cobalt_secret", "azure", "ruby", "sym:value"]

    def ask(number: int) -> tuple[str, str, Answer]:
        name = ("red", "blue")[number % 2]
        question = questions[number % len(questions)]
        kind = number % 5
        if kind == 0:
            return name, question, server.get("/repositories", key=keys[name])
        if kind == 1:
            body = {"code": question, "facets": True}
            return name, question, server.post("/similar", body, key=keys[name])
        body = {"query": question, "mode": "lexical", "facets": kind == 2, "callers": kind == 3}
        return name, question, server.post("/search", body, key=keys[name])

    order = list(range(1_000))
    chance.shuffle(order)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, order))
    assert {answer.status for *_, answer in answers} <= {200, 429, 503}
    assert sum(answer.status == 200 for *_, answer in answers) > 900
    for name, question, answer in answers:
        told = answer.json
        told.pop("query", None)  # what the client itself has sent
        told.pop("notes", None)
        text = json.dumps(told)
        for word in own["blue" if name == "red" else "red"]:
            assert word not in text, (name, question, text)


def test_use_is_logged_without_keys_and_questions(place: Path, keys: dict[str, str]) -> None:
    options = ["--keys", str(place / "keys.json"), "--no-local-socket", "--log", "json"]
    with serving(place / "home", str(place / "one" / "code"), *options) as server:
        server.get("/search?q=confidentialquestion", key=keys["red"], x_request_id="my-id.1")
        server.post("/search", {"query": "confidentialquestion"}, key=keys["red"])
        made = server.get("/repositories", key="wrong-key", x_request_id="bad id\t{}")
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    assert [one["status"] for one in lines] == [200, 200, 401]
    assert lines[0]["id"] == "my-id.1" and lines[0]["tenant"] == "red"
    assert lines[2]["id"] == made.headers["x-request-id"] != "bad id\t{}"
    for secret in ("confidentialquestion", "wrong-key", *keys.values()):
        assert secret not in server.log
    with serving(place / "home", str(place / "one" / "code"), "--log-queries") as server:
        server.post("/search", {"query": "confidentialquestion"})
    assert "confidentialquestion" in server.log


def test_a_server_that_is_reached_from_elsewhere_needs_keys(tmp_path: Path) -> None:
    repository(tmp_path / "code", RED)
    with (
        pytest.raises(AssertionError, match="keys are needed"),
        serving(tmp_path / "home", str(tmp_path / "code"), "--host", "0.0.0.0"),
    ):
        pass
    key = "a-key-that-nobody-guesses"
    with serving(
        tmp_path / "home", str(tmp_path / "code"), "--host", "0.0.0.0", C2LLM_SERVE_KEY=key
    ) as server:
        assert server.get("/repositories").status == 401
        assert server.get("/repositories", key=key).status == 200


@pytest.mark.slow
def test_killed_it_loses_nothing_and_a_second_one_is_told_of_its_port(tmp_path: Path) -> None:
    code = tmp_path / "code"
    repository(code / "late", RED)
    options = ["--root", str(code)]
    with serving(tmp_path / "home", *options) as server:
        assert server.post("/repositories", {"path": "late"}).status == 201
        found = server.post("/search", {"query": "crimson secret"}).json["results"]
        with (
            pytest.raises(
                AssertionError, match=r"cannot be listened at \(Address already in use\)"
            ),
            serving(tmp_path / "home", *options, "--port", str(server.port)),
        ):
            pass
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    with serving(tmp_path / "home", *options) as server:
        listed = server.get("/repositories").json["repositories"]
        assert [one["name"] for one in listed] == ["late"]
        assert server.post("/search", {"query": "crimson secret"}).json["results"] == found


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(tmp_path: Path, sent: signal.Signals) -> None:
    repository(tmp_path / "code", RED)
    with serving(tmp_path / "home", str(tmp_path / "code")) as server:
        assert server.get("/repositories").status == 200
        server.process.send_signal(sent)
        assert server.process.wait(60) == 0
    assert not (tmp_path / "home" / "serve" / "search.sock").exists()


@pytest.mark.slow
def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    repository(tmp_path / "code", RED)
    options = [str(tmp_path / "code"), "--grace-seconds", "3600"]
    with serving(tmp_path / "home", *options) as server, socket.socket() as connection:
        connection.connect(("127.0.0.1", server.port))
        # It has begun to read a body that never comes when it says so.
        head = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(20).startswith(b"HTTP/1.1 100")
        server.process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionError):
            while True:  # until it takes no connections any more
                socket.create_connection(("127.0.0.1", server.port)).close()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(60) == 0


def test_keys_that_let_nobody_in_are_told_at_the_start(place: Path, tmp_path: Path) -> None:
    missing, emptied = tmp_path / "none" / "keys.json", tmp_path / "keys.json"
    add_key(emptied, "last", None)
    revoke_key(emptied, "last")
    kept = tmp_path / "home" / "serve" / "keys.json"
    add_key(kept, "last", None)
    revoke_key(kept, "last")
    folder = str(place / "one" / "code")
    for options, said in (
        (["--keys", str(missing)], f"c2llm keys add NAME --all --file {missing}"),
        (["--keys", str(emptied)], "has no key"),
        ([], "has no key"),  # the last one was revoked: nobody may ask, rather than everybody
    ):
        with (
            pytest.raises(AssertionError, match=re.escape(said)),
            serving(tmp_path / "home", folder, *options, "--no-local-socket"),
        ):
            pass
    key = {"C2LLM_SERVE_KEY": "k" * 20}
    options = ["--keys", str(missing), "--no-local-socket"]
    with serving(tmp_path / "home", folder, *options, **key) as running:
        assert running.get("/info").status == 401
        assert running.get("/info", key="k" * 20).status == 200
