"""`--device` and `--dtype` at every verb that loads a model."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from c2llm.cli.main import cli
from c2llm.errors import UsageError
from tests.tiny import save_tiny_model

VERBS = [
    ("search", "parse toml", ".", "--model"),
    ("index", ".", "--model"),
    ("embed", "a.py", "--model"),
    ("mine", "negatives", "pairs.jsonl", "--out", "hard.jsonl", "--miner"),
    ("eval", "retrieval", "--model"),
    ("watch", ".", "--model"),
    ("eval", "mteb", "--output", "results", "--model"),
    ("eval", "functions", "--data", ".", "--model"),
    ("eval", "granularity", ".", "--model"),
    ("eval", "languages", "--data", ".", "--model"),
    ("eval", "all", "--model"),
    ("mcp", "--model"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("def parse_toml(file):\n    return file\n")
    return save_tiny_model(tmp_path / "model")


def refusal(*arguments: str) -> str:
    with pytest.raises(UsageError) as refused:
        CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    return str(refused.value)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_gpu_that_is_not_there_is_told_before_any_work(folder, verb, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    told = refusal(*verb, str(folder), "--device", "cuda")
    assert "cuda" in told and "--device" in told
    assert not (tmp_path / "hard.jsonl").exists()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_model_that_cannot_move_is_refused(folder, verb):
    assert "CPU alone" in refusal(*verb, "c2llm-nano", "--device", "cuda:0")
    assert "dtype" in refusal(*verb, "c2llm-nano", "--dtype", "bfloat16")
    assert "no device" in refusal(*verb, str(folder), "--device", "the fast one")


def test_numbers_reach_the_model_and_nothing_is_left_behind(folder):
    def vectors(*options: str) -> list[float]:
        done = CliRunner().invoke(
            cli, ["embed", "a.py", "--model", str(folder), "--json", *options]
        )
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["vectors"][0]["vector"]

    assert vectors("--device", "cpu") == vectors() != vectors("--dtype", "bfloat16")
    assert "C2LLM_DTYPE" not in os.environ and "C2LLM_DEVICE" not in os.environ


def test_an_index_keeps_vectors_of_different_numbers_apart(folder):
    def new_vectors(*options: str) -> int:
        arguments = ["index", ".", "--model", str(folder), "--complete", "--json", *options]
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["new_vectors"]

    assert new_vectors() >= 1 and new_vectors() == 0
    assert new_vectors("--dtype", "bfloat16") >= 1


def test_weights_beside_a_graph_are_taken_where_numbers_are_asked_for(folder):
    export = shutil.copytree(folder, folder.parent / "both")
    (export / "model.onnx").write_bytes(b"never read")

    def vectors(model: Path, *options: str) -> list[float]:
        done = CliRunner().invoke(cli, ["embed", "a.py", "--model", str(model), "--json", *options])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["vectors"][0]["vector"]

    narrow = ("--dtype", "bfloat16")
    assert vectors(export, *narrow) == vectors(folder, *narrow)


def test_adapt_checks_devices_though_its_start_is_a_graph(folder):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert "cuda" in refusal("adapt", ".", "--device", "cuda")
    assert "no device" in refusal("adapt", ".", "--device", "the fast one")
