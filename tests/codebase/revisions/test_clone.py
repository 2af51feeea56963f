"""The second door to git: clones that only we configure, of what a user named."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from c2llm.codebase.git import Git
from c2llm.codebase.revisions.clone import Clone, Remote
from c2llm.codebase.revisions.objects import read_objects
from c2llm.errors import DataError
from tests.index.catalog.repositories import bare, commit, git, repository

TOKEN = "ghp_s3cretTOKEN"
FILES = {"a.py": "def a():\n    return 1\n", "lib/b.py": "def b():\n    return 2\n"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return repository(tmp_path / "source", FILES)


@pytest.fixture
def server(tmp_path: Path, source: Path) -> Path:
    return bare(tmp_path / "server.git", source)


def fetched(folder: Path, url: str, **limits: float) -> Clone:
    clone = Clone(folder, Remote(url), **limits)  # type: ignore[arg-type]
    tip = clone.remote_tip()
    assert tip is not None
    clone.fetch(tip)
    return clone


def files_of(folder: Path) -> dict[str, bytes]:
    reader = Git(folder, bare=True)
    listed = reader.run("ls-tree", "-r", "-z", "refs/heads/tip").decode().split("\0")[:-1]
    names = {line.split("\t")[1]: line.split()[2] for line in listed}
    read = {one.name: one.content for one in read_objects(reader, [*names.values()], 10_000_000)}
    return {path: read[name] for path, name in names.items()}


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_the_last_commit_alone_is_brought(tmp_path: Path, object_format: str) -> None:
    source = repository(tmp_path / "source", FILES, object_format=object_format)
    head = commit(source, {"c.py": "c = 3\n"})
    clone = fetched(tmp_path / "clone", source.as_uri())
    assert clone.tip() == head == clone.remote_tip()
    assert set(files_of(clone.folder)) == {*FILES, "c.py"}
    assert Git(clone.folder, bare=True).line("rev-list", "--count", head) == "1"
    for number in range(3):
        clone.fetch(commit(source, {"c.py": f"c = {number}\n"}))
    assert clone.packs() > 1
    clone.compact()
    assert clone.packs() == 1 and files_of(clone.folder)["c.py"] == b"c = 2\n"


def test_large_files_stay_away_where_the_server_can_do_that(source: Path, tmp_path: Path) -> None:
    commit(source, {"large.bin": os.urandom(300_000)})
    git(source, "config", "uploadpack.allowFilter", "true")
    clone = fetched(tmp_path / "clone", source.as_uri(), largest=100_000)
    assert sum(path.stat().st_size for path in clone.folder.rglob("*.pack")) < 100_000
    assert files_of(clone.folder) == {
        **{path: text.encode() for path, text in FILES.items()},
        "large.bin": b"",
    }
    clone.fetch(commit(source, {"d.py": "d = 4\n"}))
    assert files_of(clone.folder)["d.py"] == b"d = 4\n"


def test_nothing_that_a_server_or_a_template_brings_is_run(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    script = tmp_path / "run"
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    names = ("post-checkout", "reference-transaction", "post-merge", "pre-auto-gc", "post-rewrite")
    for folder in (template / "hooks", source / ".git" / "hooks"):
        for name in (*names, "pre-receive", "update", "post-receive"):
            shutil.copy(script, folder / name)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[init]\n\ttemplateDir = {template}\n[core]\n\thooksPath = {template}/hooks\n"
        f"\tfsmonitor = {script}\n[fetch]\n\trecurseSubmodules = true\n"
        '[url "ext::sh -c touch%20canary "]\n\tinsteadOf = https://\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(config, tmp_path / ".gitconfig")
    git(source, "config", "core.fsmonitor", str(script))
    (source / ".gitmodules").write_text(
        f'[submodule "x"]\n\tpath = x\n\turl = {source}\n\tupdate = !{script}\n'
    )
    clone = fetched(tmp_path / "clone", source.as_uri())
    assert sorted(path.name for path in (tmp_path / "clone").iterdir()) == [
        *("HEAD", "config", "format", "objects", "refs", "shallow"),
    ]
    clone.compact()
    with pytest.raises(DataError, match="transport 'ext' not allowed"):
        Clone(tmp_path / "other", Remote("https://host/x")).remote_tip()
    assert not canary.exists()


@pytest.mark.parametrize("url", ["ext::sh -c x", "--upload-pack=x", "x", "", "fd::7"])
def test_what_is_no_url_is_not_even_tried(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="no protocol"):
        Clone(tmp_path / "clone", Remote(url))


def test_objects_that_harm_are_refused(source: Path, tmp_path: Path) -> None:
    blob = git(source, "hash-object", "-w", "--stdin", given=b"x = 1\n")
    inner = git(source, "mktree", given=f"100644 blob {blob}\tx.py\n".encode())
    for number, name in enumerate((".git", "..", ".", ".GIT", "a/b")):
        entry = b"40000 %s\0%s" % (name.encode(), bytes.fromhex(inner))
        tree = git(source, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=entry)
        made = git(source, "commit-tree", tree, "-m", "odd")
        git(source, "update-ref", "refs/heads/main", made)
        with pytest.raises(DataError, match="cannot be fetched"):
            fetched(tmp_path / f"clone-{number}", source.as_uri())


def test_more_than_a_clone_may_take(source: Path, tmp_path: Path) -> None:
    commit(source, {"large.bin": os.urandom(400_000)})
    with pytest.raises(DataError, match="more than a clone may take"):
        fetched(tmp_path / "clone", source.as_uri(), most_bytes=100_000)
    assert Clone(tmp_path / "clone", Remote(source.as_uri())).tip() is None


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes a connection and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"git://127.0.0.1:{listener.getsockname()[1]}/x"


def test_a_server_that_says_nothing(tmp_path: Path, silent: str) -> None:
    with pytest.raises(DataError, match=r"took more than 0 s to answer"):
        Clone(tmp_path / "clone", Remote(silent), seconds=0.3).remote_tip()
    clone = Clone(tmp_path / "clone", Remote(silent), quiet_seconds=0.3)
    with pytest.raises(DataError, match="has sent nothing"):
        clone.fetch("0" * 40)
    clone.end()
    with pytest.raises(DataError):
        clone.remote_tip()


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="git cannot be asked"):
        Clone(tmp_path / "clone", Remote("https://host/x")).remote_tip()


def test_a_git_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "git").write_text(
        "#!/bin/sh\necho 'usage: git ls-remote [<options>]' >&2\nexit 129\n"
    )
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"too old to ls-remote; 2\.31 or newer"):
        Clone(tmp_path / "clone", Remote("https://host/x")).remote_tip()


# -- over HTTP, with a password


class _Backend(BaseHTTPRequestHandler):
    """git's own CGI program behind a server that wants a password."""

    root = Path()
    asked: list[str | None]

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        self._answer(self.rfile.read(size))

    def _answer(self, body: bytes) -> None:
        given = self.headers.get("Authorization")
        self.asked.append(given)
        if given != "Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=True,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_ADDR": "127.0.0.1",
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def backend(server: Path) -> Iterator[str]:
    handler = type("_Handler", (_Backend,), {"root": server.parent, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}/{server.name}"
        listening.shutdown()
        thread.join()


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_password_is_given_to_the_server_and_to_nobody_else(tmp_path: Path, backend: str) -> None:
    clone = Clone(tmp_path / "clone", Remote(backend, "me", TOKEN))
    tip = clone.remote_tip()
    assert tip is not None
    clone.fetch(tip)
    assert set(files_of(clone.folder)) == set(FILES)
    kept = b"".join(path.read_bytes() for path in clone.folder.rglob("*") if path.is_file())
    assert TOKEN.encode() not in kept and TOKEN not in repr(clone.__dict__)
    for wrong in (Remote(backend, "me", f"{TOKEN}x"), Remote(backend), Remote(backend, TOKEN)):
        with pytest.raises(DataError, match="cannot be fetched") as caught:
            Clone(tmp_path / "clone", wrong).remote_tip()
        assert TOKEN not in str(caught.value) and "\n" not in str(caught.value)


def test_a_password_does_not_follow_a_redirection(
    tmp_path: Path, backend: str, server: Path
) -> None:
    class Elsewhere(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", backend + self.path.removeprefix("/x"))
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as listening:
        thread = Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.server_address[1]}/x"
        try:
            with pytest.raises(DataError, match="cannot be fetched"):
                Clone(tmp_path / "clone", Remote(url, "me", TOKEN)).remote_tip()
        finally:
            listening.shutdown()
        thread.join()
