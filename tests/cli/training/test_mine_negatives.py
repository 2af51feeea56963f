"""`c2llm mine negatives` as a user runs it."""

from __future__ import annotations

import json

import pytest

from c2llm.cli.main import main


def run(capsys, *argv):
    with pytest.raises(SystemExit) as exit_info:
        main(list(argv))
        raise SystemExit(0)
    streams = capsys.readouterr()
    return exit_info.value.code, streams.out, streams.err


def test_bm25_negatives_from_a_file(tmp_path, capsys):
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"query": f"read the file {i}", "positive": f"def read_{i}(): ..."} for i in range(20)]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "hard.jsonl"
    options = ["--miner", "bm25", "--keep", "7", "--max-share", "off", "--json"]
    code, stdout, stderr = run(capsys, "mine", "negatives", str(pairs), "-o", str(out), *options)
    assert code == 0
    report = json.loads(stdout)
    assert report["rows"] == 20
    assert report["rows_with_7"] == 20
    assert "20 rows with 7.0 negatives" in stderr
    mined = [json.loads(line) for line in out.open()]
    assert all(len(row["negatives"]) == 7 for row in mined)
    assert all(row["positive"] not in row["negatives"] for row in mined)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--miner", "no-such-model"], "Unknown model"),
        (["--skip", "100"], "leaves nothing"),
        (["--by", "path"], "grouped by dataset and language"),
        (["--max-score", "high"], "neither a number"),
        (["--out", "pairs.jsonl"], "one of the files that are read"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text('{"query": "q", "positive": "d"}\n')
    code, _, stderr = run(capsys, "mine", "negatives", "pairs.jsonl", "-o", "out.jsonl", *options)
    assert code == 2
    assert message in stderr
    assert "Traceback" not in stderr
