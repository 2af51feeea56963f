"""What one index has embedded, no other embeds again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from c2llm.index.store.location import cache_file, index_file, remove_index
from c2llm.index.store.vector_cache import VectorCache
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder, write_tree


def keys(count: int) -> list[bytes]:
    return [bytes([(i * 37) % 256]) + i.to_bytes(15) for i in range(count)]


def test_a_clone_embeds_nothing_anew(project: Path, tmp_path: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        chunks = index.counts().chunks
        first = index.search("retries with backoff", 5, "dense")
    clone = tmp_path / "repo"  # a name that says as little: a telling one would count as evidence
    shutil.copytree(project, clone)
    encoder = WordEncoder()
    with CodeIndex.open(clone, encoder=encoder, embed="all") as index:
        assert index.counts().embedded == chunks
        assert index.search("retries with backoff", 5, "dense") == first
    assert encoder.embedded == []


def test_it_outlives_the_index(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    assert remove_index(index_file(project))
    encoder = WordEncoder()
    with CodeIndex.open(project, encoder=encoder, embed="all"):
        assert encoder.embedded == []


def test_another_fingerprint_has_its_own(project: Path, tmp_path: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(fingerprint="one"), embed="all"):
        pass
    remove_index(index_file(project))
    encoder = WordEncoder(fingerprint="two")
    with CodeIndex.open(project, encoder=encoder, embed="all") as index:
        assert len(encoder.embedded) == index.counts().embedded


def test_vectors_of_another_width_are_not_taken(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(dim=64), embed="all"):
        pass
    remove_index(index_file(project))
    encoder = WordEncoder(dim=32)  # of the same fingerprint: a lie
    with CodeIndex.open(project, encoder=encoder, embed="all") as index:
        assert len(encoder.embedded) == index.counts().embedded > 0


def test_it_stays_within_its_bounds(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "v.sqlite", most_bytes=200 * 116)
    cache.put("old", keys(100), [bytes(100)] * 100)
    cache.put("new", keys(150), [bytes(100)] * 150)
    assert cache.get("old", keys(100)) == {}  # another model's go first
    assert len(cache.get("new", keys(150))) == 150
    cache.put("new", keys(250), [bytes(100)] * 250)
    left = len(cache.get("new", keys(250)))
    assert 80 <= left <= 170  # about half
    cache.close()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read " * 50])
def test_a_broken_cache_stops_nothing(project: Path, home: Path, content: bytes) -> None:
    home.mkdir()
    cache_file().write_bytes(content)
    encoder = WordEncoder()
    with CodeIndex.open(project, encoder=encoder, embed="all") as index:
        assert index.counts().embedded == index.counts().chunks
    assert cache_file().read_bytes() == content


def test_it_can_be_turned_off(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_CACHE_MB", "0")
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all"):
        pass
    assert not cache_file().exists()


def test_two_models_of_one_folder_name_are_two(tmp_path: Path) -> None:
    from c2llm.encoding.encoder_handle import model_key

    for place in ("a/m", "b/m"):
        write_tree(tmp_path, {f"{place}/config.json": "{}"})
    assert model_key(str(tmp_path / "a" / "m")) != model_key(str(tmp_path / "b" / "m"))
    assert model_key(os.path.relpath(tmp_path / "a" / "m")) == str(tmp_path / "a" / "m")
    assert model_key("c2llm-mini") == "c2llm-mini"
