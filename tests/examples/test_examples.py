"""The worked examples do what their pages say: each command is run, its output is as it stands."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from c2llm.cli.main import VERBS, main
from tests.index.conftest import home

__all__ = ["home"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FENCE = re.compile(r"^```\n(.*?)^```$", re.M | re.S)
SCORE = re.compile(r"(?<![\d.])\d\.\d\d(?!\d)")
"""What other verbs are sure of is no matter of these pages."""


def steps(page: Path) -> list[tuple[list[str], list[str]]]:
    """The commands of a page, each with the lines that follow it."""
    found: list[tuple[list[str], list[str]]] = []
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((shlex.split(line[2:]), []))
            elif line.strip():
                found[-1][1].append(line.rstrip())
    return found


def run(words: list[str], folder: Path, home: Path) -> list[str]:
    """The lines that a command of a page writes to its output."""
    program = {"python": [sys.executable], "c2llm": [sys.executable, "-m", "c2llm"]}[words[0]]
    environment = {
        **os.environ,
        "C2LLM_HOME": str(home),
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        [*program, *words[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.rstrip() for line in done.stdout.splitlines() if line.strip()]


def fits(shown: list[str], written: list[str], *, scores: bool) -> bool:
    """Whether lines are as a page has them; `…` stands for the rest of a line, or for lines."""
    if scores:
        shown, written = ([SCORE.sub("0.00", one) for one in lines] for lines in (shown, written))
    for place, line in enumerate(shown):
        if line == "…":
            return place == len(shown) - 1
        whole = written[place] if place < len(written) else ""
        if not (whole.startswith(line[:-1]) if line.endswith("…") else whole == line):
            return False
    return len(shown) == len(written)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["strategies", "circuits"])
def test_the_commands_of_a_page_write_what_stands_there(name, tmp_path, home):
    folder = tmp_path
    (folder / "examples").symlink_to(EXAMPLES)
    for words, shown in steps(EXAMPLES / name / "README.md"):
        if words[0] == "cd":
            folder /= words[1]
        elif words[0] == "python" or words[1] in VERBS:
            written = run(words, folder, home)
            others = words[0] == "c2llm" and words[1] in ("clones", "drift", "patterns")
            assert fits(shown, written, scores=others), "\n".join([shlex.join(words), *written])


def made(script: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_strategies_are_made_tested_and_found(tmp_path, home, capsys):
    made("strategies/backtest.py", tmp_path / "demo")
    demo = tmp_path / "demo"
    with (demo / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20 == len(list((demo / "tested").iterdir()))
    differing = [
        path.name
        for path in (demo / "tested").iterdir()
        if path.read_text() != (demo / "live" / path.name).read_text()
    ]
    assert len(differing) == 3
    main(["records", "import", str(demo / "results.csv"), str(demo), "--key", "file:function"])
    capsys.readouterr()
    where = ["--where", "sharpe > 1 and market = 'fx'", "--sort", "-sharpe"]
    main(["search", "buy what has fallen", str(demo), "--mode", "lexical", "--json", *where])
    results = json.loads(capsys.readouterr().out)["results"]
    wanted = sorted(
        (float(row["sharpe"]), row["file"])
        for row in rows
        if row["market"] == "fx" and float(row["sharpe"]) > 1
    )
    assert [one["path"] for one in results] == [path for _, path in reversed(wanted)]


def test_the_circuits_are_the_same_in_both_libraries(tmp_path):
    made("circuits/measure.py", tmp_path)
    rows = json.loads((tmp_path / "metrics.json").read_text())
    of = {framework: {} for framework in ("qiskit", "cirq")}
    for row in rows:
        of[row["framework"]][row["function"]] = row["metrics"]
    assert of["qiskit"] == of["cirq"] and len(of["cirq"]) == 9
    assert of["cirq"]["ghz_state"] == {"qubits": 5, "depth": 5, "gates": 5, "two_qubit_gates": 4}
