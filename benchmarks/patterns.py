"""What a search for patterns costs, beside the index that it needs and the search for duplicates.

    python benchmarks/patterns.py TREE... [--history] [--json FILE]

Each tree is copied, indexed, and searched by the command as a user runs it: anew, again, and with
one changed file; `c2llm clones` runs on the same index. With `--history` a copy that is a git
repository has its history searched, anew and again. Seconds are of the processor, children
included, beside the seconds that passed; the first run has the index built before it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def run(*arguments: str, home: Path) -> Row:
    """Run a command of ours; what it says, and what it cost.

    Raises:
        SystemExit: It fails.
    """
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "c2llm", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "C2LLM_HOME": str(home)},
        check=False,
    )
    passed, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"c2llm {' '.join(arguments)}: {done.stderr.strip()}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = json.loads(done.stdout) if "--json" in arguments else {}
    return {"cpu": round(seconds, 2), "wall": round(passed, 2), "said": said}


def costs(tree: Path, *, history: bool) -> Row:
    """What each step costs on a copy of a tree."""
    with tempfile.TemporaryDirectory() as folder:
        copy, home = Path(folder, tree.name), Path(folder, "home")
        shutil.copytree(tree, copy, symlinks=True)
        root = str(copy)
        row: Row = {"tree": tree.name, "steps": {}}
        steps: Row = row["steps"]
        steps["index"] = run("search", "anything", root, "--mode", "lexical", "--wait", home=home)
        steps["anew"] = run("patterns", root, "--json", home=home)
        steps["again"] = run("patterns", root, "--json", home=home)
        hits = steps["again"]["said"]
        row |= {"files": hits["files"], "hits": hits["found"], "apart": hits["apart"]}
        row["by_pattern"] = hits["by_pattern"]
        changed = _touched(copy, [one["path"] for one in hits["hits"]])
        if changed is not None:
            steps["one changed"] = run("patterns", root, "--json", home=home)
        steps["clones"] = run("clones", root, "--json", home=home)
        if history and (copy / ".git").exists():
            steps["history"] = run("patterns", root, "--history", "--json", home=home)
            steps["history again"] = run("patterns", root, "--history", "--json", home=home)
            told = steps["history"]["said"]
            row |= {name: told[name] for name in ("commits", "contents", "gone_found")}
        for step in steps.values():
            del step["said"]
    return row


def _touched(root: Path, paths: Sequence[str]) -> str | None:
    """Change a file that has hits, and say which; None where there are none."""
    for path in paths:
        with (root / path).open("a", encoding="utf-8") as stream:
            stream.write("\n")
        return path
    return None


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trees", nargs="+", type=Path)
    parser.add_argument("--history", action="store_true")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = [costs(tree.resolve(), history=asked.history) for tree in asked.trees]
    for row in rows:
        print(f"{row['tree']}: {row['files']} files, {row['hits']} hits")
        for name, step in row["steps"].items():
            print(f"  {name:<14} {step['cpu']:8.2f} s CPU  {step['wall']:8.2f} s")
    if asked.json is not None:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
