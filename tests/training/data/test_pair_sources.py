"""Where rows come from: Parquet, folders, globs, a hub's layouts, an Arrow file of our own."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from c2llm.errors import DataError, UsageError
from c2llm.modeling.official import PAPER_INSTRUCTIONS
from c2llm.training.data.pair_loading import load_pairs, validation_pairs
from c2llm.training.run.recipe import DataConfig, SourceConfig


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def load(root, *sources, **config):
    return load_pairs(DataConfig(str(root), list(sources), **config), 0)


def test_parquet_holds_what_json_lines_hold(tmp_path):
    rows = [
        {"query": f"q{i}", "positives": [f"d{i}", f"e{i}"], "negatives": [f"n{i}"], "lang": "go"}
        for i in range(5)
    ]
    write_lines(tmp_path / "a.jsonl", rows)
    write_table(tmp_path / "b.parquet", rows)
    lines, _ = load(tmp_path, SourceConfig("a.jsonl", name="x"))
    table, _ = load(tmp_path, SourceConfig("b.parquet", name="x"))
    assert lines == table
    assert table[0].positives == ("d0", "e0") and table[0].negatives == ("n0",)


def test_a_folder_and_a_glob_are_all_their_files_in_order(tmp_path):
    for name in ("x/b.jsonl", "x/a.jsonl", "x/deep/c.jsonl", "x/notes.txt"):
        write_lines(tmp_path / name, [{"query": name, "doc": f"code of {name}"}])
    folder, _ = load(tmp_path, SourceConfig("x"))
    assert [p.query for p in folder] == ["x/a.jsonl", "x/b.jsonl", "x/deep/c.jsonl"]
    assert {p.dataset for p in folder} == {"x"}
    found, _ = load(tmp_path, SourceConfig("x/[ab].jsonl", name="g"))
    assert [p.query for p in found] == ["x/a.jsonl", "x/b.jsonl"]
    with pytest.raises(DataError, match=r"no file, folder or glob with \.jsonl"):
        load(tmp_path, SourceConfig("y*"))


def test_columns_language_and_instruction_of_a_source(tmp_path):
    write_lines(
        tmp_path / "a.jsonl",
        [
            {"docstring": "q", "code": "c"},
            {"docstring": "r", "code": "d", "instruction": "CosQA", "language": "c"},
            {"docstring": "s", "code": "e", "instruction": "Find the code."},
        ],
    )
    source = SourceConfig(
        "a.jsonl",
        language="go",
        instruction="mine",
        columns={"query": "docstring", "positive": "code"},
    )
    pairs, _ = load(tmp_path, source, instructions={"mine": "Do as I say."})
    assert [(p.query, p.document, p.language) for p in pairs] == [
        ("q", "c", "go"),
        ("r", "d", "c"),
        ("s", "e", "go"),
    ]
    assert [p.instruction for p in pairs] == [
        "Do as I say.",
        PAPER_INSTRUCTIONS["CosQA"],
        "Find the code.",
    ]
    with pytest.raises(DataError, match=r"a\.jsonl:1 has no column 'text', .* docstring, code"):
        load(tmp_path, SourceConfig("a.jsonl", columns={"query": "text"}))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"query": "q", "positive": ""}, "has an empty text in `positive`"),
        ({"query": "q", "positive": 3}, "has no text in `positive` but '3'"),
        ({"query": "q", "positives": []}, "has no text in `positive`: a row needs"),
        ({"query": "q", "doc": "d", "negatives": ["n", " "]}, "an empty text in `negatives`"),
        ({"query": "q", "doc": "d", "instruction": "CosQB"}, "instruction 'CosQB', which .*CosQA"),
        (
            {
                "query": "q",
                "doc": "d",
                "negatives": ["n"],
                "positive_score": 1,
                "negative_scores": [],
            },
            "has 1 negatives but 0 `negative_scores`",
        ),
    ],
)
def test_bad_rows_are_refused_with_file_line_and_cure(tmp_path, row, message):
    write_lines(tmp_path / "a.jsonl", [{"query": "fine", "doc": "fine too"}, row])
    with pytest.raises(DataError, match=r"a\.jsonl:2 .*" + message):
        load(tmp_path, SourceConfig("a.jsonl"))


def test_mixed_numbers_of_negatives_are_refused_or_dropped(tmp_path):
    def rows(query, *counts):
        for i, count in enumerate(counts):
            negatives = [f"n{j}" for j in range(count)]
            yield {"query": f"{query}{i}", "doc": f"d{i}", "negatives": negatives}

    write_lines(tmp_path / "mixed.jsonl", rows("q", 3, 2, 1, 0))
    write_lines(tmp_path / "none.jsonl", rows("r", 0, 0))
    mixed, none = SourceConfig("mixed.jsonl"), SourceConfig("none.jsonl")
    with pytest.raises(DataError, match=r"mixed\.jsonl:3 has 1 negatives where .* asks for 2"):
        load(tmp_path, mixed, hard_negatives=2)
    pairs, report = load(tmp_path, mixed, none, hard_negatives=2, few_negatives="drop")
    assert [p.query for p in pairs] == ["q0", "q1", "r0", "r1"]
    assert report.dropped["mixed"]["too few negatives"] == 2 and report.kept["mixed"] == 2
    assert len(load(tmp_path, mixed)[0]) == 4  # negatives that are not asked for do no harm


def test_negatives_that_answer_or_are_evaluation_documents_are_taken_out(tmp_path):
    row = {"query": "q", "doc": "d", "negatives": ["n", "d", "exam text"], "positive_score": 1.0}
    row["negative_scores"] = [0.5, 0.9, 0.4]
    write_lines(tmp_path / "a.jsonl", [row])
    write_lines(tmp_path / "eval.jsonl", [{"_id": "x", "text": "Exam text!"}])
    (pair,), _ = load(tmp_path, SourceConfig("a.jsonl"), decontaminate=["eval.jsonl"])
    assert pair.negatives == ("n",) and pair.scores == (1.0, 0.5)


def test_rows_judged_not_to_answer_are_no_pairs(tmp_path):
    write_lines(
        tmp_path / "a.jsonl",
        [{"query": f"q{i}", "doc": f"d{i}", "label": i % 2} for i in range(4)],
    )
    pairs, report = load(tmp_path, SourceConfig("a.jsonl"))
    assert [p.query for p in pairs] == ["q1", "q3"]
    assert report.dropped["a"] == {"judged not to answer": 2}


def test_near_duplicates_fall_and_others_stay(tmp_path):
    body = [f"step {i} of the long function calls helper {i * 7}" for i in range(30)]
    changed = [*body[:-1], "the end is another one"]
    other = [f"nothing {i * 3} alike in row {i + 100}" for i in range(30)]
    documents = ["\n".join(lines) for lines in (body, changed, other)]
    write_lines(
        tmp_path / "a.jsonl", [{"query": f"q{i}", "doc": d} for i, d in enumerate(documents)]
    )
    assert len(load(tmp_path, SourceConfig("a.jsonl"))[0]) == 3
    pairs, report = load(tmp_path, SourceConfig("a.jsonl"), near_duplicates=0.8)
    assert [p.query for p in pairs] == ["q0", "q2"]
    assert report.dropped["a"] == {"near-duplicate": 1}


def test_a_templated_source_is_judged_by_queries_and_whole_documents(tmp_path):
    boilerplate = "SELECT a.x FROM t AS a JOIN u AS b ON a.id = b.id WHERE a.x = b.y AND a.z ="
    write_lines(tmp_path / "eval.jsonl", [{"query": "who is it", "doc": f"{boilerplate} 1"}])
    write_lines(
        tmp_path / "a.jsonl",
        [
            {"query": "which of them", "doc": f"{boilerplate} 2"},
            {"query": "another one", "doc": f"{boilerplate} 1"},
            {"query": "Who is it?", "doc": "SELECT 5"},
        ],
    )
    plain = SourceConfig("a.jsonl")
    with pytest.raises(DataError, match="No training pair is left"):
        load(tmp_path, plain, decontaminate=["eval.jsonl"])
    templated = SourceConfig("a.jsonl", templated=True)
    pairs, _ = load_pairs(
        DataConfig(str(tmp_path), [templated], decontaminate=["eval.jsonl"]), 0, folder=tmp_path
    )
    assert [p.query for p in pairs] == ["which of them"]
    log = [json.loads(line) for line in (tmp_path / "dropped.jsonl").open()]
    assert [(e["row"].split(":")[-1], e["repeats"]) for e in log] == [
        ("2", "eval.jsonl"),
        ("3", "eval.jsonl"),
    ]


def test_pairs_on_disk_are_those_in_memory(tmp_path):
    write_lines(
        tmp_path / "a.jsonl",
        [
            {"query": f"q{i}", "positives": [f"d{i}", "e"], "negatives": ["n", f"m{i}"]}
            for i in range(5000)
        ],
    )
    memory, _ = load(tmp_path, SourceConfig("a.jsonl", cap=4500))
    config = DataConfig(str(tmp_path), [SourceConfig("a.jsonl", cap=4500)], stream=True)
    disk, _ = load_pairs(config, 0, folder=tmp_path / "run")
    assert list(disk) == memory
    assert [disk[i] for i in (0, 4499, -1)] == [memory[i] for i in (0, 4499, -1)]


@pytest.fixture()
def hub(tmp_path, monkeypatch):
    """Two data sets as the hub lays them out: judged texts as in CoIR, and rows of pairs."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    coir = tmp_path / "me" / "cosqa"
    write_table(
        coir / "queries" / "queries.parquet",
        [{"_id": f"q{i}", "text": f"query {i}", "title": ""} for i in range(4)],
    )
    write_table(
        coir / "corpus" / "corpus.parquet",
        [{"_id": f"d{i}", "text": f"code {i}", "title": "T" if i == 1 else ""} for i in range(5)],
    )

    def judged(*triples):
        return [{"query-id": q, "corpus-id": d, "score": s} for q, d, s in triples]

    write_table(
        coir / "qrels" / "train.parquet",
        judged(("q0", "d0", 1), ("q1", "d1", 1), ("q1", "d2", 1), ("q2", "d3", 0)),
    )
    write_table(coir / "qrels" / "test.parquet", judged(("q3", "d4", 1)))
    (coir / "README.md").write_text(
        "---\nconfigs:\n"
        "- config_name: default\n  data_files:\n"
        "  - {split: train, path: qrels/train.parquet}\n"
        "  - {split: test, path: qrels/test.parquet}\n"
        "- config_name: queries\n  data_files:\n"
        "  - {split: queries, path: queries/queries.parquet}\n"
        "- config_name: corpus\n  data_files:\n"
        "  - {split: corpus, path: corpus/corpus.parquet}\n---\n"
    )
    rows = [{"instruction_text": f"ask {i}", "output": f"answer {i}"} for i in range(3)]
    write_lines(tmp_path / "me" / "rows" / "train.jsonl", rows)
    return tmp_path


