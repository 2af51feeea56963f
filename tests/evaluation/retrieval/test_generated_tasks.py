"""Tasks made from a tree or a history: what asks, what answers, what a hostile one cannot do."""

from __future__ import annotations

import os
import subprocess

import pytest

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.commit_task import commits_task
from c2llm.evaluation.retrieval.continuation_task import continuation_task

PYTHON = '''
class Reader:
    def read_all(self, paths):
        """Read them."""
        rows = []
        for path in paths:
            with open(path) as stream:
                rows.extend(stream)
        def inner(a):
            b = a
            c = b
            return c
        return [inner(row) for row in rows]

    def short(self):
        return 1
'''
GO = """package main

// Sum adds.
func Sum(values []int) int {
\ttotal := 0
\tfor _, value := range values {

\t\ttotal += value
\t}
\treturn total
}
"""


def answers(task):
    return {
        query.text: {task.documents[position].id for position in gains}
        for query, gains in zip(task.queries, task.relevance, strict=True)
    }


def test_a_function_is_cut_in_the_middle(tmp_path):
    (tmp_path / "reader.py").write_text(PYTHON)
    (tmp_path / "sum.go").write_text(GO)
    (tmp_path / "notes.md").write_text("# Notes\n\nNothing to cut.\n")
    task = continuation_task(tmp_path)
    assert task.name == f"continuation:{tmp_path.name}"
    python, go = task.queries
    assert (python.id, python.group) == ("reader.py:3", "python")
    assert python.text.startswith("def read_all(self, paths):")
    assert (go.id, go.group) == ("sum.go:4", "go")
    assert go.text == "func Sum(values []int) int {\n\ttotal := 0\n\tfor _, value := range values {"
    documents = {document.id: document.text for document in task.documents}
    assert documents["sum.go:4"].startswith("total += value\n")
    assert documents["reader.py:3"].endswith("return [inner(row) for row in rows]")
    for query, gains in zip(task.queries, task.relevance, strict=True):
        (position,) = gains
        assert task.documents[position].id == query.id
    whole = [line.strip() for line in PYTHON.splitlines() if line.strip()][1:-2]
    halves = [line.strip() for line in f"{python.text}\n{documents[python.id]}".splitlines()]
    assert halves == whole  # nothing is lost between the halves, nothing said twice


