"""Real searches in small trees: what is measured is what a search answers, edit by edit."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.evaluation.fairness.attributes import ages_of
from c2llm.evaluation.fairness.edits import AMONG_TESTS, AS_IT_IS, ELSEWHERE, UNIMPORTED
from c2llm.evaluation.fairness.measuring import System, _edits, measured
from c2llm.evaluation.fairness.rules import ALL, NONE, VARIANTS, Variant, scores_under
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_scores import chunk_rank, ndcg_of_ranks
from c2llm.evaluation.repositories.repo_trees import Tree
from c2llm.progress import no_progress
from c2llm.search.code_index import CodeIndex
from c2llm.search.query.roles import roles_of
from c2llm.search.ranking.feature_weights import DEFAULT_WEIGHTS
from tests.evaluation.doubles import WordEncoder

FILES = {
    "src/retry.py": '"""Retries with backoff."""\n\n\ndef retry(call):\n    """Call again after a '
    'growing pause."""\n    return call() or call()\n',
    "src/client.py": "from src.retry import retry\n\n\ndef send(one):\n    return retry(one)\n",
    "src/pause.py": "def pause(seconds):\n    # sleep, then call again\n    return seconds\n",
    "tests/test_retry.py": "def test_retry():\n    assert retry(lambda: 1) == 1\n",
    "docs/retry.md": "# Retry\n\nA call is made again after a growing pause.\n",
}
QUESTIONS = (
    Question("call again after a growing pause", (Target("src/retry.py"),), "semantic"),
    Question("send one with retry", (Target("src/client.py", 4, 5),), "semantic"),
    Question("where retry is tested", (Target("tests/test_retry.py"),), "semantic"),
    Question("what is gone", (Target("src/gone.py"),), "semantic"),
)
REPOSITORY = Repository("demo", "python", "", "", QUESTIONS)
LEXICAL = System("lexical", "(no model)")


@pytest.fixture
def tree(tmp_path) -> Tree:
    write_files(tmp_path / "repos" / "demo")
    return Tree(tmp_path / "repos" / "demo", "")


