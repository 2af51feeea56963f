"""A repository that wants to run a program, by every way that git has, and does not get it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from c2llm.cli.main import main
from c2llm.codebase.git import Git, is_git_directory
from c2llm.errors import C2LLMError, DataError
from c2llm.evaluation.repositories.repo_questions import Question, Repository, Target
from c2llm.evaluation.repositories.repo_trees import find_tree
from c2llm.evaluation.retrieval.commit_task import commits_task
from c2llm.training.mining.commit_pairs import commit_pairs
from c2llm.training.mining.pair_filters import Limits

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the tricks are shell scripts")

CODE = "def back_off(attempt):\n    delay = {} ** attempt\n    return delay\n"


def git(root: Path, *arguments: str) -> str:
    """Git as anybody calls it, with the repository's settings but not this user's."""
    named = ["-c", "user.name=Ada", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(root), *named, *arguments],
        capture_output=True,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"},
    )
    return done.stdout.strip()


@dataclass
class Planted:
    """A repository whose tricks leave a file behind when they run."""

    root: Path
    canary: Path
    first: str
    """The first commit."""
    script: Path
    """Leaves the canary; whatever it is called with."""

    def configure(self, *lines: str) -> None:
        config = self.root / ".git" / "config"
        text = "\n".join(lines).format(script=self.script, root=self.root)
        config.write_text(f"{config.read_text()}\n{text}\n")

    def ran(self) -> bool:
        try:
            return self.canary.exists()
        finally:
            self.canary.unlink(missing_ok=True)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Planted:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    root = tmp_path / "repository"
    root.mkdir()
    script = tmp_path / "trick.sh"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path / 'canary'}\nexit 1\n")
    script.chmod(0o755)
    git(root, "init", "-q", "-b", "main")
    for base, subject in ((2, "Start with a first module"), (3, "Grow the delay much faster")):
        (root / "retry.py").write_text(CODE.format(base))
        (root / "note.txt").write_text(f"note {base}\n")
        git(root, "add", "-A")
        git(root, "commit", "-qm", subject)
    os.utime(root / "retry.py", ns=(10**18, 10**18))  # git would compare it with what it keeps
    first = git(root, "rev-list", "--max-parents=0", "HEAD")
    return Planted(root, tmp_path / "canary", first, script)


def tried(action: Callable[[], object]) -> None:
    """What fails in one sentence is right as well; what it runs is the question."""
    try:
        action()
    except (C2LLMError, SystemExit) as done:
        if isinstance(done, SystemExit):
            assert done.code in (0, 1, 2)


def everything(planted: Planted, root: Path | None = None) -> None:
    """All that reads a repository's history."""
    root, folder = root or planted.root, planted.root.parent
    for arguments in (
        ["index", str(root)],
        ["search", "back off delay", str(root), "--mode", "lexical", "--recent"],
        ["status", str(root)],
        ["clones", str(root), "--since", planted.first, "--format", "sarif"],
        ["mine", "pairs", str(root), "--kinds", "commit", "--out", str(folder / "pairs.jsonl")],
    ):
        tried(lambda given=arguments: main(given))
    tried(lambda: list(commit_pairs(root, Limits())))
    tried(lambda: commits_task(root))
    repos = folder / "repos"
    repos.mkdir(exist_ok=True)
    link = repos / "demo"
    link.unlink(missing_ok=True)
    link.symlink_to(root)
    for revision in (planted.first, ""):
        question = Question("q", (Target("retry.py"),), "")
        asked = Repository("demo", "python", revision, "", (question,))
        tried(lambda given=asked: find_tree(given, repos, folder / "cache"))


