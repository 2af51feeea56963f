"""A number stands for one state of a model for ever, and what is embedded with it stays with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from c2llm.encoding.encoder_handle import EncoderHandle
from c2llm.encoding.model_folder import shipped_models
from c2llm.errors import ModelError, ModelReplacedError
from c2llm.index.build import refresh as build
from c2llm.index.store.location import index_file
from c2llm.index.store.quantized import pack
from c2llm.index.store.sqlite_store import SqliteStore
from c2llm.search.code_index import CodeIndex
from tests.trees import WordEncoder, write_tree


def vectors(root: Path) -> set[int]:
    """Widths of the vectors in the index."""
    store = SqliteStore(index_file(root))
    rows = store._all("SELECT DISTINCT length(vector) - 4 FROM embeddings")
    store.close()
    return {row[0] for row in rows}


def test_a_number_is_never_given_twice(project: Path) -> None:
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        store = index._store
        seen = set()
        for turn in range(5):
            with store.writing():
                seen.add(store.use_model("words", f"fingerprint {turn}"))
                assert store.use_model("words", f"fingerprint {turn}") in seen
        assert len(seen) == 5
        with store.writing(), pytest.raises(ModelReplacedError):
            store.put_vectors(min(seen), [b"0" * 16], pack(np.ones((1, 4), np.float32)))
        assert store.models() == [("words", "fingerprint 4", 0)]


def test_who_embeds_with_a_replaced_model_writes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process replaces the model while a text is being embedded."""
    with CodeIndex.open(project, encoder=WordEncoder(fingerprint="old", dim=32)) as index:

        def replace(texts: object) -> None:
            newer = WordEncoder(fingerprint="new", dim=64)
            with CodeIndex.open(project, encoder=newer) as other:  # a search of another process
                other.embed_only([row[0] for row in other._store.texts()])

        old = WordEncoder(fingerprint="old", dim=32, before=replace)
        index._encoder = EncoderHandle("words", old)
        with pytest.raises(ModelReplacedError, match="run the command again"):
            index.complete()
        assert vectors(project) == {64}
        told: list[str] = []
        index._note = told.append
        ids = [row[0] for row in index._store.texts()]
        monkeypatch.setattr(index, "_model_id", lambda handle=None: 1)  # as it knew it
        index._encoder = EncoderHandle("words", WordEncoder(fingerprint="old", dim=32))
        write_tree(project, {"new.py": "def brand_new():\n    return 1\n"})
        index.embed_only(ids)
        assert vectors(project) == {64}


def test_a_handle_keeps_to_the_files_it_found(tmp_path: Path) -> None:
    folder = shutil.copytree(shipped_models()["c2llm-nano"], tmp_path / "model")
    handle = EncoderHandle(str(folder))
    first, encoder = handle.fingerprint, handle.get()
    config = folder / "config.json"
    config.write_text(config.read_text().replace("{", '{"changed": 1,', 1))
    assert (handle.fingerprint, handle.get()) == (first, encoder)
    assert handle.renew() and not handle.renew()
    assert handle.fingerprint != first and handle.get() is not encoder


def test_files_that_change_before_they_are_read_are_told(tmp_path: Path) -> None:
    folder = shutil.copytree(shipped_models()["c2llm-nano"], tmp_path / "model")
    handle = EncoderHandle(str(folder))
    assert handle.signature
    config = folder / "config.json"
    config.write_text(config.read_text().replace("{", '{"changed": 1,', 1))
    with pytest.raises(ModelError, match="were replaced while they were read"):
        _ = handle.fingerprint
    with pytest.raises(ModelError, match="were replaced while they were read"):
        handle.get()


def test_an_open_index_takes_the_model_that_has_come(tmp_path: Path, project: Path) -> None:
    folder = shutil.copytree(shipped_models()["c2llm-nano"], tmp_path / "model")
    told: list[str] = []
    with CodeIndex.open(project, str(folder), note=told.append) as index:
        before = index._store.models()
        config = folder / "config.json"
        config.write_text(config.read_text().replace("{", '{"changed": 1,', 1))
        with CodeIndex.open(project, str(folder)) as other:
            after = other._store.models()
        assert index.search("retry with backoff")  # with what it has loaded, or the new one
        index.refresh()
        index.search("retry with backoff")
        assert index._store.models() == after != before


@pytest.mark.parametrize("embed", ["all", "candidates"])
def test_a_last_mark_that_was_not_set_is_set_later(
    project: Path, monkeypatch: pytest.MonkeyPatch, embed: str
) -> None:
    """As after a kill between the last vector and the mark."""
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "cover", lambda *arguments: None)
        with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
            model_id = index._model_id()
            assert index._store.covered(model_id) == (0, 0)
    with CodeIndex.open(project, encoder=WordEncoder(), embed=embed) as index:  # type: ignore[arg-type]
        assert index.is_complete() and index.complete() == 0
        assert index._store.covered(model_id)[1] == index.counts().chunks
    generation = SqliteStore(index_file(project)).generation()
    with CodeIndex.open(project, encoder=WordEncoder(), embed="all") as index:
        assert index.is_complete()
        assert index._store.generation() == generation  # once marked, nothing is written


def test_a_table_s_mark_is_set_by_the_next_search(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = WordEncoder("table", "table-1")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "cover", lambda *arguments: None)
        with CodeIndex.open(project, encoder=WordEncoder(), table=table) as index:
            number = index._model_id(index._table)
            assert index._store.covered(number)[0] == 0
    with CodeIndex.open(project, encoder=WordEncoder(), table=table) as index:
        assert index._store.covered(number)[0] > 0


def test_a_table_that_is_replaced_meanwhile_leaves_none_of_its_vectors(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = WordEncoder("table", "old", dim=32)
    real = build.refresh_files

    def replaced_first(store: SqliteStore, *rest: object) -> object:
        table = rest[2]
        table._model_id  # noqa: B018  # asked before the other process comes
        with store.writing():
            store.use_model("table", "new")
        return real(store, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("c2llm.index.build.indexed_tree.refresh_files", replaced_first)
    with CodeIndex.open(project, encoder=WordEncoder(), table=old) as index:
        # It has no later version to load, so its own vectors are made, under a number of its own.
        assert index.table_vectors() == index.counts().chunks
        assert [fingerprint for _, fingerprint, _ in index._store.models()] == ["old"]
