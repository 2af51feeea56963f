"""What reports of ours have in common as SARIF 2.1.0, as code scanning and editors read it.

Paths are relative to `%SRCROOT%`, which is the work tree that git has around what was looked at; of
directories of several work trees each is a base of its own below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from c2llm import __version__
from c2llm.printable import printable

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://arxiv.org/abs/2512.21332"
_ROOT = "%SRCROOT%"


def log(
    rules: Sequence[dict[str, Any]],
    results: Sequence[dict[str, Any]],
    labels: Iterable[str],
    prefixes: Mapping[str, str],
    properties: Mapping[str, Any],
) -> dict[str, Any]:
    """One SARIF log of one run.

    Args:
        rules: What is looked for.
        results: What was found.
        labels: Of the indexes that results are in.
        prefixes: For each label of an index of the one work tree that is `%SRCROOT%` the path of
            its directory there, "" or ending in `/`. Other labels are bases of their own.
        properties: Of the run.
    """
    bases: dict[str, Any] = {_ROOT: {"description": {"text": "The root of the work tree."}}}
    for label in sorted(set(labels) - prefixes.keys()):
        bases[_base(label)] = {"uri": f"{_quoted(label)}/", "uriBaseId": _ROOT}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "c2llm",
                        "version": __version__,
                        "informationUri": _HOME,
                        "rules": list(rules),
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": bases,
                "results": list(results),
                "properties": dict(properties),
            }
        ],
    }


def location(
    label: str, path: str, region: Mapping[str, int], symbol: str, prefixes: Mapping[str, str]
) -> dict[str, Any]:
    """Where something is.

    Args:
        label: Of its index.
        path: Of its file, relative to the root of that.
        region: Its lines and columns, as SARIF calls them.
        symbol: The function that it is in, or "".
        prefixes: See `log`.
    """
    is_below_root = label in prefixes
    found: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {
                "uri": _quoted(prefixes.get(label, "") + path),
                "uriBaseId": _ROOT if is_below_root else _base(label),
            },
            "region": dict(region),
        }
    }
    if symbol:
        found["logicalLocations"] = [{"fullyQualifiedName": printable(symbol)}]
    return found


def escaped(text: str) -> str:
    """Text inside of a link of a message, where brackets and backslashes mean something."""
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _base(label: str) -> str:
    return f"SRCROOT_{_quoted(label)}"


def _quoted(path: str) -> str:
    """A path as a relative URI, whatever bytes its name has; `a:b` is no scheme."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")