def test_judged_hub_data_become_pairs(hub):
    pairs, report = load(hub, SourceConfig("hub:me/cosqa", instruction="CosQA"))
    assert [(p.query, p.positives) for p in pairs] == [
        ("query 0", ("code 0",)),
        ("query 1", ("T code 1", "code 2")),
    ]
    assert {p.dataset for p in pairs} == {"cosqa"} and report.kept == {"cosqa": 2}
    assert pairs[0].instruction == PAPER_INSTRUCTIONS["CosQA"]


def test_hub_rows_with_their_own_columns(hub):
    columns = {"query": "instruction_text", "positive": "output"}
    pairs, _ = load(hub, SourceConfig("hub:me/rows", columns=columns))
    assert [(p.query, p.document) for p in pairs] == [(f"ask {i}", f"answer {i}") for i in range(3)]
    with pytest.raises(UsageError, match="has no configuration 'go'"):
        load(hub, SourceConfig("hub:me/rows", hub_config="go"))


def test_the_test_split_of_a_hub_data_set_decontaminates(hub):
    write_lines(
        hub / "a.jsonl",
        [
            {"query": "Query 3", "doc": "x"},
            {"query": "y", "doc": "code 4"},
            {"query": "z", "doc": "w"},
        ],
    )
    pairs, report = load(hub, SourceConfig("a.jsonl"), decontaminate=["hub:me/cosqa"])
    assert [p.query for p in pairs] == ["z"]
    assert report.contaminated["a"] == {"hub:me/cosqa": 2}


