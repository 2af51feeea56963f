"""The grid of measurements, with real processes over a tiny model, and what they report."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from c2llm.errors import DataError, ModelError, UsageError
from c2llm.evaluation.profiling.ceiling import Ceiling
from c2llm.evaluation.profiling.cell import Cell, Measurement, measure
from c2llm.evaluation.profiling.counts import count
from c2llm.evaluation.profiling.profile_report import profile_markdown, profile_report
from c2llm.evaluation.profiling.profile_run import (
    CellResult,
    _ask,
    find_subject,
    grid,
    machine,
    run_grid,
)
from tests.tiny import save_tiny_model

CEILING = Ceiling(1e9, 1e9, 2e9)
MEASURED = Measurement(0.5, (2.0, 4.0, 6.0), 9.0, 10, 20, 30, None)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("profiled") / "tiny")


def cells_of(subject, batches=(1, 2), lengths=(4, 8)):
    return grid(subject, batches, lengths, threads=1, dtype="float32", seconds=0.01)


@pytest.mark.slow
def test_a_process_measures_a_cell_and_the_next_run_has_it_kept(model, tmp_path, monkeypatch):
    subject = find_subject(str(model))
    assert subject.engines == ("torch",)
    assert subject.file_bytes["torch"] == (model / "model.safetensors").stat().st_size
    cells = cells_of(subject, batches=[2], lengths=[4])
    (result,) = run_grid(subject, cells, tmp_path)
    measured = result.measurement
    assert measured is not None, result.error
    assert len(measured.latencies_ms) >= 3
    assert 0 < measured.start_bytes <= measured.loaded_bytes <= measured.peak_bytes
    monkeypatch.setattr("c2llm.evaluation.profiling.profile_run._ask", None)
    (again,) = run_grid(subject, cells, tmp_path)
    assert again == result
    (path,) = (tmp_path / "profile").iterdir()
    path.write_text("{")
    with pytest.raises(DataError, match="is not a kept result"):
        list(run_grid(subject, cells, tmp_path))


def test_the_grid_leaves_out_what_the_model_cannot_read(model):
    subject = find_subject(str(model))
    sizes = [(cell.batch, cell.length) for cell in cells_of(subject, lengths=(4, 64, 65))]
    assert sizes == [(1, 4), (2, 4), (1, 64), (2, 64)]


def test_shapes_are_counted_where_they_do_not_fit(monkeypatch):
    monkeypatch.setattr("c2llm.evaluation.profiling.profile_run._memory", lambda: 16 * 10**9)
    assert find_subject("shape:0.5b").engines == ("torch-random",)
    large = find_subject("shape:7b")
    assert large.engines == ("meta",)
    (cell,) = cells_of(replace(large, engines=("torch-random",)), [1], [8])
    (result,) = run_grid(large, [cell])
    assert result.measurement is None
    assert result.error.startswith("C2LLM-7B needs 28.5 GB in float32, this machine has 16.0")


def test_wrong_use_is_named(model):
    with pytest.raises(UsageError, match=r"No shape is named 'shape:1t'"):
        find_subject("shape:1t")
    with pytest.raises(UsageError, match="has the engines torch-random, meta, not 'onnx'"):
        find_subject("shape:7b", ["onnx"])
    with pytest.raises(ModelError, match=r"has no model\.onnx"):
        find_subject(str(model), ["onnx"])


def test_a_failing_process_is_a_sentence():
    cell = Cell("no-such-model", "torch", 1, 4, 1, "float32", 0.01)
    with pytest.raises(UsageError, match="Unknown model 'no-such-model'"):
        measure(cell)
    answer = _ask({"what": "cell", **asdict(cell)}, 1)
    assert "Unknown model 'no-such-model'" in answer["error"]
    assert "The process failed" in _ask({"what": "cell"}, 1)["error"]


def test_the_report_has_percentiles_speed_and_share_of_the_ceiling(model):
    subject = find_subject(str(model))
    first, second = cells_of(subject, batches=[2], lengths=[4, 8])
    assert subject.shape is not None
    counts = count(subject.shape, 2, 4)
    results = [
        CellResult(first, MEASURED, "", counts),
        CellResult(second, None, "killed | by <signal>", None),
    ]
    report = profile_report([(subject, results)], CEILING, machine(), complete=False)
    json.dumps(report, allow_nan=False)
    one, two = report["models"][0]["cells"]
    assert one["p50_ms"] == 4.0
    assert one["tokens_per_second"] == 2 * 4 / 0.004
    assert one["of_ceiling"] == pytest.approx(counts.flops / 0.004 / 1e9)
    assert one["least_ms"] == pytest.approx(1000 * max(counts.flops, counts.moved_bytes) / 1e9)
    assert (two["error"], "p50_ms" in two) == ("killed | by <signal>", False)
    text = profile_markdown(report)
    assert "Not measured: killed | by <signal>" in text
    assert "Interrupted" in text
