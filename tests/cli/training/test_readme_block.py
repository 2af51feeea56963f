"""The README's training block, line by line, followed with two repositories of one's own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PARTS = "header cookie token session request answer route cache queue lock page user".split()
VERBS = {"read": "Reads", "check": "Checks", "merge": "Merges", "drop": "Drops"}


def block() -> list[str]:
    """The commands of the first code block below "## Train", comments and `pip` aside."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Train\n")[1]
    found = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert found is not None
    lines = [line.split("  #")[0].strip() for line in found[1].splitlines()]
    assert lines[0].startswith("pip install")
    return lines[1:]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True
    )


def write_repository(folder: Path, verbs: list[str]) -> None:
    """Documented functions, each committed by itself."""
    folder.mkdir()
    git(folder, "init", "-q")
    for verb in verbs:
        for number, part in enumerate(PARTS):
            (folder / f"{verb}_{part}.py").write_text(
                f"def {verb}_all(store, limit={number}):\n"
                f'    """{VERBS[verb]} what the server keeps about every open {part}."""\n'
                f"    found = store.{part}s(limit)\n    kept = []\n"
                f"    for one in found:\n        if one.{part}_id > limit:\n"
                f"            kept.append(store.{verb}(one))\n"
                f"    store.{part}_count = len(kept)\n    return kept\n"
            )
            git(folder, "add", "-A")
            git(folder, "commit", "-qm", f"The server can {verb} the open {part} of a store")


@pytest.mark.slow
def test_every_line_works_after_the_one_before(tmp_path):
    work, bare = tmp_path / "work", tmp_path / "bare"
    write_repository(work, ["read", "check"])
    write_repository(tmp_path / "other", ["merge", "drop"])
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "other"), str(bare))
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore"}
    for line in block():
        words = shlex.split(line)
        assert words.pop(0) == "c2llm"
        if words[:2] == ["mine", "pairs"]:
            words[2:3] = [str(work), str(bare)]
        words = [word.replace("continuation:.", f"continuation:{bare}") for word in words]
        if words[0] == "train":
            words += ["optim.steps=3", "run.validate_every=3"]
        if words[0] == "search":
            words.insert(2, str(work))
        done = subprocess.run(
            [sys.executable, "-m", "c2llm", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"
    rows = [json.loads(row) for row in (tmp_path / "data" / "hard.jsonl").open()]
    kinds = [row["dataset"] for row in rows]
    assert kinds.count("commit") <= len(kinds) / 2 and kinds.count("docstring") >= 40
    assert {row["repository"] for row in rows} == {"work", "bare"}
    assert all(row["negatives"] for row in rows if row["dataset"] == "docstring")
    used = json.loads((tmp_path / "runs" / "own-code" / "data.json").read_text())
    assert used["kept"]["own"] >= 0.9 * len(rows)  # the recipe takes what was mined for it