def test_an_evaluation_set_counts_in_any_layout(hub):
    """Rows of a set without a test split, under columns of its own, and one pinned to a commit."""
    rows = [
        {"query": "tell me", "doc": "the answer"},
        {"query": "Say what 2 is", "doc": "x"},
        {"query": "y", "doc": "code 4"},
        {"query": "java", "doc": "w"},
    ]
    write_lines(hub / "a.jsonl", rows)
    tested = [{"lang": "java", "said": f"say what {i} is", "n": i} for i in range(3)]
    write_lines(hub / "me" / "whole" / "train.jsonl", tested)
    names = ["hub:me/whole", f"hub:me/cosqa@{'a' * 40}"]
    pairs, report = load(hub, SourceConfig("a.jsonl"), decontaminate=names)
    assert [p.query for p in pairs] == ["tell me", "java"]
    assert report.contaminated["a"] == dict.fromkeys(names, 1)


def test_a_commit_of_the_hub_stands_in_the_name(hub, monkeypatch):
    import datasets

    source = SourceConfig(f"hub:other/set@{'b' * 40}")
    assert (source.dataset, source.revision) == ("set", "b" * 40)
    asked = []

    def names(path, revision=None):
        asked.append((path, revision))
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "get_dataset_config_names", names)
    for wanted in (source, SourceConfig("hub:other/set", hub_revision="c" * 40)):
        with pytest.raises(UsageError, match="does not give hub:other/set"):
            load(hub, wanted)
    with pytest.raises(UsageError, match="does not give"):
        load(hub, SourceConfig("a.jsonl"), decontaminate=[source.file])
    assert asked == [("other/set", "b" * 40), ("other/set", "c" * 40), ("other/set", "b" * 40)]


