"""Hard negatives: which documents are kept, against a slow and obvious version; and going on."""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.identifiers import fts_text
from c2llm.errors import DataError, UsageError
from c2llm.training.mining import negative_scorers as miners
from c2llm.training.mining.hard_negatives import MiningRules, mine_negatives, pair_files, select
from c2llm.training.mining.negative_scorers import BM25Miner, DenseMiner


class Words:
    """An encoder double: a text's vector is its counts of hashed words."""

    name = "words"
    fingerprint = "words-1"
    dim = 64

    def __init__(self, fail_after: int | None = None):
        self.read: list[str] = []
        self.fail_after = fail_after

    def encode_documents(self, texts, *, progress=None):
        if self.fail_after is not None and len(self.read) >= self.fail_after:
            raise KeyboardInterrupt
        self.read.extend(texts)
        vectors = np.full((len(texts), self.dim), 1e-3, np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.split():
                row[sum(word.encode()) % self.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    encode_queries = encode_documents


LOOSE = MiningRules(skip=0, max_score=None, max_share=None, min_corpus=1, header_share=0)


def write(path, rows):
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def mine(tmp_path, rows, rules=LOOSE, miner=None):
    path = write(tmp_path / "pairs.jsonl", rows)
    report = mine_negatives([path], tmp_path / "out.jsonl", miner or DenseMiner(Words()), rules)
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").open()]
    return found, report


def row(query, positive, **fields):
    return {"query": query, "positive": positive, "dataset": "d", "language": "python", **fields}


def slowly(scores, positives, answers, rules):
    order = [i for i in np.lexsort((np.arange(len(scores)), -scores)) if i not in answers]
    own = float(max(scores[i] for i in positives))
    kept = []
    for rank, i in enumerate(order):
        below = rules.max_score is None or scores[i] < rules.max_score
        share = rules.max_share if own > 0 else 1
        enough = rules.max_share is None or scores[i] < share * own
        if rules.skip <= rank < rules.top and below and enough:
            kept.append(i)
    return kept[: rules.keep]


@given(
    st.lists(st.integers(-8, 8), min_size=1, max_size=40),
    st.sets(st.integers(0, 39), min_size=1, max_size=4),
    st.integers(1, 12),
    st.integers(0, 5),
    st.sampled_from([None, 0.25, 0.5]),
    st.sampled_from([None, 0.95, 0.5]),
)
def test_selection_is_that_of_a_full_sort(values, chosen, top, skip, max_score, max_share):
    scores = np.array(values, np.float32) / 8
    answers = {i % len(values) for i in chosen}
    positives = sorted(answers)[:1]
    rules = MiningRules(
        top=max(top, skip + 1), skip=skip, max_score=max_score, max_share=max_share, keep=5
    )
    kept, own = select(scores, positives, answers, rules)
    assert kept == slowly(scores, positives, answers, rules)
    assert own == pytest.approx(scores[positives[0]])


def test_an_answer_of_the_same_query_is_never_a_negative(tmp_path):
    rows = [
        row("sort a list", "def sort(xs): return sorted(xs)"),
        row("Sort a list!", "def order(list): list.sort()"),
        row("sort a list", "def  sort( xs ):\n    return sorted(xs)", dataset="d"),
        row("read a file", "def read(list): open(list)"),
        row("sum a list", "def total(list): sum(list)", positives=["unused"]),
    ]
    found, report = mine(tmp_path, rows)
    for mined in found[:3]:
        assert sorted(mined["negatives"]) == [
            "def read(list): open(list)",
            "def total(list): sum(list)",
        ]
    assert report.rows == 5
    assert report.documents == 4  # the third row's document is the first's, spaced otherwise


def test_rows_keep_their_order_and_fields(tmp_path):
    rows = [row(f"query {i}", f"def name{i}(): pass", extra={"n": i}) for i in range(9)]
    found, _ = mine(tmp_path, rows)
    for given_row, mined in zip(rows, found, strict=True):
        assert {k: mined[k] for k in given_row} == given_row
        assert len(mined["negatives"]) == len(mined["negative_scores"]) == 8
        assert mined["negative_scores"] == sorted(mined["negative_scores"], reverse=True)


def test_documents_of_another_language_are_negatives_only_where_there_are_few(tmp_path):
    rows = [row(f"q {i}", f"def f{i}(): pass") for i in range(5)]
    rows += [row(f"q {i}", f"echo {i}", language="bash") for i in range(5)]
    found, report = mine(tmp_path, rows)
    assert all("echo" not in text for r in found[:5] for text in r["negatives"])
    assert set(report.groups) == {"d/python", "d/bash"}
    few = MiningRules(skip=0, max_score=None, max_share=None, min_corpus=6, header_share=0)
    found, report = mine(tmp_path, rows, few)
    assert set(report.groups) == {"d"}
    # "q 1" is asked in both languages: either answer is one.
    assert all(len(r["negatives"]) == 8 for r in found)


def test_half_of_the_negatives_carry_their_header(tmp_path):
    rows = [row(f"q {i}", f"def f{i}(): pass", header="module path") for i in range(40)]
    rules = MiningRules(skip=0, max_score=None, max_share=None, min_corpus=1)
    found, _ = mine(tmp_path, rows, rules)
    texts = [text for r in found for text in r["negatives"]]
    share = sum(text.startswith("module path\ndef") for text in texts) / len(texts)
    assert 0.4 < share < 0.6
    assert mine(tmp_path, rows, rules)[0] == found


def test_interrupted_mining_embeds_nothing_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(miners, "BLOCK", 8)
    rows = [row(f"q {i}", f"def f{i}(): pass") for i in range(30)]
    path, out = write(tmp_path / "pairs.jsonl", rows), tmp_path / "out.jsonl"
    stopped = Words(fail_after=16)
    with pytest.raises(KeyboardInterrupt):
        mine_negatives([path], out, DenseMiner(stopped), LOOSE)
    assert not out.exists()
    going_on = Words()
    mine_negatives([path], out, DenseMiner(going_on), LOOSE)
    assert len(stopped.read) + len(going_on.read) == 60
    again = tmp_path / "again.jsonl"
    mine_negatives([path], again, DenseMiner(Words()), LOOSE)
    assert again.read_text() == out.read_text()
    assert {p.name for p in tmp_path.iterdir()} == {"pairs.jsonl", "out.jsonl", "again.jsonl"}


def test_unfinished_mining_of_something_else_is_not_mixed_in(tmp_path):
    path, out = write(tmp_path / "p.jsonl", [row("q", "d"), row("r", "e")]), tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt):
        mine_negatives([path], out, DenseMiner(Words(fail_after=0)), LOOSE)
    with pytest.raises(UsageError, match="unfinished mining of other pairs"):
        mine_negatives([path], out, BM25Miner(), LOOSE)


def test_bm25_is_the_formula():
    documents = ["def parseToml(path)", "parse parse json", "open file path", ""]
    query = "parse the toml path"
    miner = BM25Miner()
    miner.prepare([query], documents, None, lambda done: None)
    ((block, scores),) = miner.scores([0], range(4))
    bags = [Counter(fts_text(text).split()) for text in documents]
    mean = sum(bag.total() for bag in bags) / 4
    for document, bag in enumerate(bags):
        expected = 0.0
        for term in fts_text(query).split():
            n = sum(term in other for other in bags)
            idf = math.log(1 + (4 - n + 0.5) / (n + 0.5))
            norm = 1.2 * (1 - 0.75 + 0.75 * bag.total() / mean)
            expected += idf * bag[term] / (bag[term] + norm)
        assert scores[0, document] == pytest.approx(expected, abs=1e-5)
    assert list(block) == [0]


def test_bm25_mines_without_an_absolute_limit(tmp_path):
    rows = [row(f"parse format {i}", f"def parse_format_{i}(): pass") for i in range(30)]
    found, _ = mine(tmp_path, rows, MiningRules(min_corpus=1, max_share=None), BM25Miner())
    assert all(len(r["negatives"]) == 24 for r in found)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            '{"query": "q", "positive": "d"}\n{"query": "q"}\n',
            r"pairs\.jsonl:2 has no text in `pos",
        ),
        ('{"query": " ", "positive": "d"}\n', r"pairs\.jsonl:1 has no text in `query`"),
        ('{"query": "q", "positive": ["d", ""]}\n', r"pairs\.jsonl:1 has no text in `positive`"),
        ('{"query": "q", "positive": "d"}\n{"query"\n', r"pairs\.jsonl:2 is not JSON"),
        ("[1]\n", r"pairs\.jsonl:1 is not a JSON object"),
        ("", "no pair in"),
    ],
)
def test_a_bad_row_is_named(tmp_path, lines, message):
    path = tmp_path / "pairs.jsonl"
    path.write_text(lines)
    with pytest.raises(DataError, match=message):
        mine_negatives([path], tmp_path / "out.jsonl", BM25Miner())
    assert [p.name for p in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_a_cut_off_archive_is_named(tmp_path):
    path = write(tmp_path / "pairs.jsonl.gz", [row("q", "d" * 9999)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"pairs\.jsonl\.gz cannot be read"):
        mine_negatives([path], tmp_path / "out.jsonl", BM25Miner())


def test_folders_are_searched_for_pair_files(tmp_path):
    (tmp_path / "a").mkdir()
    first, second = tmp_path / "a" / "x.jsonl", tmp_path / "y.jsonl.gz"
    for path in (first, second, tmp_path / "note.md"):
        path.touch()
    assert pair_files([str(tmp_path), str(first)]) == [first, second]
    with pytest.raises(UsageError, match="no file or folder"):
        pair_files([str(tmp_path / "none")])


@pytest.mark.parametrize("wrong", [{"skip": 100}, {"keep": 0}, {"by": ("repo",)}])
def test_rules_that_keep_nothing_are_refused(wrong):
    with pytest.raises(UsageError):
        MiningRules(**wrong)


def test_few_documents_still_give_hard_negatives(tmp_path):
    """The nearest five of a dozen are most of what there is: a twentieth is left out at most."""
    rows = [row(f"read file {i}", f"def read_{i}(path): return {i}") for i in range(12)]
    rules = replace(LOOSE, skip=5, keep=24)
    assert {len(r["negatives"]) for r in mine(tmp_path, rows, rules)[0]} == {11}
    rows = [row(f"read file {i}", f"def read_{i}(path): return {i}") for i in range(60)]
    assert {len(r["negatives"]) for r in mine(tmp_path, rows, replace(rules, keep=99))[0]} == {56}
