"""Every local task from small files of its shape; what training may use is never in one."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.held_out import HELD_OUT, held_out
from c2llm.evaluation.retrieval.local_tasks import FAMILIES, load_tasks
from c2llm.training.data.pair_loading import in_held_out_tenth
from tests.evaluation.doubles import pair, write_beir, write_jsonl


def texts(task):
    return {query.text for query in task.queries} | {document.text for document in task.documents}


def answers(task):
    return {
        query.text: {task.documents[position].text for position in gains}
        for query, gains in zip(task.queries, task.relevance, strict=True)
    }


def test_only_the_held_out_split_is_asked(tmp_path):
    rows = [
        pair("1", "train query", "train doc", split="train"),
        pair("2", "dev query", "dev doc", split="dev"),
        pair("3", "test query", "test doc", split="test"),
        pair("4", "lost query", "lost doc"),
    ]
    write_jsonl(tmp_path / "nl2bash.jsonl.gz", rows)
    (task,) = load_tasks(tmp_path, ["nl2bash"])
    assert answers(task) == {"dev query": {"dev doc"}, "test query": {"test doc"}}


def test_a_file_without_splits_gives_its_tenth(tmp_path):
    rows = [pair(f"so{i}", f"query {i}", f"doc {i}", split="dev") for i in range(200)]
    write_jsonl(tmp_path / "codenn_stackoverflow.jsonl", rows)
    (task,) = load_tasks(tmp_path, ["codenn"])
    tenth = [i for i in range(200) if zlib.crc32(f"so{i}".encode()) % 10 == 0]
    assert 5 < len(tenth) < 40
    assert texts(task) == {f"{word} {i}" for i in tenth for word in ("query", "doc")}


@given(st.text())
def test_training_holds_out_the_same_tenth(row_id):
    try:
        row_id.encode()
    except UnicodeEncodeError:
        return
    in_tenth = zlib.crc32(row_id.encode()) % 10 == 0
    assert held_out("codenn").covers(row_id, "dev") == in_held_out_tenth(row_id) == in_tenth


def test_every_task_states_what_it_holds_out():
    assert HELD_OUT.keys() == FAMILIES.keys()
    assert held_out("nl2bash").covers("any", "dev")
    assert not held_out("nl2bash").covers("any", "train")
    assert held_out("csn_cloze").covers("any", "train")
    with pytest.raises(UsageError, match="No task is named 'x'"):
        held_out("x")


def test_cloze_does_not_ask_what_says_nothing(tmp_path):
    rows = [
        pair("1", "Reads the configuration file", "def a(): ...", lang="python"),
        pair("2", "/ *", "def b(): ...", lang="python"),
        pair("3", "返回最大的一个", "int c() {}", lang="java"),
    ]
    write_jsonl(tmp_path / "csn_cloze_maxmin.jsonl", rows)
    (task,) = load_tasks(tmp_path)
    assert [(query.id, query.group) for query in task.queries] == [("1", "python"), ("3", "java")]
    assert len(task.documents) == 3


@pytest.fixture
def mxeval(tmp_path):
    rows = [
        pair("MBPP/1", "Add two numbers.", "py 1", lang="python"),
        pair("MBJP/1", "Add two numbers.", "java 1", lang="java"),
        pair("MBCPP/1", "Add two numbers in C++.", "cpp 1", lang="cpp"),
        pair("MBPP/2", "Add two numbers.", "py 2", lang="python"),
        pair("MBJP/3", "Sort.", "java 3", lang="java"),
        pair("HumanEval/1", "Check balance.", "human 1", lang="python"),
        pair("MathQA/1", "how much is 2 + 2", "math 1", lang="python"),
    ]
    write_jsonl(tmp_path / "mxeval.jsonl.gz", rows)
    return tmp_path


def test_mxeval_text_to_code_by_language(mxeval):
    tasks = {task.name: task for task in load_tasks(mxeval, ["mxeval"])}
    assert list(tasks) == ["mxeval:cpp", "mxeval:java", "mxeval:python"]
    assert answers(tasks["mxeval:python"]) == {
        "Add two numbers.": {"py 1", "py 2"},
        "Check balance.": {"human 1"},
    }
    (mathqa,) = load_tasks(mxeval, ["mathqa"])
    assert answers(mathqa) == {"how much is 2 + 2": {"math 1"}}


def test_mxeval_code_to_code_finds_other_languages_only(mxeval):
    tasks = {task.name: task for task in load_tasks(mxeval, ["mxeval_code"])}
    # Numbers 1 and 2 ask for the same program; number 3 has no other language.
    assert answers(tasks["mxeval_code:python"]) == {
        "py 1": {"java 1", "cpp 1"},
        "py 2": {"java 1", "cpp 1"},
    }
    assert answers(tasks["mxeval_code:java"]) == {"java 1": {"py 1", "py 2", "cpp 1"}}
    assert "java 3" in texts(tasks["mxeval_code:python"])


def test_one_part_of_a_family(mxeval):
    assert [task.name for task in load_tasks(mxeval, ["mxeval:java"])] == ["mxeval:java"]
    with pytest.raises(UsageError, match=r"'mxeval:cobol'; there are mxeval:cpp, mxeval:java"):
        load_tasks(mxeval, ["mxeval:cobol"])


def test_labels_of_zero_are_no_answers(tmp_path):
    rows = [
        pair("1", "open a file", "open(path)", label=1),
        pair("2", "open a file", "close(path)", label=0),
        pair("3", "nothing fits", "pass", label=0),
    ]
    write_jsonl(tmp_path / "webquery_test.jsonl.gz", rows)
    (task,) = load_tasks(tmp_path)
    assert answers(task) == {"open a file": {"open(path)"}}
    assert len(task.documents) == 3


def test_cosqa_and_any_beir_folder(tmp_path):
    write_beir(tmp_path / "cosqa_retrieval", split="dev")
    write_beir(tmp_path / "mine")
    names = [task.name for task in load_tasks(tmp_path, ["cosqa", f"beir:{tmp_path / 'mine'}"])]
    assert names == ["cosqa", "mine"]


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match="is not a directory"):
        load_tasks(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds none of"):
        load_tasks(tmp_path)
    with pytest.raises(DataError, match=r"has no nl2bash\.jsonl.*TellinaTool"):
        load_tasks(tmp_path, ["nl2bash"])
    with pytest.raises(UsageError, match="No task is named 'nl2sh'; there are cosqa"):
        load_tasks(tmp_path, ["nl2sh"])


def test_a_file_of_training_rows_only_is_refused(tmp_path):
    write_jsonl(tmp_path / "nl2bash.jsonl", [pair("1", "q", "d", split="train")])
    with pytest.raises(DataError, match="no query has a relevant document"):
        load_tasks(tmp_path, ["nl2bash"])


def test_an_id_that_names_no_problem_is_refused(tmp_path):
    write_jsonl(tmp_path / "mxeval.jsonl", [pair("X/1", "q", "d", lang="go")])
    with pytest.raises(DataError, match="'X/1'"):
        load_tasks(tmp_path, ["mxeval"])


def test_tasks_of_ones_own_need_no_data_directory(tmp_path):
    folder = write_beir(tmp_path / "mine", split="dev")
    rows = [pair(str(i), f"query {i}", f"doc {i}", split="train") for i in range(3)]
    path = write_jsonl(tmp_path / "own.jsonl.gz", rows)
    (tmp_path / "tree").mkdir()
    body = "".join(f"    step_{i}()\n" for i in range(9))
    (tmp_path / "tree" / "a.py").write_text(f"def run():\n{body}")
    names = [
        f"beir:{folder}",
        f"beir:{folder}#dev",
        f"pairs:{path}",
        f"continuation:{tmp_path / 'tree'}",
    ]
    tasks = load_tasks(None, names)
    assert [task.name for task in tasks] == ["mine", "mine", "pairs-own", "continuation:tree"]
    assert answers(tasks[2]) == {f"query {i}": {f"doc {i}"} for i in range(3)}
    with pytest.raises(UsageError, match=r"Give --data DIRECTORY, or name tasks .*commits:"):
        load_tasks(None, [names[0], "cosqa"])
    with pytest.raises(UsageError, match="Give --data"):
        load_tasks(None)
    with pytest.raises(UsageError, match=r"lost\.jsonl is not a file"):
        load_tasks(None, [f"pairs:{tmp_path / 'lost.jsonl'}"])


def test_the_split_of_a_beir_folder_must_be_clear(tmp_path):
    folder = write_beir(tmp_path / "mine", split="dev")
    (folder / "qrels").mkdir()
    (folder / "qrels" / "train.tsv").write_text("q1\td1\t1\n")
    with pytest.raises(
        DataError, match=r"has judgements for dev, train; say which with beir:.*#dev"
    ):
        load_tasks(None, [f"beir:{folder}"])
    with pytest.raises(DataError, match=r"no queries\.lost\.jsonl"):
        load_tasks(None, [f"beir:{folder}#lost"])
    with pytest.raises(UsageError, match="nowhere is not a directory"):
        load_tasks(None, [f"beir:{tmp_path / 'nowhere'}"])


def test_a_blank_document_is_a_document_and_a_blank_query_is_none(tmp_path):
    folder = write_beir(tmp_path / "mine")
    rows = [
        {"_id": "d1", "text": "a"},
        {"_id": "d2", "text": "", "title": "t"},
        {"_id": "d3", "text": ""},
    ]
    (folder / "corpus.jsonl.gz").unlink()
    write_jsonl(folder / "corpus.jsonl", rows)
    (task,) = load_tasks(None, [f"beir:{folder}"])
    assert [document.text for document in task.documents] == ["a", "t", ""]
    write_jsonl(folder / "queries.test.jsonl", [{"_id": "q1", "text": " "}])
    with pytest.raises(DataError, match="has no text in `text`"):
        load_tasks(None, [f"beir:{folder}"])
    write_jsonl(folder / "corpus.jsonl", [])
    with pytest.raises(DataError, match=r"corpus\.jsonl holds no row"):
        load_tasks(None, [f"beir:{folder}"])
