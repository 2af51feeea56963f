"""A running server answers the searches of the command line, as the command line would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from c2llm.encoding.model_folder import shipped_models
from c2llm.serving.local_socket import NAME, LocalSocket, Printed
from tests.serving.conftest import repository
from tests.serving.http.servers import MODEL, environment, program, serving, told
from tests.trees import PROJECT

pytestmark = [
    pytest.mark.skipif(MODEL not in shipped_models(), reason="no shipped models"),
    pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="no peers are told here"),
]
NOT_ANSWERED = 99
ASK = f"""
import sys
from c2llm.cli.serving.warm_client import answered
code = answered(sys.argv[1:])
heavy = {{"click", "pathlib", "numpy", "typing", "sqlite3"}} & set(sys.modules)
if heavy - {{"typing"}}:
    sys.exit(f"imported {{heavy}}")
sys.exit({NOT_ANSWERED} if code is None else code)
"""
QUERIES = [
    "where are calls retried with backoff",
    "HttpClient.send_request",
    "sym:pause",
    "lang:go settings",
    "toml -path:tests",
    "src/net/retry.py:5",
    "wo werden die Einstellungen gelesen",
    "def pause(seconds):\n    wait(seconds)",
    "nothing of the kind zzzz",
    "\udcff\udcfe bytes",
]
OPTIONS = [
    [],
    ["--json"],
    ["--explain", "-k", "2"],
    ["--json", "--explain", "--callers"],
    ["--jsonl", "--mode", "lexical"],
    ["--mode", "dense", "-l"],
    ["--granularity", "file"],
    ["--max-tokens", "120"],
    ["--lang", "python", "--exclude", "tests/*"],
    ["--include", "nothing/*"],
    ["-e", "def", "--offset", "1", "--all"],
    ["--recent", "--symbol"],
]


class Place:
    """A home, a repository and a second one, and searches in them."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.app = repository(folder / "app", dict(PROJECT))
        self.web = repository(folder / "web", {"session.py": "def renew(token):\n    return 1\n"})
        told(self.home, "workspace", "add", "both", str(self.app), str(self.web))
        for root in (self.app, self.web):
            told(self.home, "index", str(root), "--model", MODEL)

    def search(self, command: list[str], *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Exit code, standard output without times, and standard error."""
        done = subprocess.run(
            [*command, "search", "--model", MODEL, *arguments],
            env=environment(self.home, **variables),
            cwd=self.app,
            capture_output=True,
            check=False,
        )
        out = done.stdout.decode(errors="surrogateescape")
        if "--json" in arguments and done.returncode == 0:
            found = json.loads(out)
            del found["took_ms"]
            out = json.dumps(found)
        return done.returncode, out, done.stderr.decode(errors="surrogateescape")

    def warm(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        return self.search([sys.executable, "-c", ASK], *arguments, **variables)

    def cold(self, *arguments: str) -> tuple[int, str, str]:
        return self.search(program(), *arguments, C2LLM_WARM="0")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("warm"))


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[None]:
    with serving(place.home, str(place.app)):
        yield


def pairs() -> Iterator[Any]:
    """Each option and each query at least once, and all the places."""
    places = [[], ["."], ["src"], ["@both"], ["../web", "."]]
    for number, options in enumerate(OPTIONS):
        query = QUERIES[number % len(QUERIES)]
        words = [*options, "--", query, *places[number % len(places)]]
        yield pytest.param(words, marks=[pytest.mark.slow] if number > 4 else [])


@pytest.mark.parametrize("arguments", list(pairs()), ids=lambda words: " ".join(words)[:50])
def test_the_answer_is_the_one_of_a_cold_start(
    place: Place, server: None, arguments: list[str]
) -> None:
    if arguments[-1] == "src":
        told(place.home, "index", str(place.app / "src"), "--model", MODEL)
    expected = place.cold(*arguments)
    assert place.warm(*arguments) == expected
    assert expected[0] == 0


def test_the_switch_itself_makes_no_difference(place: Place, server: None) -> None:
    assert place.warm(*QUERIES[:1], C2LLM_WARM="1") == place.cold(*QUERIES[:1])


def test_an_edit_is_in_the_next_answer(place: Place, server: None) -> None:
    new = place.app / "src" / "quota.py"
    for text in ("def enforce_quota():\n    pass\n", "def lift_quota():\n    pass\n"):
        new.write_text(text)
        name = text.split()[1].rstrip("():")
        found = place.warm("--json", name)
        assert found == place.cold("--json", name)
        assert json.loads(found[1])["results"][0]["symbol"] == name
    new.unlink()
    found = place.warm("--json", "lift_quota")
    assert found == place.cold("--json", "lift_quota") and "quota.py" not in found[1]


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["-i"], {}),
        (["-"], {}),
        ([], {}),
        (["x", "--background"], {}),
        (["x", "--vimgrep"], {}),
        (["x", "--max-file-size", "1MB"], {}),
        (["x", "--no-such-option"], {}),
        (["x", "-k", "0"], {}),
        (["x", "/nowhere"], {}),
        (["x", "@nobody"], {}),
        (["x", "--lang", "klingon"], {}),
        (["x", "--help"], {}),
        (["x", "--model", "c2llm-mini"], {}),
        (["x"], {"C2LLM_EXCLUDE": "tests/*"}),
        (["x"], {"C2LLM_CONFIG": "/elsewhere.toml"}),
        (["x"], {"C2LLM_WARM": "0"}),
        (["x"], {"GIT_CONFIG_GLOBAL": "/elsewhere"}),
    ],
)
def test_what_may_differ_is_left_to_the_command(
    place: Place, server: None, arguments: list[str], variables: dict[str, str]
) -> None:
    assert place.warm(*arguments, **variables) == (NOT_ANSWERED, "", "")


def test_a_repository_without_an_index_is_left_to_the_command(place: Place, server: None) -> None:
    new = repository(place.app.parent / "new", {"a.py": "def fresh():\n    pass\n"})
    assert place.warm("fresh", str(new))[0] == NOT_ANSWERED
    code, out, _ = place.search(program(), "fresh", str(new))
    assert code == 0 and "a.py" in out


def test_the_installed_command_asks_a_server(place: Place, tmp_path: Path) -> None:
    """Told apart by an answer that only this server gives."""
    home = tmp_path / "home"
    local = LocalSocket(lambda asked: Printed(3, [(1, b"warm\n"), (2, b"told\n")]), home / "serve")
    assert local.open()
    try:
        done = subprocess.run(
            program("search", "x"), env=environment(home), capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (3, b"warm\n", b"told\n")
        again = LocalSocket(lambda asked: "no", home / "serve")
        assert not again.open()  # one server of a user has it
    finally:
        local.close()
    assert not (home / "serve" / NAME).exists()


def asked(folder: Path, **variables: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", ASK, "search", "x"],
        env=environment(folder, **variables),
        capture_output=True,
        check=False,
    )
    return done.returncode


def test_dead_hung_and_foreign_servers_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "serve"
    folder.mkdir(mode=0o700)
    path = folder / NAME
    assert asked(tmp_path) == NOT_ANSWERED  # none
    path.touch()
    assert asked(tmp_path) == NOT_ANSWERED  # no socket
    path.unlink()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    assert asked(tmp_path) == NOT_ANSWERED  # left behind by a server that was killed
    answered = LocalSocket(lambda asked: Printed(0, []), folder)
    assert answered.open()
    assert asked(tmp_path) == 0
    folder.chmod(0o755)
    assert asked(tmp_path) == NOT_ANSWERED  # others may have put it there
    folder.chmod(0o700)
    monkeypatch.setattr("c2llm.serving.local_socket.peer_of", lambda connection: os.geteuid() + 1)
    assert asked(tmp_path) == NOT_ANSWERED  # the server takes nothing from another user
    answered.close()
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen(1)
        assert asked(tmp_path) == NOT_ANSWERED  # it never says that it has the question


@pytest.mark.parametrize(
    "answer", [b"", b"{}\n", b"[]\n", b"\xff\n", b'{"taken": true}\n', b"x" * 9_000]
)
def test_a_server_that_answers_nonsense_is_passed_over(tmp_path: Path, answer: bytes) -> None:
    import threading

    folder = tmp_path / "serve"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / NAME))
        listener.listen(1)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert asked(tmp_path) == NOT_ANSWERED
        thread.join()