def test_pairs_train_the_other_way_round(tmp_path):
    row = {"query": "q", "positives": ["d", "e"], "negatives": ["n"], "header": "h"}
    write_lines(tmp_path / "a.jsonl", [row])
    ways = [SourceConfig("a.jsonl", name="there"), SourceConfig("a.jsonl", name="back", swap=True)]
    there, back = load(tmp_path, *ways)[0]
    assert (there.query, there.positives, tuple(there.negatives)) == ("q", ("d", "e"), ("n",))
    assert (back.query, back.positives, tuple(back.negatives)) == ("d", ("q",), ())
    assert back.header == ""  # it would give the code away


def test_a_hub_that_gives_nothing_is_said_in_one_sentence(hub, monkeypatch):
    import datasets

    def offline(*args, **kwargs):
        raise ConnectionError("no network\nhere")

    monkeypatch.setattr(datasets, "get_dataset_config_names", offline)
    with pytest.raises(UsageError, match=r"does not give hub:some/where \(no network here\)\.$"):
        load(hub, SourceConfig("hub:some/where"))


def test_validation_files_are_read_and_kept_out_of_training(tmp_path):
    write_lines(tmp_path / "dev.jsonl", [{"query": "asked", "doc": "dev code", "label": 1}])
    write_lines(tmp_path / "a.jsonl", [{"query": "asked", "doc": "x"}, {"query": "q", "doc": "d"}])
    config = DataConfig(str(tmp_path), [SourceConfig("a.jsonl")], validation=["dev.jsonl"])
    assert [p.query for p in validation_pairs(config)] == ["asked"]
    assert [p.query for p in load_pairs(config, 0)[0]] == ["q"]
