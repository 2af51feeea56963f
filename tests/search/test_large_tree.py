"""A large tree answers at once, says from how much, and is whole in the end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest
from click.testing import CliRunner

from c2llm.cli.main import cli
from c2llm.codebase.files.walk import SourceFile
from c2llm.errors import NothingToIndexError, UsageError
from c2llm.index.build import background_reading, first_files
from c2llm.index.build import refresh as build
from c2llm.index.build.cut_pool import worker_command, worker_environment
from c2llm.index.store.location import index_file, remove_index
from c2llm.index.store.lock import Lock, holding
from c2llm.search.answering import answer
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.index.build.test_refresh import contents, fresh_contents
from tests.trees import PROJECT, WordEncoder, write_tree

RETRY = "retry with backoff"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees of a few files are large ones."""
    monkeypatch.setattr(first_files, "AT_ONCE_FILES", 3)
    monkeypatch.setattr(first_files, "FIRST_FILES", 2)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    noise = {f"noise/n{i:02}.py": f"def job_{i}(x):\n    return x * {i}\n" for i in range(20)}
    return write_tree(tmp_path / "tree", {**PROJECT, **noise})


def opened(root: Path, *, wait: bool = False) -> CodeIndex:
    return CodeIndex.open(root, encoder=WordEncoder(), embed="all", wait=wait, lock_seconds=0.0)


def paths(index: CodeIndex, query: str, **options: object) -> list[str]:
    return [hit.path for hit in answer([index], SearchRequest(query, **options)).hits]  # type: ignore[arg-type]


def test_it_answers_from_what_smells_and_says_so(tree: Path) -> None:
    with opened(tree) as index:
        assert index.counts().files == 0 and index.unread_files == 25
        found = answer([index], SearchRequest(RETRY))
        assert found.hits[0].path == "src/net/retry.py"
        assert index.counts().files == 2 and found.unread == 23
        assert "from 2 of 25 files" in found.notes[0]


def test_another_question_reads_on(tree: Path) -> None:
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
    with opened(tree) as index:
        assert index.unread_files == 23
        assert paths(index, "parse toml settings")[0] == "src/config/settings.go"
        assert index.unread_files == 21
        assert paths(index, RETRY)[0] == "src/net/retry.py"


def test_whoever_waits_reads_all(tree: Path) -> None:
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
    with opened(tree, wait=True) as index:
        assert index.unread_files == 0 and index.counts().files == 25
        assert answer([index], SearchRequest(RETRY)).notes == ()


def test_in_the_end_it_is_the_index_made_in_one_go(
    tree: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
        answer([index], SearchRequest("client"))
        index.read_on()
        assert index.unread_files == 0
        found = answer([index], SearchRequest(RETRY))
        assert found.unread == 0 and found.notes == ()
    assert contents(tree) == fresh_contents(tree, monkeypatch, home)


def test_the_last_few_are_read_at_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_files, "FIRST_FILES", 23)
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
        assert index.unread_files == 2
    with opened(tree) as index:
        assert index.unread_files == 0


def test_what_is_known_and_changes_is_never_left_for_later(tree: Path) -> None:
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
    write_tree(tree, {"src/net/retry.py": "def entirely_new():\n    return 'walrus'\n"})
    with opened(tree) as index:
        assert index.unread_files == 23
        assert "walrus" in answer([index], SearchRequest("walrus")).hits[0].text
    (tree / "src/net/retry.py").unlink()
    with opened(tree) as index:
        assert "src/net/retry.py" not in paths(index, "walrus", k=100)


def test_new_rules_are_heeded_before_all_is_read(tree: Path) -> None:
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
    (tree / ".c2llmignore").write_text("src/net/\nnoise/n0*\n")
    with opened(tree) as index:
        assert index.unread_files == 13
        assert "src/net/retry.py" not in paths(index, RETRY, k=100)
        index.read_on()
        assert index.counts().files == 14  # the file of rules is one of them


def test_filters_decide_what_is_read(tree: Path) -> None:
    with opened(tree) as index:
        found = paths(index, RETRY, languages=("go",))
        assert found == ["src/config/settings.go"]
    with opened(tree) as index:
        assert set(paths(index, RETRY, include=("noise/n1*",), k=100)) <= {
            f"noise/n1{i}.py" for i in range(10)
        }
        assert paths(index, RETRY, include=("README.md",))[0] == "README.md"


