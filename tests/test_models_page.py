"""`docs/models.md` as a reader pastes it: every section's Python runs, and says what is true."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pytest
import torch

from c2llm import C2LLMModel, Encoder
from c2llm.cli.training.export import command as export
from c2llm.modeling.torch_folder import save_folder
from tests import pages
from tests.modeling.official_layout import random_tensors, write_official
from tests.tiny import bert_config, save_tiny_backbone, tiny_model, tiny_tokenizer

PAGE = "models.md"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A working directory with the folders that the page names."""
    path = tmp_path_factory.mktemp("page")
    prompts = {"query": "parse : ", "document": "file : "}
    save_folder(tiny_model(prompts=prompts), tiny_tokenizer(), path / "my-model")
    save_tiny_backbone(path / "my-backbone")
    return path


@pytest.fixture
def run(here, monkeypatch):
    """Runs a section there."""
    monkeypatch.chdir(here)
    return lambda section, **names: pages.run(PAGE, section, **names)


@pytest.fixture
def encoder(here):
    return Encoder.load(here / "my-model")


@pytest.mark.filterwarnings("ignore:.*flash_attention_2, which is not available")
def test_official_checkpoints(run, tmp_path, monkeypatch):
    import huggingface_hub

    tensors = random_tensors(lm_head=True, dtype=torch.bfloat16)
    folder = write_official(tmp_path, tensors, shards=2)
    asked = []
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **_: asked.append(name) or str(folder)
    )
    names = run("Official checkpoints")
    assert set(asked) == {"codefuse-ai/C2LLM-0.5B"}
    assert names["cosqa"].folder.query_prompt.startswith("Given a query from a web search")
    assert names["encoder"].folder.max_tokens == 2048
    assert {p.dtype for p in names["model"].parameters()} == {torch.bfloat16}


def test_poolings(run):
    names = run("Poolings", C2LLMModel=C2LLMModel)
    sizes = names["sizes"]
    assert sizes["mean"] == sizes["last"] == 0 and sizes["gate"] == 33  # of width 32


def test_the_table_of_poolings_counts_right():
    """What the page says of width 384, with the defaults of the config."""
    text = (pages.DOCS / PAGE).read_text(encoding="utf-8")
    said = dict(re.findall(r"^\| `(\w+)` \|.*\| ([\d,]+) \| (?:yes|no) \|", text, re.M))
    assert len(said) == 5
    for pooling, number in said.items():
        with torch.device("meta"):
            model = tiny_model(bert_config(hidden_size=384), pooling=pooling, pma_num_heads=32)
        counted = sum(p.numel() for p in model.pooler.parameters())
        assert f"{counted:,}" == number, pooling


def test_matryoshka(run, encoder):
    short = run("Matryoshka", Encoder=Encoder)["short"]
    whole = encoder.encode_queries(["def get"])[:, :8]
    want = whole / np.linalg.norm(whole)
    np.testing.assert_allclose(short.encode_queries(["def get"]), want, atol=1e-6)


def test_static_models(run):
    assert "ln0_weight" in run("Static models", C2LLMModel=C2LLMModel)["table"]


def test_long_input(run):
    names = run("Long input", Encoder=Encoder)
    texts = ["def get\n" * 300 + end for end in ("class a", "toml b")]
    for key, reads_all in (("encoder", True), ("small", True), ("cut", False)):
        a, b = names[key].encode_documents(texts)
        assert (np.abs(a - b).max() > 1e-6) == reads_all


def test_spans(run, encoder):
    names = run("Spans", encoder=encoder)
    np.testing.assert_allclose(
        names["whole"], encoder.encode_documents([names["text"]])[0], atol=2e-6
    )


def test_attention(run, encoder, capsys):
    names = run("Attention", encoder=encoder)
    assert (names["heads"], names["queries"]) == (8, 1)
    words = [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()]
    assert "".join(words) == "defget():returna" and len(words) == names["tokens"]


def test_doors(run):
    model, tokenizer = run("Doors")["_"]
    assert type(model) is C2LLMModel and tokenizer.pad_token == "[PAD]"


def test_export_knows_every_option_of_the_page():
    lines = pages.blocks(PAGE, "Export", "sh")[0].splitlines()
    assert len(lines) == 6
    for line in lines:
        arguments = shlex.split(line, comments=True)
        assert arguments[:2] == ["c2llm", "export"]
        export.make_context("export", arguments[2:])
