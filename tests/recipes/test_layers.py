"""A network with fewer layers is led back to what it was cut from."""

from __future__ import annotations

import gzip
import json
import random
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from c2llm.encoding.encoder import Encoder
from tests.tiny import bert_config, save_tiny_model
from tests.trees import write_tree

FOLDER = Path(__file__).parents[2] / "recipes" / "layers"
distill = runpy.run_path(str(FOLDER / "distill.py"))
WORDS = "def return class parse toml file get http response".split()


def run(script: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    return save_tiny_model(folder, backbone=bert_config(num_hidden_layers=3))


@pytest.fixture
def texts(tmp_path):
    draw, path = random.Random(0), tmp_path / "texts.jsonl.gz"
    with gzip.open(path, "wt") as out:
        for _ in range(300):
            text = " ".join(draw.choices(WORDS, k=draw.randint(3, 90)))
            out.write(json.dumps({"kind": "document", "text": text}) + "\n")
    return path


def test_its_layers_are_those_of_the_library(teacher):
    network = distill["Network"](teacher).eval()
    ids = torch.tensor([[2, 4, 5, 6, 3], [2, 7, 3, 0, 0]])
    mask = (ids != 0).long()
    bias = (1.0 - mask.float())[:, None, None, :] * -1e4
    for context in (torch.no_grad, torch.enable_grad):
        with context():
            states = network.embedded(ids)
            for number in range(3):
                states = network.layer(number, states, bias)
            ours = network.pooled(states, mask).detach()
        theirs = network.model(input_ids=ids, attention_mask=mask).sentence_embedding.detach()
        theirs = torch.nn.functional.normalize(theirs, dim=-1)
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_windows_keep_what_frames_a_text():
    text = np.arange(100, dtype=np.int32)
    for seed in range(20):
        cut = distill["window"](text, 10, random.Random(seed))
        assert len(cut) == 10 and cut[0] == 0 and cut[-1] == 99
        assert (np.diff(cut[1:-1]) == 1).all()


def test_it_comes_near_and_goes_on_from_its_checkpoint(teacher, texts, tmp_path):
    out = tmp_path / "out"
    asked = ["distill.py", teacher, texts, "--keep", "0,2", "--match", "0,2", "--frozen", "1"]
    sizes = ["--micro-batch-tokens", "512", "--rate", "0.003", "--out", out]
    first = run(*asked, *sizes, "--steps", "1").splitlines()[-1]
    last = run(*asked, *sizes, "--steps", "60").splitlines()[-1]  # goes on from step 1

    def loss(line: str) -> float:
        words = line.split()
        return float(words[words.index("vectors") + 1])

    assert first.startswith("step 1 ") and last.startswith("step 60 ")
    assert loss(last) < loss(first) / 2
    assert torch.load(out / "checkpoint.pt", weights_only=True)["step"] == 60
    encoder, whole = Encoder.load(out / "model"), Encoder.load(teacher)
    asked_texts = ["def parse toml", "http response file"]
    ours, theirs = (one.encode_documents(asked_texts) for one in (encoder, whole))
    assert (ours * theirs).sum(1).min() > 0.8


def test_frozen_layers_must_be_the_first(teacher):
    with pytest.raises(SystemExit, match="first"):
        distill["Distillation"](teacher, [0, 2], [0, 2], 2)


def test_texts_of_pairs_and_repositories(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    pairs = [("how is a toml file parsed", "def parse(path):\n    return toml.load(path)" * 3)]
    pairs.append(("a question of the evaluation set", "def held(): return 'of the evaluation'" * 3))
    (data / "pairs.jsonl").write_text(
        "".join(json.dumps({"query": q, "positive": d}) + "\n" for q, d in pairs)
    )
    (data / "test.jsonl").write_text(json.dumps({"query": pairs[1][0], "doc": pairs[1][1]}) + "\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "model: {start_from: none}\n"
        "data:\n  sources: [{file: pairs.jsonl}]\n  decontaminate: [test.jsonl]\n"
    )
    code = "def retry_with_backoff(call):\n    for _ in range(3):\n        return call()\n" * 4
    tree = write_tree(tmp_path / "tree", {"net/retry.py": code, "vendor/lib/a.py": code + "x = 1"})
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *identity, *command], cwd=tree, check=True)
    out = data / "texts.jsonl.gz"
    told = run(
        "texts.py", recipe, "--data", data, "--out", out,
        "--repositories", tree / ".git", tmp_path / "none",
    )  # fmt: skip
    with gzip.open(out, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert {one["text"] for one in rows if one["kind"] == "query"} == {pairs[0][0]}
    (chunk,) = [one for one in rows if one["source"].endswith(".git")]
    assert chunk["text"].startswith("net retry | ") and "retry_with_backoff" in chunk["text"]
    assert "is no repository that git reads" in told