FILTER = ('[filter "f"]', "clean = {script}", "smudge = {script}", "required = true")
PROCESS = ('[filter "f"]', "process = {script}", "required = true")
SIGNATURE = ("[log]", "showSignature = true", "[gpg]", "program = {script}")
SIGNERS = "allowedSignersFile = {script}"
TEXTCONV = ('[diff "f"]', "textconv = {script}", "cachetextconv = true")
TRICKS: dict[str, tuple[tuple[str, ...], str, tuple[str, ...] | None]] = {
    # what the configuration says, what .gitattributes says, and what git runs it in
    "fsmonitor": (("[core]", "fsmonitor = {script}"), "", ("status",)),
    "filter": (FILTER, "* filter=f", ("status",)),
    "filter of archives": (FILTER, "* filter=f", ("archive", "HEAD")),
    "filter process": (PROCESS, "* filter=f", ("status",)),
    "signature program": (SIGNATURE, "", ("log",)),
    "ssh signature program": (
        (*SIGNATURE, "format = ssh", '[gpg "ssh"]', "program = {script}", SIGNERS),
        "",
        None,
    ),
    "pager": (("[core]", "pager = {script}", "[pager]", "log = {script}"), "", None),
    "external diff": (("[diff]", "external = {script}"), "", ("log", "-p", "--ext-diff")),
    "driver": (('[diff "f"]', "command = {script}"), "* diff=f", ("log", "-p", "--ext-diff")),
    "textconv": (TEXTCONV, "* diff=f", ("log", "-p")),
    "hooks": (("[core]", "hooksPath = {root}/hooks"), "", ("commit", "--allow-empty", "-m", "x")),
    "include": (("[include]", "path = {root}/more"), "", ("status",)),
    "conditional include": (('[includeIf "gitdir:/"]', "path = {root}/more"), "", ("status",)),
    "alternates": (("[core]", "alternateRefsCommand = {script}"), "", None),
    "alias": (("[alias]", "log = !{script}", "ls-files = !{script}"), "", None),
    "editor": (("[core]", "editor = {script}", "askPass = {script}"), "", None),
    "ssh": (("[core]", "sshCommand = {script}", "gitProxy = {script}"), "", None),
}


def plant(planted: Planted, name: str) -> tuple[str, ...] | None:
    lines, attributes, live = TRICKS[name]
    root = planted.root
    if attributes:
        (root / ".git" / "info").mkdir(exist_ok=True)
        (root / ".git" / "info" / "attributes").write_text(f"{attributes}\n")
        (root / ".gitattributes").write_text(f"{attributes}\n")
    if "include" in name:
        (root / "more").write_text(f"[core]\nfsmonitor = {planted.script}\n")
    if name == "hooks":
        (root / "hooks").mkdir()
        for hook in ("pre-commit", "post-index-change", "reference-transaction", "post-checkout"):
            shutil.copy(planted.script, root / "hooks" / hook)
    if "signature" in name:
        tree, parent = git(root, "rev-parse", "HEAD^{tree}", "HEAD").split()
        begins = (
            "-----BEGIN SSH SIGNATURE-----" if "ssh" in name else "-----BEGIN PGP SIGNATURE-----"
        )
        (root.parent / "commit").write_text(
            f"tree {tree}\nparent {parent}\nauthor A <a@b.c> 1700000000 +0000\n"
            f"committer A <a@b.c> 1700000000 +0000\ngpgsig {begins}\n x\n"
            f" {begins.replace('BEGIN', 'END')}\n\nSign the growing delay\n"
        )
        signed = git(root, "hash-object", "-t", "commit", "-w", str(root.parent / "commit"))
        git(root, "reset", "-q", "--soft", signed)
    planted.configure(*lines)
    return live


@pytest.mark.parametrize("name", TRICKS)
def test_what_a_repository_configures_is_not_run(planted: Planted, name: str) -> None:
    live = plant(planted, name)
    if live is not None:
        git(planted.root, *live)
        assert planted.ran(), "the trick does nothing, so the test would say nothing"
        os.utime(planted.root / "retry.py", ns=(10**18, 10**18))
    everything(planted)
    assert not planted.ran()


def test_an_embedded_bare_repository_is_none(planted: Planted) -> None:
    inner = planted.root / "vendored"
    git(planted.root.parent, "init", "-q", "--bare", "-b", "main", str(inner))
    shutil.copytree(planted.root / ".git" / "objects", inner / "objects", dirs_exist_ok=True)
    shutil.copytree(planted.root / ".git" / "refs", inner / "refs", dirs_exist_ok=True)
    shutil.copy(planted.root / ".git" / "index", inner / "index")
    (inner / "retry.py").write_text(CODE.format(4))
    (inner / "config").write_text(
        "[core]\nrepositoryFormatVersion = 0\nbare = false\nworktree = .\n"
        f"fsmonitor = {planted.script}\n"
    )
    git(inner, "status")
    assert planted.ran()
    assert Git(inner).line("rev-parse", "HEAD") is None
    for root in (inner, planted.root):
        everything(planted, root)
        assert not planted.ran()


