"""What the search for duplicates finds, beside jscpd, and what it costs.

    python benchmarks/clones.py DATA [--jscpd "npx jscpd"] [--mxeval FILE] [--json FILE]
    python benchmarks/clones.py --trees TREE... [--jscpd "npx jscpd"] [--json FILE]

DATA holds the development halves as `NAME.jsonl.gz`; none is fetched, one that is not there is left
out. `bigclonebench_types` becomes a tree of files, one a fragment, that is searched once with the
defaults: a pair counts as found when both files have a member in one class. jscpd reads the same
tree (`-k 25 -l 3`). `bcb406` are pairs judged by hand (AUC, with the interval of 2,000 bootstrap
samples), `poj_subset` solutions of problems (MAP@R), `gptclonebench_*` functions that do the same
(MRR); `--mxeval` takes solutions of the same problems in several languages: each is a query for
those of all other languages.

With `--trees` each tree is searched in a process of its own: anew, again, and with one changed
file. The trees are copied first, never written to.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.clone_class import CloneClass
from c2llm.analysis.clones.find import find_clones
from c2llm.analysis.clones.request import ClonesRequest
from c2llm.analysis.clones.similarity import clone_similarities, clone_similarity
from c2llm.search.code_index import CodeIndex

_BOOTSTRAP = 2_000
_JSCPD_OPTIONS = ("-k", "25", "-l", "3", "--silent", "--reporters", "json")
_MOST_OF_LANGUAGE = 120

Row = dict[str, Any]


def rows(path: Path) -> list[Row]:
    """The objects of a file with one a line."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def typed_pairs(data: Sequence[Row], jscpd: Sequence[str]) -> Row:
    """Recall of each type, and the non-clones that share a class, of one run over all fragments."""
    names: dict[str, str] = {}
    for row in data:
        for text in (row["a"], row["b"]):
            names.setdefault(text, f"F{len(names):05}.java")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        for text, name in names.items():
            (tree / name).write_text(text, encoding="utf-8")
        start = time.process_time()
        with CodeIndex.open(tree, embed="none") as index:
            report = find_clones([index], ClonesRequest())
        seconds = time.process_time() - start
        every = classes_by_file((*report.classes, *report.apart))
        found = {
            "c2llm": {**scored(data, names, every), "cpu": seconds},
            "c2llm, what is not apart": scored(data, names, classes_by_file(report.classes)),
        }
        if jscpd:
            before = children_seconds()
            pairs = jscpd_pairs(tree, Path(folder) / "report", jscpd)
            cpu = children_seconds() - before
            found["jscpd pairs"] = {**scored(data, names, pairs), "cpu": cpu}
    return {"files": len(names), "classes": len(report.classes), **found}


