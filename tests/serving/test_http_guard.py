from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from c2llm.errors import UsageError
from c2llm.serving.http_guard import KEY_VARIABLE, hosts, is_loopback, key_of, requiring_key

KEY = "k" * 32


def test_loopback_is_told_by_the_address_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.3.2.1", "localhost", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "", "192.168.0.1", "localhost.example.org")))


def test_hosts_are_exact() -> None:
    known = hosts("0.0.0.0", 8765, ("Search.Example",))
    assert {"localhost:8765", "127.0.0.1:8765", "search.example:8765", "search.example"} <= {*known}
    assert "0.0.0.0:8765" not in known
    assert "[fd00::1]:80" in hosts("fd00::1", 80, ())


def test_a_key_comes_from_the_environment_and_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert key_of(None) == KEY
    assert KEY_VARIABLE not in os.environ
    assert key_of(None) is None


def test_a_key_file_is_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    file.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        key_of(file)
    file.chmod(0o600)
    assert key_of(file) == KEY
    for wrong in ("short", "", "ü" * 20, "a b " * 10):
        file.write_text(wrong)
        with pytest.raises(UsageError, match="A key has"):
            key_of(file)
    with pytest.raises(UsageError, match="cannot be read"):
        key_of(tmp_path / "none")
    endless = Path("/dev/zero")
    if endless.exists():
        with pytest.raises(UsageError, match="can be read by others"):
            key_of(endless)
        file.write_bytes(b"\0" * 10_000_000)
        with pytest.raises(UsageError, match="A key has"):
            key_of(file)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([(b"authorization", f"Bearer {KEY}".encode())], 200),
        ([(b"authorization", f"bearer  {KEY}".encode())], 200),
        ([(b"authorization", f"Bearer {KEY[:-1]}".encode())], 401),
        ([(b"authorization", f"Basic {KEY}".encode())], 401),
        ([(b"authorization", KEY.encode())], 401),
        ([(b"authorization", b"Bearer \xff\xfe")], 401),
        ([(b"authorization", f"Bearer {KEY}".encode()), (b"authorization", b"Bearer x")], 401),
    ],
)
def test_who_has_the_key_is_answered(headers: list[tuple[bytes, bytes]], status: int) -> None:
    async def application(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent = []

    async def send(message):
        sent.append(message)

    guarded = requiring_key(application, KEY)
    asyncio.run(guarded({"type": "http", "headers": headers}, None, send))
    assert sent[0]["status"] == status
