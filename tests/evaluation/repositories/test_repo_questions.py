"""The benchmark's files, as published and broken."""

from __future__ import annotations

import json

import pytest

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.repositories.repo_questions import Target, load_benchmark

REVISION = "0123456789abcdef0123456789abcdef01234567"


def write_benchmark(folder, questions, name="demo", **entry):
    annotations = folder / "annotations"
    annotations.mkdir(parents=True, exist_ok=True)
    (annotations / f"{name}.json").write_text(json.dumps(questions))
    listed = {"name": name, "language": "python", "revision": REVISION, **entry}
    (folder / "repos.json").write_text(json.dumps([listed]))
    return annotations


def question(**changes):
    fields = {"query": "where", "relevant": ["a.py"], "secondary": [], "category": "semantic"}
    return fields | changes


def test_questions_and_targets_are_read(tmp_path):
    lines = {"path": "./lib/b.py", "start_line": 3, "end_line": 9}
    annotations = write_benchmark(
        tmp_path,
        [question(relevant=["a.py", "a.py"], secondary=[lines, {"path": "c.py"}])],
    )
    (repository,) = load_benchmark(annotations)
    assert (repository.name, repository.language) == ("demo", "python")
    assert (repository.revision, repository.benchmark_root) == (REVISION, "")
    (asked,) = repository.questions
    assert asked.targets == (Target("a.py"), Target("lib/b.py", 3, 9), Target("c.py"))
    assert [str(target) for target in asked.targets] == ["a.py", "lib/b.py:3-9", "c.py"]


def test_targets_may_be_relative_to_the_benchmark_root(tmp_path):
    asked = question(relevant=["src/a.py", "sub/b.py", "src.py"])
    annotations = write_benchmark(tmp_path, [asked], benchmark_root="src/")
    (repository,) = load_benchmark(annotations)
    assert repository.benchmark_root == "src"
    paths = [target.path for target in repository.questions[0].targets]
    assert paths == ["src/a.py", "src/sub/b.py", "src/src.py"]


def test_neither_root_nor_revision_is_needed(tmp_path):
    annotations = write_benchmark(
        tmp_path, [question()], benchmark_root=None, revision=None, url="https://example.org/x"
    )
    (repository,) = load_benchmark(annotations, tmp_path / "repos.json")
    assert (repository.benchmark_root, repository.revision) == ("", "")


def test_digest_follows_the_questions(tmp_path):
    (one,) = load_benchmark(write_benchmark(tmp_path / "one", [question()]))
    (same,) = load_benchmark(write_benchmark(tmp_path / "same", [question()]))
    (other,) = load_benchmark(write_benchmark(tmp_path / "other", [question(query="why")]))
    assert one.digest() == same.digest() != other.digest()


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([question(query="")], "question 1 has no text in `query`"),
        ([question(), question(relevant=[])], "question 2 has no target"),
        ([question(relevant="a.py")], "relevant must be a list, is str"),
        ([question(relevant=[7])], "has the target 7"),
        ([question(relevant=[{"path": "a", "start_line": 5, "end_line": 4}])], "start_line"),
        ([question(relevant=[{"start_line": 5, "end_line": 6}])], "has the target"),
        ([], "asks nothing"),
        ({"query": "x"}, "must be a list, is dict"),
        (["x"], "must be a list of objects"),
    ],
)
def test_a_bad_question_is_named(tmp_path, questions, message):
    with pytest.raises(DataError, match=message) as caught:
        load_benchmark(write_benchmark(tmp_path, questions))
    assert "demo.json" in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"language": None}, "demo has no text in `language`"),
        ({"revision": "--output=/tmp/x"}, "is not a commit's hash"),
        ({"benchmark_root": "../../etc"}, "leaves the repository"),
        ({"benchmark_root": "src\0"}, "leaves the repository"),
        ({"name": "else"}, "does not list demo"),
    ],
)
def test_a_bad_entry_is_named(tmp_path, entry, message):
    annotations = write_benchmark(tmp_path, [question()])
    listed = {"name": "demo", "language": "python", "revision": REVISION} | entry
    (tmp_path / "repos.json").write_text(json.dumps([listed]))
    with pytest.raises(DataError, match=message):
        load_benchmark(annotations)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="is not a directory"):
        load_benchmark(tmp_path / "nowhere")
    annotations = write_benchmark(tmp_path, [question()])
    with pytest.raises(UsageError, match=r"has no other\.json; it has demo"):
        load_benchmark(annotations, only=["other"])
    (tmp_path / "repos.json").write_text("{")
    with pytest.raises(DataError, match=r"repos\.json is not JSON"):
        load_benchmark(annotations)
    (tmp_path / "repos.json").unlink()
    with pytest.raises(DataError, match=r"other\.json cannot be read"):
        load_benchmark(annotations, tmp_path / "other.json")
    with pytest.raises(DataError, match=r"holds no NAME\.json"):
        load_benchmark(tmp_path)


def test_a_folder_of_questions_is_enough(tmp_path):
    annotations = write_benchmark(tmp_path, [question()])
    (tmp_path / "repos.json").unlink()
    (repository,) = load_benchmark(annotations)
    assert (repository.name, repository.language) == ("demo", "unknown")
    assert (repository.benchmark_root, repository.revision) == ("", "")


@pytest.mark.parametrize(
    "target", ["../a.py", "/etc/passwd", "src/../../a.py", ".", {"path": "/"}, "a\0"]
)
def test_a_target_outside_the_tree_is_refused(tmp_path, target):
    annotations = write_benchmark(tmp_path, [question(relevant=[target])])
    with pytest.raises(DataError, match=r"demo\.json, question 1 .*outside the repository"):
        load_benchmark(annotations)
