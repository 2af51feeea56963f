"""`c2llm profile` as it is typed."""

from __future__ import annotations

import json

import pytest

from c2llm.cli.main import main
from c2llm.evaluation.profiling.ceiling import Ceiling
from c2llm.evaluation.profiling.cell import Measurement

SMALL = ["--batch", "1,2", "--length", "16"]


@pytest.fixture(autouse=True)
def processes(monkeypatch):
    """Answers in place of processes, which tests/evaluation/profiling starts in earnest."""
    asked = []

    def measured(subject, cell):
        asked.append((cell.batch, cell.length))
        if len(asked) > 2:
            raise KeyboardInterrupt
        fields = dict(Measurement(0.1, (1.0, 2.0, 3.0), 4.0, 1, 2, 3, None).__dict__)
        return {"measurement": fields, "error": ""}

    monkeypatch.setattr("c2llm.evaluation.profiling.profile_run._measured", measured)
    ceiling = Ceiling(1e9, 1e9, None)
    monkeypatch.setattr(
        "c2llm.evaluation.profiling.profile_run.measure_machine",
        lambda threads, with_torch: ceiling,
    )
    return asked


def test_json_is_one_object(capsys):
    main(["profile", *SMALL, "--json"])
    streams = capsys.readouterr()
    (model,) = json.loads(streams.out)["models"]
    assert [cell["batch"] for cell in model["cells"]] == [1, 2]
    assert model["cells"][0]["p50_ms"] == 2.0
    assert "c2llm-mini 2 of 2: onnx, 2 x 16 tokens: 2.0 ms" in streams.err


def test_an_interruption_prints_what_there_is_and_goes_on(capsys, processes, tmp_path):
    arguments = ["profile", "--batch", "1,2,3", "--length", "16", "--output", str(tmp_path)]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 130
    streams = capsys.readouterr()
    assert "Interrupted: what is not in the tables" in streams.out
    assert "the same command goes on" in streams.err
    processes.clear()
    main(arguments)
    assert processes == [(3, 16)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "0"], "--batch takes whole numbers from 1 with commas, not '0'"),
        (["--length", ","], "--length names no number"),
        (["--length", "4096"], "c2llm-mini reads at most 256 tokens"),
        (["--model", "no-such"], "no-such"),
        (["--model", "shape:1t"], "there are shape:0.5b, shape:7b"),
    ],
)
def test_wrong_use_is_refused_by_name(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main(["profile", *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