def test_a_pattern_and_a_place_are_looked_for(tree: Path) -> None:
    with opened(tree) as index:
        assert paths(index, "function", pattern="job_17")[0] == "noise/n17.py"
        assert paths(index, "noise/n05.py:2")[0] == "noise/n05.py"


def test_escapes_of_a_pattern_are_no_words(tree: Path) -> None:
    with opened(tree) as index:
        assert paths(index, "function", pattern=r"\bjob_17\b")[0] == "noise/n17.py"


def test_a_glob_that_an_unread_file_meets_is_met(tree: Path) -> None:
    with opened(tree) as index:
        found = answer([index], SearchRequest(RETRY, exclude=("noise", "nosie")))
        assert index.unread_files
        assert found.notes[1:] == ("No indexed file matches the exclude 'nosie'.",)


def test_files_of_no_language_do_not_crowd_out_one_that_is_asked_for(tmp_path: Path) -> None:
    texts = {f"notes/n{i}": "retry, retry and retry\n" for i in range(9)}
    tree = write_tree(tmp_path / "t", {**texts, "x/a.py": "def other(): pass\n"})
    with opened(tree) as index:
        assert paths(index, RETRY, languages=("python",)) == ["x/a.py"]
        assert index.paths() == ["x/a.py"]


def test_a_language_that_nothing_read_so_far_has_may_be_in_the_rest(tmp_path: Path) -> None:
    texts = {f"notes/n{i}": "retry, retry and retry\n" for i in range(9)}
    tree = write_tree(tmp_path / "t", {**texts, "zz": "#!/usr/bin/python\nprint(1)\n"})
    with opened(tree) as index, pytest.raises(UsageError, match="2 of 10 files"):
        answer([index], SearchRequest(RETRY, languages=("python",)))


def test_files_without_source_are_passed_over(tmp_path: Path) -> None:
    hollow = {f"a{i}.py": b"\0\0retry backoff\0" for i in range(9)}
    tree = write_tree(tmp_path / "t", {**hollow, "zz.py": "def retry_backoff(): pass\n"})
    with opened(tree) as index:
        assert paths(index, RETRY) == ["zz.py"]
    tree = write_tree(tmp_path / "u", dict(hollow))
    with opened(tree) as index, pytest.raises(NothingToIndexError, match="9 binary"):
        answer([index], SearchRequest(RETRY))


def test_several_trees_answer_together(tree: Path, tmp_path: Path) -> None:
    other = write_tree(tmp_path / "other", {"backoff.py": "def retry_with_backoff(): pass\n"})
    with opened(tree) as one, opened(other) as two:
        one.label, two.label = "one", "two"
        found = answer([one, two], SearchRequest(RETRY))
        assert {hit.repository for hit in found.hits} == {"one", "two"}
        assert found.notes[0].startswith("one: ") and found.unread == 23


def test_without_a_right_to_write_nothing_is_promised(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tree) as index:
        monkeypatch.setattr(CodeIndex, "is_kept", property(lambda self: False))
        assert "being read" not in answer([index], SearchRequest(RETRY)).notes[0]


def test_a_refresh_elsewhere_is_not_waited_for(tree: Path) -> None:
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
        with holding(index.file, "refreshing", 0.0), opened(tree) as other:
            other.read_promising(first_files.Scent(("client",)), 0.0)
            assert other.unread_files == 23


def test_where_there_is_nothing_to_answer_from_yet_it_is(tree: Path) -> None:
    with opened(tree) as index:
        lock = Lock(index.file, "refreshing")
        assert lock.take(0.0)
        timer = Timer(0.3, lock.release)
        timer.start()
        assert paths(index, RETRY)[0] == "src/net/retry.py"
        timer.join()


# -- beside others -----------------------------------------------------------------------------


def test_one_process_an_index(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_BACKGROUND", "1")
    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **_: started.append(command))
    with opened(tree) as index:
        assert "is being read" in answer([index], SearchRequest(RETRY)).notes[0]
        assert started[0][-2:] == [str(tree), "words"] and "-P" in started[0]
        with holding(index.file, "reading", 0.0):
            assert background_reading.start(index)  # somebody does
            index.read_on()  # and so this does nothing
            assert index.counts().files == 2
        index.read_on()
        assert not background_reading.start(index)
    assert len(started) == 1
    with CodeIndex.open(tree, encoder=WordEncoder(), rebuild=True, wait=False) as index:
        monkeypatch.setenv("C2LLM_BACKGROUND", "0")
        assert not background_reading.start(index)


