"""Model folders that nobody made by an export: each ends in one sentence, and none in a hang."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.model_folder import shipped_models
from c2llm.encoding.trial import TRUSTED
from c2llm.errors import ModelError

Damage = Callable[[Path], object]
FILES = ("config.json", "tokenizer.json", "table.npz")


@pytest.fixture
def nano(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the table model, which is therefore of unknown origin."""
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(TRUSTED, raising=False)
    return Path(shutil.copytree(shipped_models()["c2llm-nano"], tmp_path / "model"))


def _fields(file: str, **changes: Any) -> Damage:
    def damage(folder: Path) -> None:
        fields = json.loads((folder / file).read_text()) | changes
        (folder / file).write_text(json.dumps(fields))

    return damage


def _content(file: str, content: bytes) -> Damage:
    return lambda folder: (folder / file).write_bytes(content)


def _in_its_place(file: str, make: Callable[[Path], object]) -> Damage:
    def damage(folder: Path) -> None:
        (folder / file).unlink()
        make(folder / file)

    return damage


def _arrays(save: Callable[..., None] = np.savez, **changes: Callable[[Any], Any]) -> Damage:
    def damage(folder: Path) -> None:
        with np.load(folder / "table.npz") as file:
            arrays = {name: file[name] for name in file.files}
        arrays |= {name: change(arrays[name]) for name, change in changes.items()}
        save(folder / "table.npz", **arrays)

    return damage


NUMBERS = (0, -5, 10**9, True, "7", 1.5, float("inf"), float("nan"), 10**400)
DAMAGES: dict[str, Damage] = {
    **{
        f"{name} {str(value)[:9]}": _fields("config.json", **{name: value})
        for name in ("pma_dim", "max_tokens", "pma_num_queries")
        for value in NUMBERS
    },
    **{f"nested {name}": _content(name, b"[" * 100_000) for name in FILES},
    **{f"empty {name}": _content(name, b"") for name in FILES},
    **{f"digits {name}": _content(name, b'{"a": ' + b"9" * 5000 + b"}") for name in FILES},
    **{f"bytes {name}": _content(name, bytes(range(256)) * 20) for name in FILES},
    **{f"fifo {name}": _in_its_place(name, os.mkfifo) for name in FILES},
    **{f"folder {name}": _in_its_place(name, Path.mkdir) for name in FILES},
    **{
        f"device {name}": _in_its_place(name, lambda path: path.symlink_to("/dev/zero"))
        for name in FILES
    },
    "compressed": _arrays(np.savez_compressed),
    "fewer rows": _arrays(**dict.fromkeys(("score", "value", "value_scale"), lambda a: a[:9])),
    "nan scales": _arrays(value_scale=lambda a: a * np.nan),
    "nan values": _arrays(value=lambda a: a.astype(np.float32) * np.nan),
    "infinite scores": _arrays(score=lambda a: a + np.float16(np.inf)),
    "whole numbers": _arrays(value=lambda a: a.astype(np.int64)),
    "flat scores": _arrays(score=lambda a: a[:, :, 0]),
    "short bias": _arrays(fc_o_bias=lambda a: a[:3]),
    "growing": _fields(
        "tokenizer.json",
        normalizer={
            "type": "Sequence",
            "normalizers": [{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 30,
        },
    ),
    "endless pattern": _fields(
        "tokenizer.json",
        pre_tokenizer={
            "type": "Split",
            "pattern": {"Regex": "(a|a)*b"},
            "behavior": "Isolated",
            "invert": False,
        },
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_it_is_refused_in_one_sentence(nano: Path, damage: Damage) -> None:
    damage(nano)
    with pytest.raises(ModelError) as caught:
        Encoder.load(nano).encode_queries(["parse toml"])
    assert str(nano) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_whole_folder_is_tried_once(nano: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Encoder.load(nano).encode_queries(["parse toml"])
    monkeypatch.setattr("c2llm.encoding.trial.subprocess.run", None)
    assert (Encoder.load(nano).encode_queries(["parse toml"]) == first).all()
