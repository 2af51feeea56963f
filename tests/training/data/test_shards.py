"""Rows judged in shards, by processes and across runs: the same pairs as when one process reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.errors import DataError
from c2llm.training.data import shards
from c2llm.training.data.decontamination import Contamination
from c2llm.training.data.pair_loading import evaluation_texts, load_pairs
from c2llm.training.data.shards import judged_in_parallel
from c2llm.training.run.recipe import DataConfig, SourceConfig


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture()
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_BYTES", 400)
    rows = [
        {"query": f"read file {i % 30}", "positive": f"def read_{i % 30}(): …", "language": "go"}
        for i in range(40)
    ]
    rows[7]["label"] = 0
    rows[11]["query"] = "?!"
    write(tmp_path / "a.jsonl", rows)
    write(tmp_path / "eval.jsonl", [{"query": "read file 3", "doc": "DEF read_20()"}])
    sources = [SourceConfig("a.jsonl"), SourceConfig("a.jsonl", name="b", swap=True, cap=5)]
    return DataConfig(str(tmp_path), sources, decontaminate=["eval.jsonl"], stream=True)


def judged(config, processes=1):
    root = Path(config.root)
    return judged_in_parallel(config, evaluation_texts(config, root), root / "cache", processes)


def loaded(config, folder, rows=None):
    pairs, report = load_pairs(config, 0, folder=folder, judged=rows)
    log = sorted((folder / "dropped.jsonl").read_text().splitlines())
    return list(pairs), report.to_dict(), log


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_shards_give_what_one_process_reads(config, tmp_path, processes):
    one = loaded(config, tmp_path / "one")
    assert loaded(config, tmp_path / "many", judged(config, processes)) == one
    assert len(list((tmp_path / "cache" / "shards").glob("*.json"))) > 10


def test_rows_that_were_judged_are_not_judged_again(config, tmp_path, monkeypatch):
    written: list[str] = []
    write_shard = shards._Work._write

    def counted(self, key, *rest):
        if len(written) == 4 and not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        written.append(key)
        write_shard(self, key, *rest)

    stopped: list[bool] = []
    monkeypatch.setattr(shards._Work, "_write", counted)
    with pytest.raises(KeyboardInterrupt):
        judged(config)
    first = loaded(config, tmp_path / "first", judged(config))
    assert len(written) == len(set(written))
    count = len(written)
    moved = tmp_path / "elsewhere"  # bytes count, not where they lie
    moved.mkdir()
    for name in ("a.jsonl", "eval.jsonl"):
        (tmp_path / name).rename(moved / name)
    (moved / "cache").symlink_to(tmp_path / "cache")
    other = DataConfig(str(moved), config.sources, decontaminate=["eval.jsonl"], stream=True)
    assert loaded(other, tmp_path / "second", judged(other))[:2] == first[:2]
    assert len(written) == count
    lines = (moved / "a.jsonl").read_text().splitlines(keepends=True)
    (moved / "a.jsonl").write_text("".join(lines).replace("read file 29", "load file 29"))
    judged(other)
    assert count < len(written) <= count + 4  # the last shard of each source alone


def test_a_bad_row_is_named_by_its_line_in_the_file(config, tmp_path):
    with (tmp_path / "a.jsonl").open("a") as stream:
        stream.write('{"query": "no answer"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:41 has no text in `positive`"):
        judged(config)
    assert not list((tmp_path / "cache" / "shards").glob("*.part"))


def test_evaluation_texts_are_the_same_when_they_are_loaded(tmp_path):
    seen = Contamination()
    assert seen.is_empty and seen.source("anything") is None
    long = " ".join(f"word{chr(97 + i)}" for i in range(20))
    seen.add("one two", long, "first")
    seen.add("one two", "three four", "second")
    seen.save(tmp_path / "kept")
    again = Contamination.load(tmp_path / "kept")
    assert again.fingerprint == seen.fingerprint
    for known in (seen, again):
        assert known.source("ONE-two!") == "first" and known.source("three; four") == "second"
        assert known.source(long + " and more") == "first"
        assert known.source(long + " and more", ngrams=False) is None
        assert known.source("five six") is None
