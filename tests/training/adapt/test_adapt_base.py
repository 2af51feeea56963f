"""What can be adapted and how, and the sentence for what cannot."""

from __future__ import annotations

import json

import pytest

from c2llm.errors import ModelError, UsageError
from c2llm.modeling.config import StaticConfig
from c2llm.training.adapt.adapt_base import open_base
from c2llm.training.export.table_export import export_table
from tests.tiny import WORDS, save_tiny_model

STATIC = StaticConfig(len(WORDS), 32)


@pytest.mark.parametrize(
    ("fields", "modes", "as_table"),
    [
        ({}, ("lora", "full", "pooler"), False),
        ({"pooling": "mean"}, ("lora", "full"), False),
        ({"backbone": STATIC}, ("full", "pooler"), True),
        ({"backbone": STATIC, "tf_power": 0.5}, ("full",), True),
        ({"backbone": STATIC, "pooling": "last"}, ("full",), False),
    ],
    ids=["layers", "mean", "static", "counting", "static last"],
)
def test_a_folder_with_weights(tmp_path, fields, modes, as_table):
    base = open_base(str(save_tiny_model(tmp_path / "m", **fields)))
    assert base.has_weights
    assert (base.modes, base.as_table, base.precision) == (modes, as_table, "fp32")
    assert base.mode(None) == modes[0]


@pytest.mark.parametrize("int8", [False, True])
def test_a_table_keeps_its_precision(tmp_path, int8):
    export_table(save_tiny_model(tmp_path / "m", backbone=STATIC), tmp_path / "t", int8=int8)
    base = open_base(str(tmp_path / "t"))
    assert (base.has_weights, base.precision) == (False, "int8" if int8 else "fp32")


def test_shipped_models():
    nano, mini = open_base("c2llm-nano"), open_base("c2llm-mini")
    assert (nano.as_table, nano.precision, nano.modes) == (True, "int8", ("full",))
    assert (mini.as_table, mini.precision, mini.modes[0]) == (False, "int8", "lora")


@pytest.mark.parametrize(("mode", "why"), [("lora", "no layers"), ("pooler", "no pooling")])
def test_what_a_model_does_not_have_is_not_tuned(mode, why):
    with pytest.raises(UsageError, match=f"c2llm-nano cannot be tuned by '{mode}'.*{why}.*full"):
        open_base("c2llm-nano").mode(mode)


def test_what_cannot_be_restored_is_refused_with_the_cure(tmp_path):
    source = save_tiny_model(tmp_path / "m", backbone=STATIC, pooling="mean")
    export_table(source, tmp_path / "t")
    with pytest.raises(UsageError, match=r"pools by 'mean' and has no safetensors.*--model"):
        open_base(str(tmp_path / "t"))
    (tmp_path / "t" / "table.npz").write_bytes(b"no table")
    with pytest.raises(ModelError, match="not a table of arrays"):
        open_base(str(tmp_path / "t"))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(json.dumps({"recipe": {}}))
    source.rename(tmp_path / "run" / "model")
    with pytest.raises(UsageError, match=r"run of a training; its model is .*model"):
        open_base(str(tmp_path / "run"))