def write_files(root: Path) -> None:
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def content(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_with_all_rules_the_order_is_that_of_a_search(tree):
    with CodeIndex.open(tree.root, embed="none") as index:
        for question in QUESTIONS:
            hits = index.search(question.text, 10, "lexical")
            ranks = [chunk_rank(target, hits) for target in question.targets]
            scores = scores_under(index, question, "lexical")
            assert scores[ALL] == ndcg_of_ranks(ranks)
            assert scores.keys() == VARIANTS.keys()
            raw = index.search(
                question.text, 10, "lexical", weights=VARIANTS[NONE].weights, siblings=True
            )
            assert scores[NONE] == ndcg_of_ranks([chunk_rank(t, raw) for t in question.targets])


def test_vectors_take_part(tree):
    encoder = WordEncoder()
    system = System("words", encoder.fingerprint, encoder)
    told = measured(REPOSITORY, tree, system, home=tree.root.parent, repos=None, edited=1)
    assert encoder.encoded > 0 and len(told["questions"]) == 3


def test_attributes_are_of_the_answer(tree, tmp_path):
    told = measured(REPOSITORY, tree, LEXICAL, home=tmp_path / "home", repos=None, edited=0)
    retry, client, test = (row["attributes"] for row in told["questions"])
    assert (retry["for"], client["for"], test["for"]) == ("production", "production", "test")
    assert (retry["importers"], client["importers"]) == (1.0, 0.0)
    assert (retry["lines"], client["lines"]) == (6.0, 2.0)
    assert (retry["comments"], client["comments"]) == ("English", "none")
    assert retry["language"] == "python" and retry["files"] == len(FILES) and retry["age"] is None
    assert client["position"] == pytest.approx(3 / 5) and retry["position"] is None
    assert told["edits"] == []


def test_edits_are_asked_in_a_copy_and_one_at_a_time(tree, tmp_path):
    before = content(tree.root)
    told = measured(REPOSITORY, tree, LEXICAL, home=tmp_path / "home", repos=None, edited=9)
    assert content(tree.root) == before
    assert not list((tmp_path / "home").glob("edited-*"))
    rows = {row["question"]: row["scores"] for row in told["edits"]}
    # Neither the test nor what is gone is edited.
    assert rows.keys() == {QUESTIONS[0].text, QUESTIONS[1].text}
    scores = rows[QUESTIONS[0].text]
    as_asked = {row["question"]: row["scores"] for row in told["questions"]}
    for question, edits in rows.items():
        assert edits[AS_IT_IS] == as_asked[question]
    assert scores[ELSEWHERE][ALL] == scores[AS_IT_IS][ALL] == 1.0
    assert scores[AMONG_TESTS][ALL] < 1.0
    assert scores[AMONG_TESTS]["demotion: test"] == 1.0
    assert scores[AMONG_TESTS][NONE] == scores[ELSEWHERE][NONE]
    assert UNIMPORTED in scores and UNIMPORTED not in rows[QUESTIONS[1].text]


def test_a_harsh_rule_is_seen_in_what_is_edited_and_nowhere_else(tree):
    harsh = replace(DEFAULT_WEIGHTS, factors={**DEFAULT_WEIGHTS.factors, "test": 0.2})
    variants = {ALL: Variant(harsh), "without": VARIANTS["demotion: test"]}
    question = QUESTIONS[0]
    with CodeIndex.open(tree.root, embed="none") as index:
        assert scores_under(index, question, "lexical", variants=variants)[ALL] == 1.0
        (tree.root / "src/retry.py").rename(tree.root / "tests/retry.py")
        index.refresh()
        moved = replace(question, targets=(Target("tests/retry.py"),))
        scores = scores_under(index, moved, "lexical", variants=variants)
    assert scores[ALL] < 1.0 == scores["without"]


def test_functions_without_telling_names_have_no_role():
    assert not any(roles_of(f"d000/x000001.{end}", "python") for end in ("py", "go", "sql", "js"))


def test_a_tree_near_the_top_of_the_disk_is_copied_too(tmp_path, monkeypatch):
    """`/repos/demo` has no four folders above it."""
    copied = []

    def copytree(_source, destination, **_options):
        copied.append(destination)
        write_files(destination)

    monkeypatch.setattr("c2llm.evaluation.fairness.measuring.shutil.copytree", copytree)
    rows = _edits(REPOSITORY, Tree(Path("/repos/demo"), ""), LEXICAL, tmp_path, "", 1, no_progress)
    assert len(rows) == 1
    assert copied[0].is_relative_to(tmp_path) and copied[0].parts[-2:] == ("repos", "demo")


def test_what_nobody_imports_gains_nothing_from_its_importers(tree):
    """A file with little of its own, beside an importer that has all the words."""
    (tree.root / "src/client.py").write_text(
        "from src.store import keep\n\n\ndef growing_pause_again(call):\n    return keep(call)\n"
    )
    (tree.root / "src/store.py").write_text("def keep(call):\n    return call\n")
    for at in range(12):
        (tree.root / f"src/a{at}.py").write_text(f"def call{at}(call):\n    return {at}, call\n")
    question = Question("growing pause again call", (Target("src/store.py"),), "")
    with CodeIndex.open(tree.root, embed="none") as index:
        imported = scores_under(index, question, "lexical")
        alone = scores_under(index, question, "lexical", unimported="src/store.py")
    assert alone[ALL] < imported[ALL]
    assert alone["import_neighbour"] == imported["import_neighbour"]
    assert alone[NONE] == imported[NONE]


def test_ages_are_years_before_the_pinned_commit(tmp_path):
    root = tmp_path / "demo"
    root.mkdir()

    def git(*arguments: str, day: str = "2020-01-01") -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        when = {"GIT_COMMITTER_DATE": f"{day}T00:00:00Z", "GIT_AUTHOR_DATE": f"{day}T00:00:00Z"}
        subprocess.run(
            ["git", "-C", str(root), *who, *arguments], check=True, env=when, capture_output=True
        )

    git("init", "-q")
    for name, day in (("old.py", "2020-01-01"), ("new.py", "2022-01-01")):
        (root / name).write_text("x = 1\n")
        git("add", ".")
        git("commit", "-qm", name, day=day)
    ages = ages_of(REPOSITORY, tmp_path)
    assert ages == {"old.py": pytest.approx(2.0, abs=0.01), "new.py": 0.0}
    assert ages_of(REPOSITORY, None) == {}


@pytest.fixture
def benchmark(tree, tmp_path):
    folder = tmp_path / "annotations"
    folder.mkdir()
    asked = [
        {"query": q.text, "relevant": [t.path for t in q.targets], "category": q.category}
        for q in QUESTIONS
    ]
    (folder / "demo.json").write_text(json.dumps(asked))
    return ["--annotations", str(folder), "--repos", str(tree.root.parent)]


def fairness(*options: str) -> None:
    main(["eval", "fairness", "--systems", "lexical", *options])


def test_the_command_goes_on_from_what_it_kept(benchmark, tmp_path, capsys, monkeypatch):
    kept = ["--output", str(tmp_path / "run"), "--edits", "1"]
    fairness(*benchmark, *kept, "--json")
    first = json.loads(capsys.readouterr().out)
    assert first["sections"][0]["questions"] == 3
    monkeypatch.setattr("c2llm.evaluation.fairness.fairness_run.measured", None)
    page = tmp_path / "pages" / "fairness.md"
    fairness(*benchmark, *kept, "--report", str(page))
    assert page.read_text() == (tmp_path / "run" / "fairness.md").read_text()
    assert "## Repositories, lexical" in capsys.readouterr().out
    for path in (tmp_path / "run" / "fairness").glob("*.json"):
        path.write_text('{"format": 1}')
    with pytest.raises(SystemExit, match=r"^1$"):
        fairness(*benchmark, *kept)
    assert "is not a kept result; remove it." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "There is nothing to ask"),
        (["--repos", ".", "--data", "."], "belong together"),
        (["--annotations", "."], "belong together"),
        (["--data", ".", "--only", "gin"], "is no task of --data"),
        (["--data", ".", "--systems", ","], "--systems names nothing"),
        (["--data", ".", "--systems", "st:folder"], "no model that an index takes"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(options, said, capsys):
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["eval", "fairness", *options])
    assert said in capsys.readouterr().err