def test_a_tree_without_functions_is_refused(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(DataError, match="has no function of 6 lines"):
        continuation_task(tmp_path)
    with pytest.raises(UsageError, match="nowhere is not a directory"):
        continuation_task(tmp_path / "nowhere")


class Repository:
    def __init__(self, root):
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        names = ("AUTHOR", "COMMITTER")
        who = {f"GIT_{name}_{what}": "a@b.c" for name in names for what in ("NAME", "EMAIL")}
        hermetic = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **who, **hermetic},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def commit(self, subject, **files):
        for name, content in files.items():
            path = self.root / name.replace("__", "/").replace("_py", ".py").replace("_txt", ".txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "project")
    made.commit("Initial import", net__http_py="v1 http\n", disk_py="v1 disk\n", notes_txt="n\n")
    made.commit("Add the mail module to the package", mail_py="v1 mail\n")
    made.commit("Retry a request that the server has refused (#12)", net__http_py="v2 http\n")
    made.commit("Write pages of the disk cache in order", disk_py="v2 disk\n", notes_txt="m\n")
    made.commit("Send mail over the disk queue", mail_py="v2 mail\n", disk_py="v3 disk\n")
    made.commit("Bump version to 2", disk_py="v4 disk\n")
    made.commit("Explain how the notes are written", notes_txt="o\n")
    return made


def test_a_commit_asks_for_the_files_it_changed(repository):
    before = repository.git("status", "--porcelain=v2", "--branch")
    task = commits_task(repository.root)
    assert task.name == "commits:project"
    assert answers(task) == {
        "Retry a request that the server has refused": {"net/http.py"},
        "Write pages of the disk cache in order": {"disk.py"},
    }
    # The corpus is older than every commit that asks: no file shows its own change, and the mail
    # module, which came later, is none of it.
    assert {document.id: document.text for document in task.documents} == {
        "disk.py": "disk.py\nv1 disk\n",
        "net/http.py": "net/http.py\nv1 http\n",
    }
    assert repository.git("status", "--porcelain=v2", "--branch") == before


def test_the_history_is_read_as_far_as_asked(repository):
    task = commits_task(repository.root, most=4)
    assert set(answers(task)) == {
        "Write pages of the disk cache in order",
        "Send mail over the disk queue",
    }
    assert {document.id for document in task.documents} == {"disk.py", "net/http.py", "mail.py"}


def test_a_bare_clone_and_a_shallow_one_are_read(repository, tmp_path):
    source = f"file://{repository.root}"
    repository.git("clone", "-q", "--bare", source, str(tmp_path / "project.git"))
    assert commits_task(tmp_path / "project.git").digest() == commits_task(repository.root).digest()
    repository.git("clone", "-q", "--depth", "4", source, str(tmp_path / "shallow"))
    task = commits_task(tmp_path / "shallow")
    assert set(answers(task)) == {"Send mail over the disk queue"}


def test_nothing_of_a_hostile_repository_runs(repository, tmp_path):
    mark = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    for key in (
        *("core.fsmonitor", "core.pager", "gpg.program", "diff.external", "core.sshCommand"),
        *("diff.evil.textconv", "filter.evil.smudge", "core.editor", "core.askPass"),
    ):
        repository.git("config", key, str(program))
    repository.git("config", "log.showSignature", "true")
    repository.git("config", "alias.log", f"!{program}")
    (repository.root / ".git" / "info" / "attributes").write_text("*.py diff=evil filter=evil\n")
    hooks = repository.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / hook).write_bytes(program.read_bytes())
        (hooks / hook).chmod(0o755)
    assert len(commits_task(repository.root).queries) == 2
    assert not mark.exists()


def test_hostile_names_and_messages_only_are_what_they_are(repository):
    names = [
        "new\nline.py",
        "-rf.py",
        "quote'\".py",
        ":(glob)x.py",
        b"latin\xe9.py".decode("utf-8", "surrogateescape"),
    ]
    for name in names:
        (repository.root / name).write_text("v1\n")
    (repository.root / "loop.py").symlink_to("loop.py")
    repository.git("add", "-A")
    repository.commit("Add files of every name there is")
    repository.commit("Begin again with other things")
    for name in names:
        (repository.root / name).write_text("v2\n")
    repository.git("add", "-A")
    repository.commit("Change every one \x01\x02 of them \x1b[31m today")
    task = commits_task(repository.root, most=2)
    (found,) = answers(task).values()
    assert len(task.queries) == 1
    assert found == {"new\nline.py"} or found <= set(names)
    assert "loop.py" not in {document.id for document in task.documents}
    assert task.digest()


def test_what_is_no_repository_is_refused(repository, tmp_path, monkeypatch):
    (tmp_path / "plain").mkdir()
    with pytest.raises(
        DataError, match=r"plain is no repository that git reads \(fatal: not a git"
    ):
        commits_task(tmp_path / "plain")
    with pytest.raises(DataError, match="is no repository"):
        commits_task(repository.root / "net")  # a part of one is not asked for the whole
    with pytest.raises(UsageError, match="is not a directory"):
        commits_task(tmp_path / "nowhere")
    empty = Repository(tmp_path / "empty")
    with pytest.raises(DataError, match="is no repository"):
        commits_task(empty.root)
    empty.commit("Only one commit is here", a_py="1\n")
    with pytest.raises(DataError, match="has 1 commits"):
        commits_task(empty.root)
    empty.commit("Bump version to 3", a_py="2\n")
    with pytest.raises(DataError, match="has no commit among its last"):
        commits_task(empty.root)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="git cannot be asked"):
        commits_task(repository.root)
