"""A model folder from anywhere gives right vectors or one sentence: never a traceback or a hang."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from c2llm.cli.main import main
from c2llm.encoding import trial
from c2llm.encoding.encoder import Encoder
from c2llm.errors import ModelError
from tests.encoding import hostile_folders as make
from tests.encoding.hostile_folders import ROWS, WIDTH, config, header, table, tokenizer

pytestmark = pytest.mark.slow

BIG = "1" * 5000
DEEP = "[" * 100_000 + "]" * 100_000
TEXTS = ["def get http", "", "class a b " * 40]

# What is wrong with config.json.
CONFIG = {
    "nested": make.replace("config.json", DEEP),
    "nested in a field": make.replace("config.json", '{"model_type": "c2llm", "x": ' + DEEP + "}"),
    "digits": make.replace("config.json", '{"model_type": "c2llm", "max_tokens": ' + BIG + "}"),
    "infinity": lambda p: config(p, max_tokens=float("inf")),
    "nan": lambda p: config(p, x=float("nan")),
    "overflowing float": make.replace("config.json", '{"model_type": "c2llm", "x": 1e999}'),
    "no utf-8": make.replace("config.json", b'{"model_type": "\xff"}'),
    "utf-16": make.replace("config.json", "{}".encode("utf-16")),
    "half a pair": lambda p: config(p, prompts={"query": "\ud800"}),
    "empty": make.replace("config.json", b""),
    "a list": make.replace("config.json", "[1]"),
    "a word": make.replace("config.json", "null"),
    "a folder": make.folder("config.json"),
    "a pipe": make.pipe("config.json"),
    "a device": make.link("config.json", "/dev/zero"),
    "a link to nowhere": make.link("config.json", "nowhere"),
    "a link to itself": make.link("config.json", "config.json"),
    "sparse": make.sparse("config.json", 1 << 40),
    "backbone missing": lambda p: config(p, backbone=...),
    "backbone a list": lambda p: config(p, backbone=[]),
    "backbone without type": lambda p: config(p, backbone__model_type=7),
    "pooling unknown": lambda p: config(p, pooling="magic"),
    "pooling a list": lambda p: config(p, pooling=[]),
    "merge unknown": lambda p: config(p, pma_merge="sum"),
    "prompts a list": lambda p: config(p, prompts=["query"]),
    "prompt a number": lambda p: config(p, prompts={"query": 7}),
    "prompt without end": lambda p: config(p, prompts={"query": "x" * 1_000_000}),
    "pad beyond": lambda p: config(p, backbone__pad_token_id=ROWS),
    "pad negative": lambda p: config(p, backbone__pad_token_id=-1),
    "pad a word": lambda p: config(p, backbone__pad_token_id="[PAD]"),
    "vocabulary larger than the table": lambda p: config(p, backbone__vocab_size=ROWS + 5),
    "other width": lambda p: config(p, pma_dim=2 * WIDTH),
    "vectors beyond all": lambda p: config(p, pma_dim=100_000, pma_num_queries=4000),
    "positions fewer than tokens": lambda p: config(p, backbone__max_position_embeddings=8),
    "special tokens fill the input": lambda p: config(p, max_tokens=2),
}
WRONG = (0, -5, 10**9, 10**30, 2.5, "8", True, [8], {})
for name in ("max_tokens", "pma_dim", "pma_num_queries", "backbone__vocab_size"):
    for value in WRONG:
        CONFIG[f"{name} {value!r}"] = lambda p, n=name, v=value: config(p, **{n: v})


TABLE = {
    "missing": lambda p: (p / "table.npz").unlink(),
    "empty": make.replace("table.npz", b""),
    "noise": make.replace("table.npz", b"PK\x03\x04" + b"\0" * 100),
    "a pipe": make.pipe("table.npz"),
    "a device": make.link("table.npz", "/dev/zero"),
    "a folder": make.folder("table.npz"),
    "sparse": make.sparse("table.npz", 1 << 40),
    "bomb": make.bomb,
    "packed": make.packed,
    "one array": make.replace("table.npz", make.buffer(np.zeros(3))),
    "objects": make.npz_pickle,
    "only a pickle": make.pickled,
    "no score": lambda p: table(p, score=None),
    "score flat": lambda p: table(p, score=np.zeros(ROWS, np.float32)),
    "score of words": lambda p: table(p, score=np.full((ROWS, 2, 1), "a")),
    "score complex": lambda p: table(p, score=np.zeros((ROWS, 2, 1), complex)),
    "score of whole numbers": lambda p: table(p, score=np.zeros((ROWS, 2, 1), np.int64)),
    "score without heads": lambda p: table(p, score=np.zeros((ROWS, 0, 1), np.float32)),
    "score of fewer rows": lambda p: table(p, score=np.zeros((ROWS - 1, 2, 1), np.float32)),
    "fewer rows": lambda p: table(
        p,
        score=np.zeros((3, 2, 1), np.float32),
        value=np.ones((3, WIDTH), np.float32),
    ),
    "no rows": lambda p: table(
        p, score=np.zeros((0, 2, 1), np.float32), value=np.ones((0, WIDTH), np.float32)
    ),
    "heads do not divide": lambda p: table(p, score=np.zeros((ROWS, 3, 1), np.float32)),
    "values narrower": lambda p: table(p, value=np.ones((ROWS, 4), np.float32)),
    "values of three axes": lambda p: table(p, value=np.ones((ROWS, 2, 4), np.float32)),
    "values int8 without scales": lambda p: table(p, value=np.ones((ROWS, WIDTH), np.int8)),
    "scales of another length": lambda p: table(
        p, value=np.ones((ROWS, WIDTH), np.int8), value_scale=np.ones(3, np.float32)
    ),
    "score nan": make.changed("score", (5, 0, 0), np.nan),
    "score infinite": make.changed("score", (5, 0, 0), -np.inf),
    "value nan": make.changed("value", (5, 3), np.nan),
    "value overflowing": make.changed("value", (5, 3), 3e38),
    "scale nan": lambda p: table(
        p,
        value=np.ones((ROWS, WIDTH), np.int8),
        value_scale=np.full(ROWS, np.nan, np.float32),
    ),
    "all zeros": lambda p: table(p, value=np.zeros((ROWS, WIDTH), np.float32)),
    "split a vector": lambda p: table(p, split_heads=np.array([True, False])),
    "split a number": lambda p: table(p, split_heads=np.array(3.5)),
    "power nan": lambda p: table(p, tf_power=np.array(np.nan)),
    "power zero": lambda p: table(p, tf_power=np.array(0.0)),
    "power a vector": lambda p: table(p, tf_power=np.ones(4)),
    "half a readout": lambda p: table(p, base=np.ones((1, WIDTH), np.float32)),
    "readout of another width": lambda p: table(
        p,
        base=np.ones((1, WIDTH), np.float32),
        fc_o_weight=np.ones((3, 3), np.float32),
        fc_o_bias=np.ones(WIDTH, np.float32),
    ),
    "half a norm": lambda p: table(p, ln0_weight=np.ones(WIDTH, np.float32)),
    "shape beyond the data": make.member(
        make.npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**12}, 2, 1)}}")
    ),
    "shape negative": make.member(
        make.npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2, 1)}")
    ),
    "shape of digits": make.member(
        make.npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({BIG}, 2)}}")
    ),
    "header nested": make.member(make.npy("(" * 5000 + ")" * 5000)),
    "header of code": make.member(make.npy("__import__('os').abort()")),
    "data cut": make.member(
        make.npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, 2, 1)}}", b"\0")
    ),
}

TOKENIZER = {
    "missing": lambda p: (p / "tokenizer.json").unlink(),
    "empty": make.replace("tokenizer.json", b""),
    "nested": make.replace("tokenizer.json", DEEP),
    "digits": make.replace("tokenizer.json", BIG),
    "no utf-8": make.replace("tokenizer.json", b"\xff\xfe{}"),
    "a pipe": make.pipe("tokenizer.json"),
    "a device": make.link("tokenizer.json", "/dev/zero"),
    "a folder": make.folder("tokenizer.json"),
    "sparse": make.sparse("tokenizer.json", 1 << 40),
    "no model": lambda p: tokenizer(p, lambda t: t.pop("model")),
    "token beyond": lambda p: tokenizer(p, lambda t: t["model"]["vocab"].update(b=ROWS)),
    "token far beyond": lambda p: tokenizer(p, lambda t: t["model"]["vocab"].update(b=2**31)),
    "special token beyond": lambda p: tokenizer(
        p, lambda t: t["post_processor"]["special_tokens"]["[CLS]"].update(ids=[10**6])
    ),
    "many special tokens": lambda p: tokenizer(
        p,
        lambda t: t["post_processor"]["special_tokens"]["[CLS]"].update(
            ids=[2] * 100, tokens=["[CLS]"] * 100
        ),
    ),
    "unknown token unknown": lambda p: tokenizer(p, lambda t: t["model"].update(unk_token="?!")),
    "added token beyond": lambda p: tokenizer(
        p,
        lambda t: t.update(
            added_tokens=[
                {
                    "id": 10**6,
                    "content": "@@",
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                    "special": True,
                }
            ]
        ),
    ),
    "growing": lambda p: tokenizer(p, make.growing),
    "broken expression": lambda p: tokenizer(
        p,
        lambda t: t.update(
            normalizer={"type": "Replace", "pattern": {"Regex": "(((("}, "content": ""}
        ),
    ),
    "bytes made characters thrice": lambda p: tokenizer(
        p,
        lambda t: t.update(
            pre_tokenizer={
                "type": "Sequence",
                "pretokenizers": [
                    {
                        "type": "ByteLevel",
                        "add_prefix_space": False,
                        "trim_offsets": False,
                        "use_regex": False,
                    }
                ]
                * 30,
            }
        ),
    ),
}

GRAPH = {
    "missing": lambda p: (p / "model.onnx").unlink(),
    "empty": make.replace("model.onnx", b""),
    "noise": make.replace("model.onnx", b"\x08\x09" + b"\xff" * 200),
    "a pipe": make.pipe("model.onnx"),
    "a device": make.link("model.onnx", "/dev/zero"),
    "cut": lambda p: (p / "model.onnx").write_bytes((p / "model.onnx").read_bytes()[:-80]),
    "ids of 32 bits": lambda p: make.write_graph(p, id_type=6),
    "another output": lambda p: make.write_graph(p, output="logits"),
    "whole numbers": lambda p: make.write_graph(p, spoil="int"),
    "text": lambda p: make.write_graph(p, spoil="text"),
    "one vector for all": lambda p: make.write_graph(p, spoil="one"),
    "not finite": lambda p: make.write_graph(p, spoil="Log"),
    "not of unit length": lambda p: make.write_graph(p, spoil="long"),
    "fewer rows": lambda p: make.write_graph(p, rows=ROWS - 3),
    "nan in the last row": lambda p: make.write_graph(
        p, values=np.vstack([make.arrays()["value"][:-1], np.full((1, WIDTH), np.nan)])
    ),
    "wider": lambda p: make.write_graph(p, values=np.ones((ROWS, 2 * WIDTH))),
    "a terabyte": lambda p: make.write_graph(p, spoil="huge"),
    "without end": lambda p: make.write_graph(p, loop=2**62),
    "weights outside": make.external("../outside.bin"),
    "weights outside, whole path": make.external("PARENT/outside.bin"),
    "weights cut": make.external("inside.bin"),
    "weights of a device": make.external("/dev/zero"),
    "weights nowhere": make.external("nowhere.bin"),
    "a pipe beside": make.pipe("inside.bin"),
}

TORCH = {
    "empty": make.replace("model.safetensors", b""),
    "noise": make.replace("model.safetensors", b"\xff" * 64),
    "a pickle": make.replace("model.safetensors", b"\x80\x04}q\x00."),
    "a pipe": make.pipe("model.safetensors"),
    "length beyond": make.replace("model.safetensors", b"\xff" * 7 + b"\x7f{}"),
    "header nested": lambda p: header(p, DEEP.encode()),
    "header a list": lambda p: header(p, b"[]"),
    "header of digits": lambda p: header(p, b'{"a": %s}' % BIG.encode()),
    "offsets negative": lambda p: header(p, lambda h: make.first(h).update(data_offsets=[-8, 0])),
    "offsets turned": lambda p: header(p, lambda h: make.first(h)["data_offsets"].reverse()),
    "offsets of three": lambda p: header(p, lambda h: make.first(h)["data_offsets"].append(7)),
    "offsets beyond": lambda p: header(p, lambda h: make.first(h).update(data_offsets=[0, 10**15])),
    "offsets no numbers": lambda p: header(
        p, lambda h: make.first(h).update(data_offsets=["0", "8"])
    ),
    "overlapping": lambda p: header(
        p, lambda h: [v.update(data_offsets=[0, 8]) for k, v in h.items() if k[0] != "_"]
    ),
    "shape huge": lambda p: header(p, lambda h: make.first(h).update(shape=[10**12])),
    "shape negative": lambda p: header(p, lambda h: make.first(h).update(shape=[-1])),
    "shape a word": lambda p: header(p, lambda h: make.first(h).update(shape="x")),
    "dtype unknown": lambda p: header(p, lambda h: make.first(h).update(dtype="F7")),
    "dtype of whole numbers": lambda p: header(
        p, lambda h: [v.update(dtype="I32") for k, v in h.items() if k[0] != "_"]
    ),
    "nan": make.spoilt,
    "bytes behind": lambda p: header(p, lambda h: None, b"more"),
    "layers without end": lambda p: config(p, backbone__num_hidden_layers=10**9),
    "layers that are not there": lambda p: config(p, backbone__num_hidden_layers=900),
    "no layers": lambda p: config(p, backbone__num_hidden_layers=-5),
    "labels without end": lambda p: config(p, backbone__num_labels=10**9),
    "backbone unknown": lambda p: config(p, backbone__model_type="no-such-network"),
    "heads do not divide": lambda p: config(p, backbone__num_attention_heads=5),
    "heads a word": lambda p: config(p, backbone__num_attention_heads="four"),
    "activation unknown": lambda p: config(p, backbone__hidden_act="magic"),
    "positions without end": lambda p: config(p, backbone__max_position_embeddings=10**9),
    "power beyond": lambda p: config(p, tf_power=7.0),
    "shards nowhere": lambda p: [
        (p / "model.safetensors").unlink(),
        (p / "model.safetensors.index.json").write_text('{"weight_map": {"a": "/dev/zero"}}'),
    ],
}
KINDS = {
    "config": (make.table_folder, CONFIG),
    "table": (make.table_folder, TABLE),
    "tokenizer": (make.table_folder, TOKENIZER),
    "graph": (make.graph_folder, GRAPH),
    "torch": (make.torch_folder, TORCH),
}
CASES = [(kind, name) for kind, (_, cases) in KINDS.items() for name in cases]
IN_A_CHILD = {
    ("graph", "a terabyte"),
    ("graph", "without end"),
    ("tokenizer", "growing"),
    ("tokenizer", "bytes made characters thrice"),
    ("table", "all zeros"),
    ("table", "value nan"),
    ("table", "value overflowing"),
    ("graph", "fewer rows"),
    ("graph", "nan in the last row"),
    ("graph", "a pipe beside"),
}
"""What only the trial can find: it depends on the text, or must be stopped."""


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_hostile_folder_ends_in_one_sentence(tmp_path, monkeypatch, capfd, kind, name):
    make_folder, cases = KINDS[kind]
    folder = make_folder(tmp_path / "model")
    cases[name](folder)
    if (kind, name) in IN_A_CHILD:
        monkeypatch.delenv(trial.TRUSTED)
        monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    with pytest.raises(ModelError) as caught:
        Encoder.load(folder).encode_queries(TEXTS)
    told = str(caught.value)
    assert "\n" not in told and len(told) < 700
    assert str(folder) in told and told.endswith((".", ")."))
    assert capfd.readouterr().out == ""
    assert not (tmp_path / "home" / "tried-models").exists()


RIGHT = {
    "as it is": lambda p: None,
    "half precision": lambda p: table(p, value=make.arrays()["value"].astype(np.float16)),
    "other byte order": lambda p: table(p, value=make.arrays()["value"].astype(">f4")),
    "column by column": lambda p: table(p, value=np.asfortranarray(make.arrays()["value"])),
    "an array that nobody asks for": lambda p: table(p, more=np.arange(3)),
    "a link to a file": lambda p: [
        (p / "table.npz").rename(p.parent / "blob"),
        (p / "table.npz").symlink_to("../blob"),
    ],
    "nulls": lambda p: config(p, prompts=None, backbone__pad_token_id=None, pma_num_queries=None),
}


@pytest.mark.parametrize("name", RIGHT)
def test_an_unusual_folder_gives_the_same_vectors(tmp_path, name):
    want = Encoder.load(make.table_folder(tmp_path / "plain")).encode_documents(TEXTS)
    folder = make.table_folder(tmp_path / "model")
    RIGHT[name](folder)
    np.testing.assert_allclose(Encoder.load(folder).encode_documents(TEXTS), want, atol=1e-3)


@pytest.fixture
def tried(tmp_path, monkeypatch):
    monkeypatch.delenv(trial.TRUSTED)
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "tried-models"


@pytest.mark.parametrize("kind", ["table", "graph"])
def test_a_good_folder_is_tried_once_for_each_state(tmp_path, tried, monkeypatch, kind):
    folder = KINDS[kind][0](tmp_path / "model")
    vectors = Encoder.load(folder).encode_documents(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert len(list(tried.iterdir())) == 1
    runs = []
    monkeypatch.setattr(trial, "_try", lambda *given: runs.append(given))
    Encoder.load(folder)
    assert not runs
    config(folder, max_tokens=33)
    Encoder.load(folder)
    assert len(runs) == 1 and len(list(tried.iterdir())) == 2
    Encoder.load("c2llm-nano")
    Encoder.load(folder.parent / "model", tried=True)
    assert len(runs) == 1


def test_a_home_that_cannot_be_written_is_no_matter(tmp_path, monkeypatch):
    monkeypatch.delenv(trial.TRUSTED)
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    assert Encoder.load(make.table_folder(tmp_path / "model")).dim == WIDTH


SEEN = [
    ("graph", "without end"),
    ("config", "nested"),
    ("table", "a pipe"),
    ("graph", "not finite"),
]


@pytest.mark.parametrize(("kind", "name"), SEEN)
@pytest.mark.parametrize("verb", ["search", "embed", "export"])
def test_the_command_line_says_it(tmp_path, tried, monkeypatch, capfd, kind, name, verb):
    make_folder, cases = KINDS[kind]
    folder = make_folder(tmp_path / "model")
    cases[name](folder)
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "a.py").write_text("def get(): return 1\n")
    arguments = {
        "search": ["get", str(tmp_path / "repo"), "--model", str(folder), "--json"],
        "embed": [str(tmp_path / "repo" / "a.py"), "--model", str(folder), "--json"],
        "export": [str(folder), "--out", str(tmp_path / "out"), "--to", "torch", "--json"],
    }[verb]
    monkeypatch.setenv("C2LLM_TABLE_MODEL", "")
    with pytest.raises(SystemExit) as ended:
        main([verb, *arguments])
    said = capfd.readouterr()
    assert ended.value.code == 1 and said.out == "" and "Traceback" not in said.err
    assert str(folder) in said.err.splitlines()[-1]
    assert not (tmp_path / "out").exists() and not tried.exists()


@pytest.mark.parametrize("name", ["nan", "overlapping", "shape huge", "length beyond", "a pipe"])
def test_merging_says_it(tmp_path, capfd, name):
    whole, folder = make.torch_folder(tmp_path / "whole"), make.torch_folder(tmp_path / "model")
    TORCH[name](folder)
    with pytest.raises(SystemExit) as ended:
        main(["merge", str(whole), str(folder), "--out", str(tmp_path / "out"), "--json"])
    said = capfd.readouterr()
    assert ended.value.code == 1 and said.out == "" and "Traceback" not in said.err
    assert str(folder) in said.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_command_ends_without_a_traceback_in_a_process_of_its_own(tmp_path):
    folder = make.graph_folder(tmp_path / "model")
    make.write_graph(folder, spoil="Log")
    done = subprocess.run(
        [sys.executable, "-m", "c2llm", "embed", "--model", str(folder), "--json"],
        input="get\n",
        env={**os.environ, trial.TRUSTED: "", "C2LLM_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
