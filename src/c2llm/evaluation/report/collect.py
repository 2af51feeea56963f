"""The reports of one run or of several, read from their folders.

A folder holds what the evaluations write beside their results: `retrieval.json`, `repos.json`,
`languages.json`, `granularity.json`, `mteb.json`, `profile.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from c2llm.errors import DataError, UsageError

Report = dict[str, Any]
Runs = dict[str, dict[str, Report]]
"""Reports by section, by the name of the run's folder."""
# What each report must have; a file of another kind under its name is refused.
SECTIONS = {
    "repos": ("runs", "repositories", "indexing"),
    "functions": ("trees", "mean"),
    "retrieval": ("tasks", "systems"),
    "mteb": ("tasks", "systems"),
    "languages": ("systems", "query_languages", "document_languages"),
    "granularity": ("tasks", "systems"),
    "profile": ("models", "machine", "ceiling"),
}


def collect(folders: Sequence[Path]) -> Runs:
    """Read the folders' reports.

    Raises:
        UsageError: for a folder that is not there.
        DataError: for a damaged report, or a folder that has none.
    """
    runs: Runs = {}
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
        name = folder.resolve().name
        runs[str(folder) if name in runs else name] = there
    return runs


def _read(path: Path, name: str) -> Report | None:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a report that can be read ({error}); remove it.") from error
    missing = [key for key in SECTIONS[name] if not isinstance(report, dict) or key not in report]
    if missing:
        raise DataError(f"{path} is not a report of `{name}` (it has no {missing[0]}); remove it.")
    return dict(report)
