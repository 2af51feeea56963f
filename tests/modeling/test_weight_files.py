"""Damaged weight files are refused in one sentence that names the file and the cure."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError
from c2llm.modeling.model import C2LLMModel
from tests.modeling.official_layout import random_tensors, write_official
from tests.tiny import save_tiny_model


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("m") / "ours")


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    return write_official(tmp_path_factory.mktemp("m") / "sharded", random_tensors(), shards=3)


def cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def edit(path, **fields):
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, **fields}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: (p / "config.json").unlink(), "has no config.json"),
        (lambda p: (p / "model.safetensors").unlink(), "copy the whole model folder"),
        (lambda p: cut(p / "model.safetensors", 20_000), "is cut short: 20,000 bytes of"),
        (lambda p: cut(p / "model.safetensors", 100), "is not a safetensors file"),
        (lambda p: cut(p / "model.safetensors", 0), "is not a safetensors file|holds no|lacks"),
        (lambda p: (p / "model.safetensors").write_bytes(b"PK\3\4" * 99), "not a safetensors"),
        (lambda p: edit(p / "config.json", pma_dim=16), "of shape"),
        (lambda p: edit(p / "config.json", pma_num_queries=2), r"pooler\.S of shape \(1, 1, 32\)"),
        (lambda p: pickle(p), r"pytorch_model\.bin is a pickle"),
    ],
)
def test_damaged_folders_of_ours(ours, tmp_path, damage, message):
    broken = tmp_path / "broken"
    shutil.copytree(ours, broken)
    damage(broken)
    for load in (C2LLMModel.from_pretrained, Encoder.load):
        with pytest.raises(ModelError, match=message) as caught:
            load(broken)
        assert "\n" not in str(caught.value) and str(broken) in str(caught.value)


def pickle(path):
    (path / "model.safetensors").unlink()
    torch.save({}, path / "pytorch_model.bin")


@pytest.mark.filterwarnings("ignore:.*flash_attention_2")
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda p: (p / "model-00002-of-00003.safetensors").unlink(),
            r"model-00002-of-00003\.safetensors is missing",
        ),
        (lambda p: (p / "model.safetensors.index.json").write_text("[]"), "not an index of shards"),
        (
            lambda p: shutil.copy(
                p / "model-00001-of-00003.safetensors", p / "model-00002-of-00003.safetensors"
            ),
            "repeats",
        ),
    ],
)
def test_damaged_shards(sharded, tmp_path, damage, message):
    broken = tmp_path / "broken"
    shutil.copytree(sharded, broken)
    damage(broken)
    with pytest.raises(ModelError, match=message):
        C2LLMModel.from_pretrained(broken)


@pytest.mark.parametrize(("added", "number"), [(False, 5000), (False, 21), (True, 21)])
def test_a_tokenizer_of_another_model_is_refused(ours, tmp_path, added, number):
    broken = tmp_path / "broken"
    shutil.copytree(ours, broken)
    tokenizer = json.loads((broken / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    for token in range(len(vocabulary), 21):
        vocabulary[f"filler{token}"] = token
    if added:
        template = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        extra = {"id": number, "content": "<extra>", "special": True, **template}
        tokenizer["added_tokens"].append(extra)
    else:
        vocabulary["extra"] = number
    (broken / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=rf"tokenizer\.json knows token {number}, .* of 21 tokens"):
        Encoder.load(broken)