def test_the_process_reads_all_and_ends(tree: Path) -> None:
    with CodeIndex.open(tree, "c2llm-nano", wait=False) as index:
        answer([index], SearchRequest(RETRY))
    command = worker_command("c2llm.index.build.background_reading", str(tree), "c2llm-nano")
    done = subprocess.run(command, env=worker_environment(), capture_output=True, check=True)
    assert done.stdout == done.stderr == b""
    with CodeIndex.open(tree, "c2llm-nano", wait=False) as index:
        assert index.unread_files == 0 and index.counts().files == 25 and index.is_complete()


def test_it_leaves_alone_what_others_have_read(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is read here, changes, and is read and written by a search before we write."""
    shipped = build.cut_files

    def overtaken(files: list[SourceFile], known: dict[str, bytes]) -> Iterator[object]:
        cuts = list(shipped(files, known))
        monkeypatch.setattr(build, "cut_files", shipped)
        write_tree(tree, {"src/net/retry.py": "def walrus():\n    pass\n"})
        with opened(tree, wait=True):
            pass
        return iter(cuts)

    with opened(tree) as index:
        answer([index], SearchRequest("client"))
        monkeypatch.setattr(build, "cut_files", overtaken)
        index.read_on()
        assert "walrus" in index.search("walrus")[0].text
        assert index.refresh().redone == 0


def test_what_is_ignored_meanwhile_is_not_read(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that an index has are not judged again: it must not get one that is ignored by now."""
    shipped = build.cut_files

    def overtaken(files: list[SourceFile], known: dict[str, bytes]) -> Iterator[object]:
        for number, cut in enumerate(shipped(files, known)):
            if number == 8:
                monkeypatch.setattr(build, "cut_files", shipped)
                (tree / ".c2llmignore").write_text("n1*.py\n")
                with opened(tree):
                    pass
            yield cut

    with opened(tree) as index:
        answer([index], SearchRequest("client"))
        monkeypatch.setattr(build, "_BYTES_IN_BACKGROUND", 60)
        monkeypatch.setattr(build, "cut_files", overtaken)
        index.read_on()
        assert not [path for path in index.paths() if path.startswith("noise/n1")]
        assert index.counts().files == 16  # the file of rules is one of them
        assert index.refresh().redone == 0


def test_it_stops_when_the_index_is_removed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, passed = build.cut_files, []

    def removed(files: list[SourceFile], known: dict[str, bytes]) -> Iterator[object]:
        for number, cut in enumerate(shipped(files, known)):
            if number == 8:
                remove_index(index.file)
            passed.append(cut)
            yield cut

    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
        monkeypatch.setattr(build, "_BYTES_IN_BACKGROUND", 60)
        monkeypatch.setattr(build, "cut_files", removed)
        index.read_on()
        assert len(passed) < 12
    assert not index_file(tree).exists()


def test_it_stops_when_asked_and_goes_on_later(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_FILES_A_ROUND", 4)
    answers = iter([False, False, True])
    with opened(tree) as index:
        answer([index], SearchRequest(RETRY))
        index.read_on(lambda: next(answers))
        assert index.counts().files == 10
    with opened(tree) as index:
        assert index.unread_files == 15
        index.read_on()
        assert index.counts().files == 25


# -- the command -------------------------------------------------------------------------------


def test_the_command_says_from_how_much(tree: Path) -> None:
    arguments = ["search", RETRY, str(tree), "--model", "c2llm-nano"]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    told = json.loads(done.stdout)
    assert told["index"]["unread"] == 23 and "2 of 25 files" in told["notes"][0]
    done = CliRunner().invoke(cli, arguments)
    assert "--wait" in done.stderr
    with holding(index_file(tree), "reading", 0.0):
        done = CliRunner().invoke(cli, ["status", str(tree)])
    assert "they are being read" in done.stdout
    done = CliRunner().invoke(cli, [*arguments, "--json", "--wait"])
    assert json.loads(done.stdout)["index"]["unread"] == 0
