"""Merging is a weighted mean of equal shapes, and refuses everything else by name."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.config import StaticConfig
from c2llm.training.export import weight_merge
from c2llm.training.export.merge_sources import LazyTensors
from c2llm.training.export.weight_merge import merge_models
from tests.tiny import WORDS, save_tiny_model


@pytest.fixture()
def folders(tmp_path):
    return [save_tiny_model(tmp_path / f"m{seed}", seed=seed) for seed in range(3)]


def tensors(folder):
    return load_file(folder / "model.safetensors")


def test_the_mean_is_weighted_and_serves(folders, tmp_path):
    out = merge_models(folders, [2, 1, 1], tmp_path / "out")
    a, b, c = map(tensors, folders)
    for name, tensor in tensors(out).items():
        torch.testing.assert_close(tensor, 0.5 * a[name] + 0.25 * b[name] + 0.25 * c[name])
    assert Encoder.load(out).encode_queries(["def"]).shape == (1, 32)


def test_weight_one_gives_the_model_itself(folders, tmp_path):
    out = merge_models(folders, [0, 1, 0], tmp_path / "out")
    for name, tensor in tensors(folders[1]).items():
        assert torch.equal(tensors(out)[name], tensor)


def test_a_merge_may_replace_an_older_one(folders, tmp_path):
    merge_models(folders, None, tmp_path / "out")
    merge_models(folders[:2], [1, 0], tmp_path / "out")
    name = "pooler.fc_q.weight"
    assert torch.equal(tensors(tmp_path / "out")[name], tensors(folders[0])[name])


def test_static_models_merge_in_a_process_that_built_none(tmp_path):
    backbone = StaticConfig(len(WORDS), 32)
    folders = [
        save_tiny_model(tmp_path / f"s{seed}", seed=seed, backbone=backbone) for seed in (0, 1)
    ]
    command = [sys.executable, "-m", "c2llm", "merge", *map(str, folders), "--out"]
    done = subprocess.run([*command, str(tmp_path / "out")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Encoder.load(tmp_path / "out").encode_queries(["def"]).shape == (1, 32)


@pytest.mark.parametrize(
    ("weights", "message"),
    [([1], "3 models need as many weights, got 1"), ([1, -1, 1], "negative"), ([0, 0, 0], "sum")],
)
def test_weights_that_make_no_mean_are_refused(folders, tmp_path, weights, message):
    with pytest.raises(UsageError, match=message):
        merge_models(folders, weights, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_model_is_no_merge(folders, tmp_path):
    with pytest.raises(UsageError, match="at least 2"):
        merge_models(folders[:1], None, tmp_path / "out")


def test_a_config_from_before_a_key_was_there_means_its_default(folders, tmp_path):
    path = folders[0] / "config.json"
    config = json.loads(path.read_text())
    del config["tf_power"], config["num_latents"]
    path.write_text(json.dumps(config))
    assert merge_models(folders, None, tmp_path / "out").is_dir()


def test_other_shapes_names_configs_and_files_are_refused(folders, tmp_path):
    def refuse(message):
        with pytest.raises(ModelError, match=message):
            merge_models(folders, None, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    text = (folders[1] / "config.json").read_text()
    (folders[1] / "config.json").write_text(json.dumps({**json.loads(text), "pma_ln": False}))
    refuse(r"config\.json differ in pma_ln;")
    (folders[1] / "config.json").write_text(text)
    weights = tensors(folders[2])
    save_file({**weights, "pooler.S": torch.zeros(1, 2, 32)}, folders[2] / "model.safetensors")
    refuse(r"pooler\.S is \(1, 2, 32\) in .*m2 but \(1, 1, 32\)")
    weights.pop("pooler.S")
    save_file(weights, folders[2] / "model.safetensors")
    refuse(r"do not both have pooler\.S")
    (folders[1] / "model.safetensors").write_bytes(b"broken")
    refuse(r"m1.model\.safetensors is not a safetensors file")


def test_a_folder_with_something_of_the_user_is_refused(folders, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match=r"holds 'thesis\.tex', which c2llm did not write there"):
        merge_models(folders, None, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_a_large_model_is_read_and_written_in_pieces(folders, tmp_path, monkeypatch):
    """What a 7B model needs: no more than a tensor of each and a shard of the mean in memory."""
    whole = merge_models(folders, [2, 1, 1], tmp_path / "whole")
    reading: list[str] = []
    most = 0
    read, save = LazyTensors.__getitem__, weight_merge.save_file

    def counted_read(self, name):
        reading.append(name)
        return read(self, name)

    def counted_save(tensors, *rest):
        nonlocal most
        most = max(most, sum(t.numel() * t.element_size() for t in tensors.values()))
        assert len(reading) == 3 * len(dict.fromkeys(reading))  # each once of each model, in order
        save(tensors, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(LazyTensors, "__getitem__", counted_read)
        patched.setattr(weight_merge, "save_file", counted_save)
        patched.setattr(weight_merge, "SHARD_BYTES", 20_000)
        shards = merge_models(folders, [2, 1, 1], tmp_path / "shards")
    files = sorted(file.name for file in shards.glob("*.safetensors"))
    assert len(files) > 2 and files[0] == f"model-00001-of-{len(files):05d}.safetensors"
    assert 0 < most <= 20_000
    text = ["def parse toml", "http get response"]
    vectors = [Encoder.load(folder).encode_documents(text) for folder in (shards, whole)]
    assert (vectors[0] == vectors[1]).all()
    again = merge_models([shards, whole], None, tmp_path / "again")
    one, two = load_file(again / "model.safetensors"), load_file(whole / "model.safetensors")
    assert one.keys() == two.keys()
    for name, tensor in two.items():
        torch.testing.assert_close(one[name], tensor)