@pytest.mark.parametrize("url", ["ext::{script}", "{root}", "file://{root}", "ssh://x.invalid/y"])
def test_what_a_partial_clone_lacks_is_not_fetched(planted: Planted, url: str) -> None:
    root = planted.root
    lost = git(root, "rev-parse", "HEAD~1:retry.py")
    planted.configure(
        "[core]", "repositoryFormatVersion = 1", "sshCommand = {script}",
        "[extensions]", "partialClone = origin",
        '[remote "origin"]', f"url = {url}", "promisor = true", "uploadpack = {script}",
        '[protocol "ext"]', "allow = always", '[protocol "file"]', "allow = always",
        '[protocol "ssh"]', "allow = always",
    )  # fmt: skip
    (root / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    git(root, "cat-file", "-p", lost)
    assert planted.ran()
    everything(planted)
    assert Git(root).line("cat-file", "-p", lost) is None
    assert not planted.ran()


def test_a_submodule_is_not_compared_under_its_own_settings(planted: Planted) -> None:
    root = planted.root
    inner = root / "lib"
    git(root, "clone", "-q", str(root), str(inner))
    git(root, "add", "lib")
    git(root, "commit", "-qm", "Add a library of our own")
    (inner / "retry.py").write_text(CODE.format(9))
    git(inner, "commit", "-qam", "Change the library much")
    git(root, "commit", "-qam", "Use the changed library now")
    git(inner, "config", "diff.external", str(planted.script))
    planted.configure("[diff]", "submodule = diff")
    git(root, "log", "-p", "-1")
    assert planted.ran()
    everything(planted)
    assert not planted.ran()


def test_the_environment_names_no_program(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(planted.script, planted.root / "git")
    variables = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(planted.script),
        "GIT_EXTERNAL_DIFF": str(planted.script),
        "GIT_PAGER": str(planted.script),
        "GIT_SSH_COMMAND": str(planted.script),
        "GIT_EXEC_PATH": str(planted.root),
        "GIT_DIR": str(planted.root / "elsewhere"),
        "PATH": f".:{os.environ['PATH']}",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    git_of_shell = subprocess.run(["git"], cwd=planted.root, check=False)
    assert git_of_shell.returncode == 1 and planted.ran()
    monkeypatch.chdir(planted.root)
    assert Git(planted.root).line("rev-parse", "--show-prefix") == ""
    everything(planted)
    assert not planted.canary.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("diff", "HEAD"),
        ("checkout", "HEAD"),
        ("archive", "HEAD"),
        ("describe", "--dirty"),
        ("fetch",),
        ("ls-files", "-m"),
        ("ls-files", "--modified"),
        ("cat-file", "--filters", "HEAD:a"),
        ("cat-file", "--textconv", "HEAD:a"),
        ("log", "-p", "--ext-diff"),
        ("-c", "core.fsmonitor=x", "log"),
    ],
)
def test_what_would_run_something_does_not_pass(
    planted: Planted, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="may run what a repository configures"):
        Git(planted.root).command(*arguments)


def test_git_that_does_not_come_to_an_end_is_ended(planted: Planted) -> None:
    os.mkfifo(planted.root / "endless")
    planted.configure("[include]", "path = {root}/endless")
    git_there = Git(planted.root, seconds=0.2)
    with pytest.raises(DataError, match="git took more than 0 s to read"):
        git_there.run("rev-parse", "HEAD")
    with (
        pytest.raises(DataError, match="git took more than"),
        git_there.stream("log") as output,
    ):
        assert output.read() == b""
    assert git_there.line("rev-parse", "HEAD") is None


@pytest.mark.slow
def test_long_input_and_output_do_not_wait_for_each_other(planted: Planted) -> None:
    asked = b"HEAD:retry.py\n" * 100_000
    answered = Git(planted.root).run("cat-file", "--batch", given=asked)
    assert answered.count(b"def back_off") == 100_000


def test_more_than_fits_is_not_held(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("c2llm.codebase.git._MOST_BYTES", 1000)
    with pytest.raises(DataError, match="says more than 0 MB"):
        Git(planted.root).run("cat-file", "--batch", given=b"HEAD:retry.py\n" * 100)


def test_a_bare_repository_is_read_where_it_is_named(planted: Planted, tmp_path: Path) -> None:
    bare = tmp_path / "named.git"
    git(tmp_path, "clone", "-q", "--bare", str(planted.root), str(bare))
    assert is_git_directory(bare) and not is_git_directory(planted.root)
    head = git(planted.root, "rev-parse", "HEAD")
    assert Git(bare).line("rev-parse", "HEAD") is None
    assert Git(bare, bare=True).line("rev-parse", "HEAD") == head
    assert [pair.query for pair in commit_pairs(bare, Limits())] == [
        "Grow the delay much faster",
        "Start with a first module",
    ]
