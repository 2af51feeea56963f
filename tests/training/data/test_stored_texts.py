"""Negatives by number: the same pairs as with their texts, from a file of each text once."""

from __future__ import annotations

import json
import pickle

import pytest

from c2llm.errors import DataError
from c2llm.training.data.decontamination import Contamination
from c2llm.training.data.pair_loading import load_pairs
from c2llm.training.data.prepare import prepare
from c2llm.training.data.shards import judged_in_parallel
from c2llm.training.data.stored_texts import (
    StoredTexts,
    TextsById,
    stored_texts,
    text_writer,
)
from c2llm.training.mining.hard_negatives import MiningRules, mine_negatives
from c2llm.training.mining.negative_scorers import BM25Miner
from c2llm.training.run.distributed import World
from c2llm.training.run.recipe import DataConfig, SourceConfig

TEXTS = ["plain", "two\nlines", "", "äö ✓ \u2028", 'tab\t"quoted"']


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture()
def mined(tmp_path):
    """The same negatives twice: `texts.jsonl` and `ids.jsonl`."""
    rows = [
        {"query": f"read the file {i}", "positive": f"def read_{i}(path): return {i % 7}"}
        | ({"header": f"# file {i}"} if i % 2 else {})
        for i in range(40)
    ]
    pairs = write(tmp_path / "pairs.jsonl", rows)
    for name, ids in (("texts", False), ("ids", True)):
        rules = MiningRules(keep=6, max_share=None)
        mine_negatives([pairs], tmp_path / f"{name}.jsonl", BM25Miner(), rules, ids=ids)
    return tmp_path


def load(folder, name, **options):
    config = DataConfig(str(folder), [SourceConfig(f"{name}.jsonl", name="d")], **options)
    return load_pairs(config, 0, folder=folder / "run" if options.get("stream") else None)


def test_every_text_is_read_back(tmp_path):
    path = tmp_path / "a.documents"
    with text_writer(path) as texts:
        assert [texts.number(text, text) for text in TEXTS] == list(range(5))
        assert texts.number("plain", "plain") == 0
    stored = StoredTexts(path)
    assert [stored[i] for i in range(len(stored))] == TEXTS
    some = TextsById(stored, [4, 0])
    assert (list(some), some[:1][0], len(some)) == (TEXTS[4::-4], TEXTS[4], 2)
    assert some == (TEXTS[4], TEXTS[0]) and hash(some) == hash((TEXTS[4], TEXTS[0]))
    path.write_text('"cut off"')  # the last line may lack its end
    assert list(TextsById(StoredTexts(path), [0])) == ["cut off"]


def test_a_failure_leaves_no_half_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), text_writer(tmp_path / "a") as texts:
        texts.number(0, "text")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stream", [False, True])
def test_numbers_and_texts_give_the_same_pairs(mined, stream):
    assert len((mined / "ids.jsonl.documents").read_text().splitlines()) <= 80
    assert "return" not in json.loads((mined / "ids.jsonl").read_text().split("\n")[0])["documents"]
    expected, _ = load(mined, "texts", hard_negatives=3)
    pairs, _ = load(mined, "ids", hard_negatives=3, stream=stream)
    assert list(pairs) == list(expected)
    assert all(len(pair.negatives) == 6 and len(pair.scores) == 7 for pair in pairs)


def test_rows_may_be_shuffled_taken_apart_and_moved_with_their_texts(mined, tmp_path):
    rows = (mined / "ids.jsonl").read_text().splitlines(keepends=True)
    (mined / "ids.jsonl").write_text("".join(rows[::-2]))
    every_second = load(mined, "texts")[0][::-2]
    assert list(load(mined, "ids")[0]) == list(every_second)
    other = tmp_path / "other"
    other.mkdir()
    for name in ("ids.jsonl", "ids.jsonl.documents"):
        (mined / name).rename(other / name)
    assert list(load(other, "ids")[0]) == list(every_second)


