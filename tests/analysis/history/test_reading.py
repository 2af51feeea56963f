"""Histories as git has them, hostile ones too, become commits and facts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from c2llm.analysis.history.commits import Repository, parsed
from c2llm.analysis.history.edit_facts import EditFacts, facts_of, regions_of
from c2llm.analysis.history.patches import Hunk, Patch, read_patches
from c2llm.analysis.history.reading import file_starts, read_facts
from c2llm.codebase.git import Git
from c2llm.errors import UsageError
from tests.analysis.history.histories import Step, history, shop
from tests.codebase.revisions.test_uncommitted import git


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))


def test_commits_tell_who_when_and_what(tmp_path: Path):
    root = tmp_path / "shop"
    ids = history(
        root,
        [
            Step({"a.py": shop(1), "note.txt": "x\n"}, "Begin"),
            Step({"a.py": shop(2)}, "Grow", "Bob", "Bob@Example.org", "1699866000 +0900"),
        ],
    )
    newest, oldest = Repository(root).commits()
    assert [newest.id, oldest.id] == ids[::-1]
    assert (newest.author, newest.name, newest.subject) == ("bob@example.org", "Bob", "Grow")
    assert (newest.hour, newest.weekday) == (18, 1)
    assert [edit.path for edit in oldest.edits] == ["a.py", "note.txt"]
    assert not any(edit.before for edit in oldest.edits)
    assert newest.edits[0].before == oldest.edits[0].after


def test_renames_are_followed_by_content(tmp_path: Path):
    root = tmp_path / "shop"
    history(
        root,
        [
            Step({"old.py": shop(5)}),
            Step({}, renamed={"old.py": "new.py"}),
            Step({"new.py": shop(6)}),
        ],
    )
    newest, moved, _ = Repository(root).commits()
    assert (moved.edits[0].old_path, moved.edits[0].path) == ("old.py", "new.py")
    assert newest.edits[0].old_path == "new.py"
    of_file = Repository(root / "new.py").commits_of_file()
    assert [edit.path for one in of_file for edit in one.edits] == ["new.py", "new.py", "old.py"]
    assert not any(one.is_whole for one in of_file)


def test_a_folder_has_the_commits_below_it(tmp_path: Path):
    root = tmp_path / "shop"
    history(root, [Step({"in/a.py": shop(1)}), Step({"out.py": "x = 1\n"})])
    (only,) = Repository(root / "in").commits()
    assert only.edits[0].path == "a.py"


def test_merges_are_passed_over_and_roots_are_not(tmp_path: Path):
    root = tmp_path / "shop"
    history(root, [Step({"a.py": shop(1)}), Step({"a.py": shop(2)})])
    git(root, "checkout", "-q", "--orphan", "other")
    git(root, "commit", "-qm", "another root")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "-m", "join", "--allow-unrelated-histories", "other")
    assert sorted(one.subject for one in Repository(root).commits()) == [
        *("another root", "step", "step")
    ]


def test_odd_names_dates_and_paths_are_read(tmp_path: Path):
    root = tmp_path / "shop"
    path = 'dir/line\nbreak\t"quoted" \x1b[31m.py'
    odd = dict(name="\x1b[2J\x01\x02 <", email="a\x03@x", subject="\x1b]0;x\x07 :100644 commit 1")
    odd["name"] = odd["name"].replace("<", "")
    history(
        root,
        [
            Step({path: shop(1)}, when="1 +0000", **odd),
            Step({path: shop(2)}, when="99999999999 -0200"),
        ],
    )
    newest, oldest = Repository(root).commits()
    assert newest.edits[0].path == oldest.edits[0].path == path
    assert "\x1b" in oldest.subject
    starts = file_starts([oldest, newest])
    facts = read_facts(Repository(root), [oldest, newest], starts)
    assert facts.unread == 0
    assert facts.of(newest.edits[0]) is not None


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"commit\0",
        b"commit x y z\n\n:1 2\0",
        b"commit " + b"f" * 40 + b" -5 9 99\nme\0\n:100644 100644 a b R100\0only one",
        b":100644 100644 a b M\0a.py\0",
        b"commit f 99999999999999999999 1 1\nx\0",
    ],
)
def test_a_log_that_is_torn_is_no_failure(said: bytes):
    for commit in parsed(said):
        assert commit.time >= 0


def test_hunks_are_those_of_git(tmp_path: Path):
    root = tmp_path / "shop"
    content = shop(3) + "TEXT = '''\n@@ -1 +1 @@ no\n\\ No newline\ndiff --git a/x b/x\n'''\n"
    ids = history(
        root, [Step({"a.py": shop(3)}), Step({"a.py": content}), Step({"a.py": shop(3)[:-1]})]
    )
    read = dict(read_patches(Git(root), ids))
    assert list(read) == ids
    (patch,) = read[ids[1]]
    (hunk,) = patch.hunks
    assert hunk.added == content[len(shop(3)) :].split("\n")[:-1]
    assert [len(one.hunks) for one in read[ids[2]]] == [1]
    assert not read[ids[0]][0].before


def test_headings_are_the_functions(tmp_path: Path):
    root = tmp_path / "shop"
    before = "class Shop:\n    def sell(self):\n        one()\n        two()\n        three()\n"
    ids = history(root, [Step({"a.py": before}), Step({"a.py": before.replace("two", "deux")})])
    attributes = Repository(root).git.attributes
    ((_, (patch,)),) = read_patches(Git(root, attributes=attributes), ids[1:])
    assert facts_of(patch, "python").regions == ("sell",)
    assert regions_of("func (s *Shop) Sell(x int) error {", []) == ["Sell"]
    assert regions_of("void Shop::sell(int x)", ["+"]) == ["Shop::sell"]
    assert regions_of("", ["    def refund(self):"]) == ["refund"]


def test_facts_are_kept_whole():
    patch = Patch("a", "b", [Hunk("def f(x):", ["if x > MAX:", "    return"], ["call(y, z)"])], 3)
    facts = facts_of(patch, "python")
    again = EditFacts.unpack(facts.pack())
    assert again.kinds == facts.kinds
    assert (again.added, again.removed, again.hunks, again.tokens) == (1, 2, 1, facts.tokens)
    assert again.regions == ("f",)
    assert again.names.tolist() == facts.names.tolist()
    for damaged in (
        b"",
        b"\n",
        b"[1]\n",
        b"{}\n",
        facts.pack()[:20],
        b'[1,1,1,1,{"x":[]},[],[],0]\n',
    ):
        with pytest.raises(ValueError):
            EditFacts.unpack(damaged)


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = tmp_path / "shop"
    history(root, [Step({"a.py": shop(number)}) for number in range(1, 9)])
    repository = Repository(root)
    commits = repository.commits()[::-1]
    first = read_facts(repository, commits, file_starts(commits))

    def refused(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("c2llm.analysis.history.reading.read_patches", refused)
    monkeypatch.setattr("c2llm.analysis.history.reading._texts", refused)
    second = read_facts(repository, commits, file_starts(commits))
    assert first.edits.keys() == second.edits.keys()
    assert first.contents.keys() == second.contents.keys()


def test_a_partial_clone_tells_what_it_lacks(tmp_path: Path):
    root, clone = tmp_path / "shop", tmp_path / "clone"
    history(root, [Step({"a.py": shop(number)}) for number in range(1, 9)])
    git(root, "config", "uploadpack.allowFilter", "true")
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{root}", str(clone)],
        check=True,
        capture_output=True,
    )
    repository = Repository(clone)
    commits = repository.commits()[::-1]
    assert len(commits) == 8
    facts = read_facts(repository, commits, file_starts(commits))
    assert facts.unread == 7
    assert not facts.edits


def test_what_is_no_repository_is_said(tmp_path: Path):
    (tmp_path / "a.py").write_text("x = 1\n")
    for path in (tmp_path / "none", tmp_path, tmp_path / "a.py"):
        with pytest.raises(UsageError):
            Repository(path)
    history(tmp_path / "shop", [Step({"a.py": "x = 1\n"})])
    repository = Repository(tmp_path / "shop")
    for revision in ("nothing", "--all", "", "a\nb"):
        with pytest.raises(UsageError, match="revision"):
            repository.since(revision)


def test_an_empty_repository_has_no_commits(tmp_path: Path):
    git(tmp_path, "init", "-q")
    assert Repository(tmp_path).commits() == []


def test_nothing_that_a_repository_configures_runs(tmp_path: Path):
    root = tmp_path / "shop"
    ids = history(
        root,
        [
            Step({"a.py": shop(1), ".gitattributes": "*.py diff=python filter=f\n"}),
            Step({"a.py": shop(2)}),
        ],
    )
    canary, script = tmp_path / "canary", tmp_path / "trick.sh"
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    for name in ("diff.python.textconv", "diff.python.command", "diff.external", "core.pager"):
        git(root, "config", name, str(script))
    for name in ("core.fsmonitor", "filter.f.clean", "filter.f.smudge", "gpg.program"):
        git(root, "config", name, str(script))
    git(root, "config", "log.showSignature", "true")
    repository = Repository(root)
    commits = repository.commits()[::-1]
    facts = read_facts(repository, commits, file_starts(commits))
    Repository(root / "a.py").commits_of_file()
    assert [one.id for one in commits] == ids
    assert len(facts.edits) == 1
    assert not canary.exists()
    assert os.environ["C2LLM_HOME"]