def classes_by_file(classes: Iterable[CloneClass]) -> dict[str, set[int]]:
    """For each file the numbers of the classes that have a member in it."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for number, one in enumerate(classes):
        for member in one.members:
            found[member.path].add(number)
    return found


def jscpd_pairs(tree: Path, out: Path, command: Sequence[str]) -> dict[str, set[int]]:
    """The same for the pairs that jscpd tells, each a class of two."""
    subprocess.run(
        [*command, *_JSCPD_OPTIONS, "--output", str(out), str(tree)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    told = json.loads(next(out.glob("*.json")).read_text(encoding="utf-8"))
    found: defaultdict[str, set[int]] = defaultdict(set)
    for number, pair in enumerate(told["duplicates"]):
        for side in ("firstFile", "secondFile"):
            found[Path(pair[side]["name"]).name].add(number)
    return found


def scored(data: Sequence[Row], names: dict[str, str], found: dict[str, set[int]]) -> Row:
    """Recall of T1, T2, T3, precision, and how many non-clones were taken for clones."""
    hits: defaultdict[str, list[bool]] = defaultdict(list)
    for row in data:
        one, other = (found.get(names[row[side]], set()) for side in ("a", "b"))
        hits[row["type"] if row["clone"] else "none"].append(bool(one & other))
    wrong = sum(hits.pop("none", []))
    right = sum(sum(kind) for kind in hits.values())
    return {
        "recall": {kind: round(sum(of) / len(of), 4) for kind, of in sorted(hits.items())},
        "precision": round(right / max(1, right + wrong), 4),
        "non-clones in a class": wrong,
    }


def auc(right: NDArray[np.float64], wrong: NDArray[np.float64]) -> float:
    """Share of pairs of a clone and a non-clone that are in order; ties count half."""
    above = (right[:, None] > wrong[None]).mean() + (right[:, None] == wrong[None]).mean() / 2
    return float(above)


def judged_pairs(data: Sequence[Row]) -> Row:
    """AUC of pairs judged by hand, and its interval of 95 %."""
    scores = np.array([clone_similarity(row["a"], row["b"], row["lang"]) for row in data])
    clones = np.array([bool(row["clone"]) for row in data])
    right, wrong = scores[clones], scores[~clones]
    random = np.random.default_rng(0)
    samples = [
        auc(random.choice(right, len(right)), random.choice(wrong, len(wrong)))
        for _ in range(_BOOTSTRAP)
    ]
    low, high = np.percentile(samples, [2.5, 97.5])
    return {
        "pairs": len(data),
        "clones": int(clones.sum()),
        "auc": round(auc(right, wrong), 4),
        "interval": [round(float(low), 3), round(float(high), 3)],
    }


def map_at_r(data: Sequence[Row]) -> Row:
    """MAP@R of the solutions of one problem among all (Musgrave et al. 2020, section 2.3)."""
    near = clone_similarities([row["code"] for row in data], data[0]["lang"])
    np.fill_diagonal(near, -np.inf)
    problems = np.array([row["problem"] for row in data])
    found: list[float] = []
    for own, scores in zip(problems, near, strict=True):
        count = int((problems == own).sum()) - 1
        best = np.argsort(-scores, kind="stable")[:count]
        hits = problems[best] == own
        found.append(float((np.cumsum(hits) / np.arange(1, count + 1) * hits).sum() / count))
    return {"programs": len(data), "map@r": round(float(np.mean(found)), 4)}


def semantic_pairs(data: Sequence[Row]) -> Row:
    """MRR of the first clone of each `a` among all `b`."""
    count = len(data)
    texts = [row["a"] for row in data] + [row["b"] for row in data]
    near = clone_similarities(texts, data[0]["lang"])[:count, count:]
    ranks: list[float] = []
    for number, row in enumerate(data):
        same = np.array([x["group"] == row["group"] or x["a"] == row["a"] for x in data])
        ranks.append(1 / (1 + float((near[number][~same] > near[number][same].max()).sum())))
    return {"pairs": count, "mrr": round(float(np.mean(ranks)), 4)}


def across_languages(data: Sequence[Row]) -> Row:
    """MRR of a solution of the same problem in another language, for each two languages."""
    by_language: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in data:
        problem = row["id"].rpartition("/")[2]
        by_language[row["lang"]].setdefault(problem, row["doc"])
    found: dict[str, float] = {}
    languages = sorted(by_language)
    for one in languages:
        for other in languages:
            shared = sorted(by_language[one].keys() & by_language[other].keys())
            shared = shared[:_MOST_OF_LANGUAGE]
            if one >= other or len(shared) < _MOST_OF_LANGUAGE // 2:
                continue
            texts = [by_language[one][key] for key in shared]
            texts += [by_language[other][key] for key in shared]
            count = len(shared)
            near = clone_similarities(texts, [one] * count + [other] * count)[:count, count:]
            ranks = (near > np.diag(near)[:, None]).sum(axis=1) + 1
            found[f"{one} {other}"] = round(float((1 / ranks).mean()), 4)
    mean = round(float(np.mean(list(found.values()))), 4) if found else None
    return {"mean": mean, "pairs of languages": len(found), "mrr": found}


def children_seconds() -> float:
    """Processor seconds of the child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def search_tree(tree: str) -> None:
    """One search of a tree; what it took goes to stdout as JSON. Runs in a process of its own."""
    start = time.perf_counter()
    with CodeIndex.open(tree, embed="none") as index:
        opened = time.perf_counter() - start
        report = find_clones([index], ClonesRequest())
    done = {
        "files": report.files,
        "lines": report.lines,
        "classes": len(report.classes) + len(report.apart),
        "index seconds": round(opened, 2),
        "seconds": round(time.perf_counter() - start, 2),
    }
    sys.stdout.write(json.dumps(done))


def tree_costs(tree: Path, jscpd: Sequence[str]) -> Row:
    """Seconds and processor seconds of a first search, a second one, and one changed file."""
    costs: Row = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        environment = {**os.environ, "C2LLM_HOME": str(Path(folder) / "home")}
        command = [sys.executable, __file__, "--search", str(copy)]
        for step in ("first", "again", "changed"):
            if step == "changed":
                _change_one(copy)
            before = children_seconds()
            done = subprocess.run(command, check=True, env=environment, capture_output=True)
            costs[step] = json.loads(done.stdout) | {"cpu": round(children_seconds() - before, 2)}
        if jscpd:
            before, start = children_seconds(), time.perf_counter()
            jscpd_pairs(copy, Path(folder) / "report", jscpd)
            seconds = time.perf_counter() - start
            cpu = children_seconds() - before
            costs["jscpd"] = {"seconds": round(seconds, 2), "cpu": round(cpu, 2)}
    return costs


def _change_one(tree: Path) -> None:
    """Write a function into the first source file that is a large one."""
    for file in sorted(tree.rglob("*")):
        if file.suffix in (".java", ".py", ".go", ".php") and file.stat().st_size > 5_000:
            text = file.read_text(encoding="utf-8", errors="replace")
            file.write_text(f"{text}\n// one line more\n", encoding="utf-8")
            return


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--trees", type=Path, nargs="+", default=[])
    parser.add_argument("--mxeval", type=Path)
    parser.add_argument("--jscpd", default="", help="the command that runs it")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--search", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.search:
        search_tree(options.search)
        return
    jscpd = shlex.split(options.jscpd)
    found: Row = {}
    if options.data is not None:
        measures = {
            "bigclonebench_types": lambda data: typed_pairs(data, jscpd),
            "bcb406": judged_pairs,
            "poj_subset": map_at_r,
            "gptclonebench_py": semantic_pairs,
            "gptclonebench_java": semantic_pairs,
        }
        for name, measure in measures.items():
            path = options.data / f"{name}.jsonl.gz"
            if path.exists():
                found[name] = told(name, measure(rows(path)))
    if options.mxeval is not None:
        found["mxeval"] = told("mxeval", across_languages(rows(options.mxeval)))
    for tree in options.trees:
        found[tree.name] = told(tree.name, tree_costs(tree.resolve(), jscpd))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def told(name: str, result: Row) -> Row:
    """Show a result when it is there, since the next one may take long."""
    sys.stdout.write(json.dumps({name: result}) + "\n")
    sys.stdout.flush()
    return result


if __name__ == "__main__":
    main()
