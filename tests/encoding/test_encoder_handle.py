"""A process loads a model once, as long as its files are what they were."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from c2llm.encoding import encoder_handle
from c2llm.encoding.encoder_handle import DEFAULT_TABLE, EncoderHandle
from c2llm.encoding.model_folder import shipped_models


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(encoder_handle, "_loaded", type(encoder_handle._loaded)())
    folder = shutil.copytree(shipped_models()[DEFAULT_TABLE], tmp_path / "model")
    return str(folder)


def test_an_encoder_is_loaded_once(model: str) -> None:
    first, second = EncoderHandle(model), EncoderHandle(model)
    assert first.get() is second.get()
    assert EncoderHandle(model, threads=1).get() is not first.get()


def test_files_that_changed_are_loaded_again(model: str) -> None:
    before = EncoderHandle(model).get()
    os.utime(Path(model) / "config.json", ns=(1, 1))
    assert EncoderHandle(model).get() is not before


def test_few_are_kept(model: str) -> None:
    first = EncoderHandle(model).get()
    for threads in range(1, encoder_handle._MOST_LOADED + 1):
        EncoderHandle(model, threads=threads).get()
    assert len(encoder_handle._loaded) == encoder_handle._MOST_LOADED
    assert EncoderHandle(model).get() is not first


def test_a_fingerprint_is_kept_beside(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = EncoderHandle(model)
    first.preload(hashed=True)
    first.wait()
    fingerprint = first.fingerprint
    monkeypatch.setattr("c2llm.encoding.model_folder.ModelFolder.fingerprint", None)
    second = EncoderHandle(model)
    second.preload(hashed=True)
    second.wait()
    assert second.fingerprint == fingerprint


def test_a_fingerprint_is_one_however_it_is_asked_for(model: str) -> None:
    fresh, loaded, checked = (EncoderHandle(model) for _ in range(3))
    loaded.get()
    checked.check()
    assert fresh.fingerprint == loaded.fingerprint == checked.fingerprint
