"""Adaptation: what is held out, what is kept, and going on where it was stopped."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.errors import DataError, UsageError
from c2llm.training.adapt import adapt_data
from c2llm.training.adapt import adaptation as adapt_module
from c2llm.training.adapt.adapt_comparison import ndcg_of_pairs
from c2llm.training.adapt.adapt_data import divide, mine_adapt_data
from c2llm.training.adapt.adaptation import Adaptation, AdaptOptions
from c2llm.training.mining.mined_pair import MinedPair
from tests.tiny import save_tiny_model

NOUNS = "file response class toml http request header token batch index vector query".split()
VERBS = "parse return get open close merge split sort".split()


def write_library(root, seed):
    """Documented functions, each with words of its own."""
    rng = np.random.default_rng(seed)
    for module in range(16):
        code = ""
        for function in range(6):
            verb, noun, other = rng.choice(VERBS), *rng.choice(NOUNS, 2, replace=False)
            said = f"{verb.title()} the {noun} of {other} number {module} and {function}."
            code += f'def {verb}_{noun}_{module}_{function}({noun}):\n    """{said}"""\n'
            for i, word in enumerate(rng.permutation(NOUNS)[:6]):
                code += f"    {word}_{i} = {noun}.{word}({i})\n"
            code += "\n\n"
        path = root / f"module{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    return root


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    return write_library(root / "own", 1), write_library(root / "general", 2)


def test_no_file_and_no_query_is_on_both_sides():
    pairs = [
        MinedPair(
            f"query {i // 2}",
            f"def f{i}(): pass",
            "docstring",
            "python",
            f"0/m{i % 25}.py",
            "f",
            "",
        )
        for i in range(200)
    ]
    training, held_out = divide(pairs, 0.3)
    assert training
    assert held_out
    assert not {p.path for p in training} & {p.path for p in held_out}
    assert not {p.query for p in training} & {p.query for p in held_out}
    assert divide(pairs, 0.3) == (training, held_out)


def test_data_is_mined_once(trees, tmp_path, monkeypatch):
    own, general = trees
    data = mine_adapt_data([own], tmp_path / "data", general=general)
    assert data.training >= adapt_data.LEAST_PAIRS
    assert data.replay <= data.training * adapt_data.REPLAY_SHARE
    rows = {
        file.stem: [json.loads(line) for line in file.open()]
        for file in (data.own_file, data.held_out_file, data.replay_file, data.general_file)
    }
    assert len(rows["own"]) == data.training
    assert {row["dataset"] for row in rows["replay"]} == {"replay"}
    for trained, kept in (("own", "held-out"), ("replay", "general")):
        assert not {r["path"] for r in rows[trained]} & {r["path"] for r in rows[kept]}

    def again(*arguments, **options):
        raise AssertionError("mined twice")

    monkeypatch.setattr(adapt_data, "mine_pairs", again)
    assert mine_adapt_data([own], tmp_path / "data", general=general) == data


def test_code_without_pairs_is_refused(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.py").write_text("x = 1\n")
    with pytest.raises(DataError, match=r"0 pairs were found .* adapting needs 40 and 10"):
        mine_adapt_data([tmp_path / "own"], tmp_path / "data")


def test_ndcg_of_pairs_counts_ranks(tmp_path):
    class Fixed:
        def encode_queries(self, texts):
            return np.eye(3, dtype=np.float32)[:2]

        def encode_documents(self, texts):
            assert texts[0] == "header\ncode 0"
            return np.array([[1, 0.5, 0], [0.5, 0.2, 0]], np.float32)

    file = tmp_path / "pairs.jsonl"
    rows = [{"query": f"q{i}", "positive": f"code {i}", "header": "header"} for i in range(2)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ndcg_of_pairs(Fixed(), file).tolist() == pytest.approx([1.0, 1 / np.log2(3)])


def fake_export(source, out, *, precision="fp32"):
    """The float folder as it is: the graph's parity has its own tests."""
    shutil.copytree(source, out, dirs_exist_ok=True)
    (out / "model.onnx").touch()


