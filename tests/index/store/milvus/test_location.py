"""Addresses of stores: what they may be, and that no secret of theirs is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.errors import UsageError
from c2llm.index.store.catalog.opening import whole_address
from c2llm.index.store.milvus.location import collection_name, parse_location


@pytest.mark.parametrize(
    ("address", "uri", "shown", "database", "token"),
    [
        ("milvus://host", "http://host:19530", "milvus://host:19530", "", ""),
        ("milvus://host:1/db", "http://host:1", "milvus://host:1/db", "db", ""),
        ("milvuss://host/db", "https://host:19530", "milvuss://host:19530/db", "db", ""),
        ("milvus://host/?tls=1", "https://host:19530", "milvuss://host:19530", "", ""),
        ("milvus://u:p%40s@host/db", "http://host:19530", "milvus://host:19530/db", "db", "u:p@s"),
        ("milvus://a1b2@host", "http://host:19530", "milvus://host:19530", "", "a1b2"),
        ("milvus://[::1]:2/", "http://[::1]:2", "milvus://[::1]:2", "", ""),
    ],
)
def test_addresses(address: str, uri: str, shown: str, database: str, token: str) -> None:
    location = parse_location(address)
    assert (location.uri, str(location), location.database, location.token) == (
        *(uri, shown, database, token),
    )
    assert whole_address(address) == address
    assert not token or token.split(":")[-1] not in f"{location!r} {location}"


def test_the_token_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_MILVUS_TOKEN", "me:secret")
    assert parse_location("milvus://host").token == "me:secret"
    assert parse_location("milvus://a:b@host").token == "a:b"
    assert "secret" not in repr(parse_location("milvus://host"))


def test_a_path_that_ends_in_db_is_lite(tmp_path: Path) -> None:
    location = parse_location(tmp_path / "x.db")
    assert location.lite == tmp_path / "x.db" and location.uri == str(tmp_path / "x.db")
    assert parse_location(f"{tmp_path}/x.db?name=two&timeout=5").name == "two"
    assert parse_location("x.db").lite == Path.cwd() / "x.db"
    assert whole_address("x.db?timeout=5") == f"{Path.cwd() / 'x.db'}?timeout=5"


@pytest.mark.parametrize(
    "address",
    [
        *("http://host", "milvus://", "milvus://u:secret@", "milvus://u:secret@host:port"),
        *("milvus://u:secret@host/a/b", "milvus://u:secret@host:99999", "x.sqlite", "nothing"),
        *("milvus://u:secret@host?what=1", "milvus://u:secret@host?timeout=x", "x.db?timeout=0"),
        *("milvus://host?name=a-b", "milvus://host?timeout=nan", "x.db?name=", "milvus:/host"),
        "milvus://u:secret@[::1",
    ],
)
def test_what_is_none_is_told_without_the_password(address: str) -> None:
    with pytest.raises(UsageError) as told:
        whole_address(address)
    assert "secret" not in str(told.value) and str(told.value).endswith(".")


def test_catalogs_have_names_of_their_own() -> None:
    assert collection_name("acme") == "acme"
    names = ["a-b", "a.b", "a b", "é", "1", "x" * 80, "_"]
    assert len({collection_name(name) for name in names}) == len(names)
    assert all(parse_location("milvus://host", name).name for name in names)
