"""Keys: kept as hashes, told apart in constant time, taken away while a server runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.errors import C2LLMError, UsageError
from c2llm.serving import tenants
from c2llm.serving.tenants import Rate, Tenants, TooManyError, add_key, read_keys, revoke_key


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "serve" / "keys.json"


def test_a_key_is_told_once_and_kept_as_a_hash(file: Path) -> None:
    key = add_key(file, "ci", ["api"], rate="60/min")
    assert key not in file.read_text() and file.stat().st_mode & 0o077 == 0
    found = Tenants(file).of_key(key)
    assert found is not None and found.name == "ci" and found.repositories == ("api",)
    assert found.rate == Rate(60, 60.0) and not found.manages
    for wrong in (
        "",
        "x",
        key[:-1],
        key + "x",
        key.upper(),
        "ci",
        "\udcff",
        read_keys(file)[0].sha256,
    ):
        assert Tenants(file).of_key(wrong) is None


def test_a_key_is_refused_from_the_moment_it_is_revoked(file: Path) -> None:
    first, second = add_key(file, "a", None), add_key(file, "b", None)
    known = Tenants(file)
    assert known.of_key(first) and known.of_key(second)
    revoke_key(file, "a")
    assert known.of_key(first) is None and known.of_key(second)
    file.unlink()
    assert known.of_key(second) is None
    with pytest.raises(UsageError, match="no key 'a'"):
        revoke_key(file, "a")


def test_every_key_is_compared(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [add_key(file, f"k{number}", None) for number in range(5)]
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(one)
        return one == other

    monkeypatch.setattr(tenants.hmac, "compare_digest", compare)
    for key in (keys[0], keys[-1], "wrong"):
        compared.clear()
        Tenants(file, "environment-key-of-all").of_key(key)
        assert len(compared) == 6  # one wherever it stands, and for none


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"keys": 1}',
        '{"keys": [{"name": "a"}]}',
        '{"keys": [{"name": "a", "sha256": "short"}]}',
        json.dumps({"keys": [{"name": "a", "sha256": "0" * 64, "rate": "often"}]}),
        *(
            json.dumps({"keys": [{"name": "a", "sha256": "0" * 64, "rate": rate}]})
            for rate in (5, [], {}, True, "")
        ),
        json.dumps({"keys": [{"name": "a", "sha256": "0" * 64, "repositories": "api"}]}),
        json.dumps({"keys": [{"name": "a", "sha256": "0" * 64, "manages": "yes"}]}),
        json.dumps({"keys": [{"name": "a", "sha256": "0" * 64, "admin": True}]}),
        "[" * 100_000,
    ],
)
def test_a_damaged_file_lets_nobody_in(file: Path, content: str) -> None:
    key = add_key(file, "a", None)
    known = Tenants(file)
    assert known.of_key(key)
    file.write_text(content)
    for _ in range(2):
        with pytest.raises(C2LLMError, match="no file of keys"):
            known.of_key(key)


def test_names_are_taken_once(file: Path) -> None:
    add_key(file, "a", None)
    with pytest.raises(UsageError, match="already"):
        add_key(file, "a", None)
    for name in ("", "a b", "../x", "-x"):
        with pytest.raises(UsageError, match="no name"):
            add_key(file, name, None)


@pytest.mark.parametrize("text", ["60", "0/min", "a/min", "1/day", "-1/s", "1/", "/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no rate"):
        Rate.parse(text)


def test_a_rate_is_held_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(tenants.time, "monotonic", lambda: now[0])
    known = Tenants()
    slow = tenants.Tenant("slow", rate=Rate.parse("2/min"))
    known.admit(slow)
    known.admit(slow)
    with pytest.raises(TooManyError) as refused:
        known.admit(slow)
    assert refused.value.seconds == pytest.approx(30.0)
    known.admit(tenants.Tenant("other", rate=Rate.parse("1/min")))  # each for itself
    now[0] += 30.0
    known.admit(slow)
    with pytest.raises(TooManyError):
        known.admit(slow)
    now[0] += 3_600.0
    known.admit(slow)
    known.admit(slow)
    with pytest.raises(TooManyError):  # what was not used is not saved up
        known.admit(slow)


def test_a_tenant_sees_what_its_key_names() -> None:
    folders = [Path("/code/api"), Path("/code/web"), Path("/code/web/inner"), Path("/code/webshop")]
    names = ["api", "web", "inner", "webshop"]

    def seen(*repositories: str) -> list[str]:
        tenant = tenants.Tenant("t", tuple(repositories))
        return [folder.name for folder in tenant.visible(folders, names)]

    assert seen() == []
    assert seen("api") == ["api"]
    assert seen("/code/web") == ["web", "inner"]
    assert seen("nothing", "/elsewhere") == []
    assert len(tenants.LOCAL.visible(folders, names)) == 4