@pytest.fixture
def torch_only(monkeypatch):
    monkeypatch.setattr(adapt_module, "export_onnx", fake_export)
    load = Encoder.load
    monkeypatch.setattr(
        adapt_module.Encoder,
        "load",
        lambda path, **options: load(path, **{**options, "engine": "torch"}),
    )


def test_an_adaptation_from_code_to_model(trees, tmp_path, torch_only, monkeypatch):
    own, general = trees
    start = save_tiny_model(tmp_path / "start")
    options = AdaptOptions(start=str(start), steps=3, batch_size=8)
    out = tmp_path / "ours"
    merge = adapt_module.merge_models

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(adapt_module, "merge_models", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Adaptation([own], out, options, general=general).adapt()
    assert not out.exists()
    monkeypatch.setattr(adapt_module, "merge_models", merge)
    notes: list[str] = []
    steps: list[int] = []
    going_on = Adaptation(
        [own],
        out,
        options,
        general=general,
        on_note=notes.append,
        on_step=lambda report: steps.append(report.step),
    )
    report = going_on.adapt()
    assert notes[0] == "going on with what was begun before"
    assert not steps  # trained before it was stopped
    assert set(report.comparison["candidates"]) == {
        "before", "after", "half way", "a quarter of the way",
    }  # fmt: skip
    assert json.loads((out / "adapt.json").read_text())["steps"] == 3
    assert Encoder.load(out).encode_queries(["def"]).shape == (1, 32)
    with pytest.raises(UsageError, match="other paths or options"):
        Adaptation([general], out, options, general=general).adapt()


def test_steps_follow_the_time_that_is_left(trees, tmp_path, monkeypatch):
    own, general = trees
    start = save_tiny_model(tmp_path / "start")
    options = AdaptOptions(start=str(start), minutes=10, batch_size=4)
    adaptation = Adaptation([own], tmp_path / "ours", options, general=general)
    (tmp_path / "ours.run").mkdir()
    data = mine_adapt_data([own], tmp_path / "ours.run" / "data", general=general)
    monkeypatch.setattr(adaptation, "_seconds_of_a_step", lambda config: 10.0)
    assert 40 <= adaptation._config(data, start).optim.steps <= 42
    monkeypatch.setattr(adaptation, "_seconds_of_a_step", lambda config: 1e-9)
    assert 40 <= adaptation._config(data, start).optim.steps <= 42  # decided once
    (tmp_path / "ours.run" / "steps.json").unlink()
    most = 3 * (data.training + data.replay) // 4
    assert adaptation._config(data, start).optim.steps == most


def test_what_cannot_be_trained_is_refused(tmp_path, trees):
    folder = save_tiny_model(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "table.npz")
    with pytest.raises(UsageError, match="nothing to train"):
        Adaptation([trees[0]], tmp_path / "out", AdaptOptions(start=str(folder)))
    with pytest.raises(UsageError, match="not a directory"):
        Adaptation([tmp_path / "none"], tmp_path / "out")
    with pytest.raises(UsageError, match="above 0"):
        AdaptOptions(minutes=0)


@pytest.mark.parametrize("folder", ["out", "out.run"])
def test_a_folder_of_the_user_is_refused_before_any_work(tmp_path, folder):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "thesis.tex").write_text("mine")
    (tmp_path / "code").mkdir()
    adaptation = Adaptation([tmp_path / "code"], tmp_path / "out", AdaptOptions(start="c2llm-mini"))
    with pytest.raises(UsageError, match=r"'thesis\.tex', which c2llm did not write"):
        adaptation.adapt()
    assert (tmp_path / folder / "thesis.tex").read_text() == "mine"
    assert not (tmp_path / "out.run" / "data").exists()