def test_a_negative_that_evaluation_asks_for_is_left_out(mined):
    pairs, _ = load(mined, "ids")
    unwanted = pairs[5].negatives[2]
    write(mined / "eval.jsonl", [{"doc": unwanted.upper()}])
    options = {"decontaminate": ["eval.jsonl"]}
    left, report = load(mined, "ids", **options)
    expected, as_texts = load(mined, "texts", **options)
    assert list(left) == list(expected) and report.dropped == as_texts.dropped
    assert not any(unwanted in pair.negatives for pair in left)


def test_changed_texts_are_read_again(mined):
    world = World(0, 1, None)  # type: ignore[arg-type]
    source = SourceConfig("ids.jsonl")
    config = DataConfig(str(mined), [source], stream=True, validation_pairs=0)
    first = prepare(config, 0, mined / "run", world).training[0].negatives[0]
    path = mined / "ids.jsonl.documents"
    path.write_text(path.read_text().replace("read_", "load_"))
    stored_texts.cache_clear()
    assert prepare(config, 0, mined / "run", world).training[0].negatives[0] != first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"negative_ids": [0, 999]}, r"ids\.jsonl:1 names number 999, but .* has \d+ texts"),
        ({"negative_ids": [-1]}, "names number -1"),
        ({"negative_ids": ["a"]}, "write line numbers"),
        ({"negative_ids": [True]}, "write line numbers"),
        ({"documents": None}, "names no file of texts"),
        ({"documents": "gone"}, "gone, which rows name in `documents`, cannot be read"),
        ({"documents": "a\0b"}, "which rows name in `documents`, cannot be read"),
        ({"positive_score": 10**400}, "has a score that is not a number"),
        ({"positive_score": float("nan")}, "has a score that is not a number"),
        ({"positive_score": "-inf"}, "has a score that is not a number"),
    ],
)
def test_numbers_that_fit_no_text_are_refused(mined, change, message):
    row = json.loads((mined / "ids.jsonl").read_text().split("\n")[0]) | change
    row["negative_scores"] = [0.0] * len(row["negative_ids"])
    write(mined / "ids.jsonl", [row])
    with pytest.raises(DataError, match=message):
        load(mined, "ids")


def test_texts_by_number_go_to_other_processes(mined):
    negatives = load(mined, "ids")[0][0].negatives
    assert pickle.loads(pickle.dumps(negatives)) == negatives


@pytest.mark.parametrize("stream", [False, True])
def test_a_positive_among_the_numbers_is_taken_out(tmp_path, stream):
    texts = ["def a(): 1", "def b(): 2", "def c(): 3"]
    (tmp_path / "r.documents").write_text("".join(json.dumps(t) + "\n" for t in texts))
    row = {"query": "how to a", "positive": ["def a(): 1", "def x(): 4"], "negative_ids": [2, 0, 1]}
    scored = {"positive_score": 0.9, "negative_scores": [0.3, 0.8, 0.2]}
    write(tmp_path / "r.jsonl", [row | scored | {"documents": "r.documents"}])
    config = DataConfig(
        str(tmp_path), [SourceConfig("r.jsonl", name="r")], stream=stream, decontaminate=[]
    )
    if stream:
        judged = judged_in_parallel(config, Contamination(), tmp_path / "cache", 1)
        pairs, _ = load_pairs(config, 0, folder=tmp_path / "run", judged=judged)
    else:
        pairs, _ = load_pairs(config, 0)
    assert list(pairs[0].negatives) == ["def c(): 3", "def b(): 2"]
    assert pairs[0].scores == (0.9, 0.3, 0.2)


def test_pieces_hold_every_text_once(tmp_path):
    path = tmp_path / "a.documents"
    with text_writer(path) as texts:
        for number in range(50):
            texts.number(number, "x" * number)
    stored = StoredTexts(path)
    pieces = stored.pieces(100)
    assert len(pieces) > 5
    assert b"".join(stored.content(*piece) for piece in pieces) == path.read_bytes()
    assert [n for piece in pieces for n in range(*piece)] == list(range(50))
