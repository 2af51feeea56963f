"""History to pairs: what is kept, what is routine, and a repository that wants to run something."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from c2llm.training.mining.comment_pairs import balanced, mine_pairs
from c2llm.training.mining.commit_pairs import commit_pairs, subject_query
from c2llm.training.mining.mined_pair import MinedPair
from c2llm.training.mining.pair_filters import Limits

CODE = "def back_off(attempt):\n    delay = {} ** attempt\n    return delay\n"


def git(root: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=Ada", "-c", "user.email=a@example.org",
         "-c", "commit.gpgsign=false", *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
    )  # fmt: skip


def commit(root: Path, subject: str, files: dict[str, str], author: str = "Ada <a@b.c>") -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-m", subject, "--author", author)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    commit(root, "Start with a first module", {"retry.py": CODE.format(2)})
    return root


def queries(root: Path, **limits: int) -> list[str]:
    return [pair.query for pair in commit_pairs(root, Limits(**limits))]  # type: ignore[arg-type]


def test_a_subject_is_paired_with_its_diff(repository: Path) -> None:
    commit(repository, "fix(retry): grow the delay faster (#12)", {"retry.py": CODE.format(3)})
    pair = next(commit_pairs(repository, Limits()))
    assert pair.query == "Grow the delay faster"
    assert pair.positive == (
        "retry.py\n@@\n def back_off(attempt):\n-    delay = 2 ** attempt\n"
        "+    delay = 3 ** attempt\n     return delay"
    )
    assert (pair.dataset, pair.language, pair.path) == ("commit", "python", "retry.py")


def test_routine_machines_and_wide_changes_are_left_out(repository: Path) -> None:
    kept = queries(repository)
    commit(repository, "Merge the branch of somebody else", {"retry.py": CODE.format(3)})
    commit(
        repository, "Raise the growth of the delay", {"retry.py": CODE.format(4)}, "x[bot] <b@c>"
    )
    commit(
        repository,
        "Rename the delay in every module",
        {f"m{i}.py": CODE.format(i) for i in range(9)},
    )
    commit(repository, "Explain how the delay grows", {"README.md": "# Delay\n\nIt grows.\n"})
    commit(repository, "Check that the delay grows", {"tests/test_retry.py": CODE.format(5)})
    git(repository, "revert", "--no-edit", "HEAD")
    assert queries(repository) == kept == ["Start with a first module"]


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("feat(api)!: accept a list of hosts", "Accept a list of hosts"),
        ("[parser] ABC-123: accept trailing commas, fixes #7", "Accept trailing commas"),
        ("Bump lodash from 4.17.20 to 4.17.21", ""),
        ("chore: accept a list of hosts", ""),
        ("v1.2.3 with many new things", ""),
        ("Fix typo in the documentation", ""),
        ("fix bug", ""),
        ('Revert "Accept a list of hosts"', ""),
    ],
)
def test_what_a_subject_says(subject: str, said: str) -> None:
    assert subject_query(subject) == said


def test_the_newest_are_taken(repository: Path) -> None:
    for i in range(3, 8):
        commit(repository, f"Let the delay grow by {i} a time", {"retry.py": CODE.format(i)})
    pairs = mine_pairs(repository, Limits(per_repository=2), kinds=["commit"])
    assert {pair.query for pair in pairs} == {f"Let the delay grow by {i} a time" for i in (6, 7)}


def test_below_a_directory_only_its_changes_count(repository: Path) -> None:
    (repository / "sub").mkdir()
    commit(repository, "Put a second module beside it", {"sub/other.py": CODE.format(9)})
    (pair,) = commit_pairs(repository / "sub", Limits())
    assert pair.path == "other.py"


def test_nothing_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    script, ran = tmp_path / "script", tmp_path / "ran"
    script.write_text(f'#!/bin/sh\ntouch {ran}\ncat "$@" 2>/dev/null\n')
    script.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py diff=evil filter=evil\n")
    settings = {
        "diff.external": script, "diff.evil.textconv": script, "diff.evil.command": script,
        "core.fsmonitor": script, "core.pager": script, "gpg.program": script,
        "filter.evil.smudge": script, "log.showSignature": "true", "pager.log": script,
    }  # fmt: skip
    for key, value in settings.items():
        git(repository, "config", key, str(value))
    assert queries(repository) == ["Start with a first module"]
    assert not ran.exists()


def test_no_history_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "retry.py").write_text(CODE.format(2))
    assert queries(tmp_path) == []


def test_odd_subjects_and_bytes_do_not_break_the_reader(repository: Path) -> None:
    commit(
        repository, "Write one odd\x7f byte into it", {"retry.py": CODE.format(3) + "# \x01\x03\n"}
    )
    (repository / "retry.py").write_bytes(CODE.format(4).encode() + b"# \xff\xfe\x00\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-m", "Write bytes that are no text")
    assert "Start with a first module" in queries(repository)


def test_a_bare_clone_gives_the_pairs_of_a_work_tree(repository: Path, tmp_path: Path) -> None:
    code = 'def pause(seconds):\n    """{}"""\n    total = seconds + 1\n    sleep(total)\n'
    commit(repository, "Add a pause between two calls", {"a/pause.py": code.format("Wait a bit.")})
    commit(repository, "Say what a pause is for", {"a/pause.py": code.format("Wait for others.")})
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(tmp_path / "bare"))
    found = list(mine_pairs(tmp_path / "bare"))
    assert found == list(mine_pairs(repository))
    assert {pair.dataset for pair in found} == {"commit", "docstring"}
    assert [p.path for p in found if p.query == "Wait for others."] == ["a/pause.py"]


def test_a_bare_repository_without_a_commit_gives_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "bare")
    assert list(mine_pairs(tmp_path / "bare")) == []


def test_commits_are_at_most_a_share_of_a_repositorys_pairs() -> None:
    def some(count: int, kind: str) -> list[MinedPair]:
        texts = [f"{kind} {number}" for number in range(count)]
        return [MinedPair(text, f"def {text}", kind, "python", "a", "b", "c") for text in texts]

    history, code = some(90, "commit"), some(10, "docstring")

    def commits(share: float, pairs: list[MinedPair]) -> int:
        kept = balanced(pairs, share)
        assert [p for p in pairs if p in kept] == kept  # their order stays
        assert [p for p in kept if p.dataset != "commit"] == [p for p in pairs if p in code]
        return sum(pair.dataset == "commit" for pair in kept)

    assert [commits(share, history + code) for share in (0, 0.5, 0.75, 1)] == [0, 10, 30, 90]
    assert commits(0.5, history) == 90  # there is nothing to weigh them against
    assert commits(0.5, history[:4] + code) == 4
    spread = [p.query for p in balanced(history + code, 0.5) if p.dataset == "commit"]
    assert spread != [p.query for p in history[:10]]
