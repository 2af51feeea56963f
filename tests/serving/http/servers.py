"""Servers for tests: processes of their own on free ports, asked over real sockets."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODEL = "c2llm-nano"


@dataclass(frozen=True)
class Answer:
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error."""
        return self.json["error"]["code"]


@dataclass
class Running:
    """A server that runs."""

    port: int
    process: subprocess.Popen[str]
    log: str = ""

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        **headers: str,
    ) -> Answer:
        """One request on a connection of its own."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["authorization"] = f"Bearer {key}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, given)
            response = connection.getresponse()
            content = response.read()
            return Answer(response.status, dict(response.headers), content)
        finally:
            connection.close()

    def get(self, path: str, **options: Any) -> Answer:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: object, **options: Any) -> Answer:
        return self.ask("POST", path, body, **options)


def program(*arguments: str) -> list[str]:
    """A command line of this source."""
    run = "import sys; from c2llm.cli.entry import run; run()"
    return [sys.executable, "-c", run, *arguments]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Variables of a user who has set nothing."""
    kept = {name: value for name, value in os.environ.items() if "C2LLM_SERVE" not in name}
    return {**kept, "C2LLM_HOME": str(home), "C2LLM_CONFIG": "", **more}


@contextmanager
def serving(home: Path, *arguments: str, **variables: str) -> Iterator[Running]:
    """`c2llm serve` with these arguments on a free port."""
    command = program("serve", "--port", "0", "--model", MODEL, *arguments)
    process = subprocess.Popen(
        command,
        env=environment(home, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://\S+:(\d+)", line)
    if found is None:
        process.kill()
        raise AssertionError(line + process.stderr.read())
    running = Running(int(found[1]), process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=60)
        running.log = error
        assert out == ""
        assert "Traceback" not in error, error


def told(home: Path, *arguments: str, directory: Path | None = None, **variables: str) -> str:
    """What a command prints that must end well."""
    done = subprocess.run(
        program(*arguments),
        env=environment(home, **variables),
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
