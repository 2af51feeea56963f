"""The reports of one run or of several, read from their folders and put together.

A folder holds what the evaluations write beside their results: `retrieval.json`, `repos.json`,
`languages.json`, `granularity.json`, `mteb.json`, `profile.json`. Where two folders have a system
of the same name, the later one carries its folder's name behind its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError

Report = dict[str, Any]
SECTIONS = ("retrieval", "repos", "functions", "languages", "granularity", "mteb", "profile")
_HEADLINE = "ndcg_at_10"
# What each report must have; a file of another kind under its name is refused.
_KEYS = {
    "retrieval": ("tasks", "systems"),
    "granularity": ("tasks", "systems"),
    "repos": ("runs", "repositories", "indexing"),
    "functions": ("trees", "mean"),
    "languages": ("systems", "query_languages", "document_languages"),
    "mteb": ("tasks", "systems"),
    "profile": ("models", "machine", "ceiling"),
}


@dataclass
class Collected:
    """What there is to show; a section is absent where no run has it."""

    sections: dict[str, Report] = field(default_factory=dict)

    def get(self, section: str) -> Report | None:
        """A section's report."""
        return self.sections.get(section)


def collect(folders: Sequence[Path]) -> Collected:
    """Read the folders' reports and put them together.

    Raises:
        UsageError: for a folder that is not there.
        DataError: for a damaged report, or a folder that has none.
    """
    collected = Collected()
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a directory; give an evaluation's --output.")
        found = {name: _read(folder / f"{name}.json", name) for name in SECTIONS}
        there = {name: report for name, report in found.items() if report is not None}
        if not there:
            raise DataError(
                f"{folder} has no report ({', '.join(f'{name}.json' for name in SECTIONS)}); "
                "give an evaluation's --output."
            )
        for name, report in there.items():
            before = collected.sections.get(name)
            if before is None:
                collected.sections[name] = report
            else:
                try:
                    collected.sections[name] = _MERGED[name](before, report, folder.name)
                except (KeyError, TypeError, AttributeError, IndexError) as error:
                    raise _damaged(folder / f"{name}.json", error) from error
    return collected


def _read(path: Path, name: str) -> Report | None:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    missing = [key for key in _KEYS[name] if not isinstance(report, dict) or key not in report]
    if missing:
        raise DataError(f"{path} is not a report of `{name}` (it has no {missing[0]}); remove it.")
    return dict(report)


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is not a report that can be read ({error}); remove it.")


def _retrieval(before: Report, more: Report, folder: str) -> Report:
    """Tasks side by side; the mean over those that every system has."""
    names = {system["name"] for system in before["systems"]}
    renamed = {system["name"]: _free(system["name"], names, folder) for system in more["systems"]}
    tasks = {task["task"]: {**task, "results": list(task["results"])} for task in before["tasks"]}
    for task in more["tasks"]:
        results = [{**r, "system": renamed[r["system"]]} for r in task["results"]]
        for result in results:  # they were compared with another run's baseline
            result.pop("against_baseline", None)
            for group in result["groups"].values():
                group.pop("against_baseline", None)
        kept = tasks.setdefault(task["task"], {**task, "results": []})
        kept["results"] = [*kept["results"], *results]
    systems = [
        *before["systems"],
        *({**system, "name": renamed[system["name"]]} for system in more["systems"]),
    ]
    every = [task for task in tasks.values() if len(task["results"]) == len(systems)]
    means = {
        system["name"]: _mean(
            [
                result["metrics"][_HEADLINE]["mean"]
                for task in every
                for result in task["results"]
                if result["system"] == system["name"]
            ]
        )
        for system in systems
        if every
    }
    return {**before, "systems": systems, "tasks": list(tasks.values()), "mean": means}


def _functions(before: Report, more: Report, folder: str) -> Report:
    """Trees side by side: the same tree in two folders stands twice, the later under its folder."""
    names = {tree["tree"] for tree in before["trees"]}
    trees = [{**tree, "tree": _free(tree["tree"], names, folder)} for tree in more["trees"]]
    return {**before, "trees": [*before["trees"], *trees], "mean": []}


def _repos(before: Report, more: Report, folder: str) -> Report:
    known = {(run["system"], run["mode"], run["fingerprint"]) for run in before["runs"]}
    names = {run["system"] for run in before["runs"]}
    runs = []
    for run in more["runs"]:
        if (run["system"], run["mode"], run["fingerprint"]) in known:
            continue
        system = run["system"]
        if (system, run["mode"]) in {(s, m) for s, m, _ in known}:
            system = _free(system, names, folder)
        runs.append({**{key: run[key] for key in run if key != "against_first"}, "system": system})
    timed = {entry["system"] for entry in before["indexing"]}
    indexing = [entry for entry in more["indexing"] if entry["system"] not in timed]
    return {
        **before,
        "runs": [*before["runs"], *runs],
        "indexing": [*before["indexing"], *indexing],
    }


def _languages(before: Report, more: Report, folder: str) -> Report:
    rows = list(dict.fromkeys([*before["query_languages"], *more["query_languages"]]))
    columns = list(dict.fromkeys([*before["document_languages"], *more["document_languages"]]))
    names = {system["system"] for system in before["systems"]}
    systems = []
    for report in (before, more):
        for system in report["systems"]:
            cells = {
                (row, column): value
                for row, values in zip(report["query_languages"], system["matrix"], strict=True)
                for column, value in zip(report["document_languages"], values, strict=True)
            }
            matrix = [[cells.get((row, column)) for column in columns] for row in rows]
            name = system["system"] if report is before else _free(system["system"], names, folder)
            systems.append({**system, "system": name, "matrix": matrix})
    return {
        **before,
        "query_languages": rows,
        "document_languages": columns,
        "systems": systems,
    }


def _profile(before: Report, more: Report, folder: str) -> Report:
    known = {model["fingerprint"] for model in before["models"]}
    names = {model["model"] for model in before["models"]}
    models = [
        {**model, "model": _free(model["model"], names, folder)}
        for model in more["models"]
        if model["fingerprint"] not in known
    ]
    complete = before.get("complete", True) and more.get("complete", True)
    return {**before, "models": [*before["models"], *models], "complete": complete}


def _mteb(before: Report, more: Report, folder: str) -> Report:
    """Our columns side by side; the published ones are the same in both."""
    renamed = {name: _free(name, set(before["systems"]), folder) for name in list(more["systems"])}
    tasks = {task["task"]: {**task, "ours": dict(task["ours"])} for task in before["tasks"]}
    for task in more["tasks"]:
        kept = tasks.setdefault(task["task"], {**task, "ours": {}})
        kept["ours"].update({renamed[name]: score for name, score in task["ours"].items()})
    means = {renamed.get(name, name): value for name, value in more["mean"].items()}
    return {
        **before,
        "systems": [*before["systems"], *renamed.values()],
        "tasks": list(tasks.values()),
        "mean": {**means, **before["mean"]},
    }


_MERGED: dict[str, Callable[[Report, Report, str], Report]] = {
    "retrieval": _retrieval,
    "granularity": _retrieval,
    "repos": _repos,
    "functions": _functions,
    "languages": _languages,
    "profile": _profile,
    "mteb": _mteb,
}


def _free(name: str, taken: set[str], folder: str) -> str:
    if name in taken:
        name = f"{name} ({folder})"
    number = 2
    free = name
    while free in taken:
        free = f"{name} {number}"
        number += 1
    taken.add(free)
    return free


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
