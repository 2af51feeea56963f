"""Every page is on the site, and every place in its navigation is a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[1]


def named(entries: Any) -> Iterator[str]:
    for entry in entries:
        [value] = entry.values() if isinstance(entry, dict) else [entry]
        if isinstance(value, str):
            yield value
        else:
            yield from named(value)


def test_the_navigation_has_every_page_once() -> None:
    settings = yaml.safe_load((TOP / "mkdocs.yml").read_text(encoding="utf-8"))
    there = sorted(named(settings["nav"]))
    patterns = ("*.md", "docs/*.md", "examples/**/*.md", "models/*/README.md")
    pages = {path.relative_to(TOP).as_posix() for one in patterns for path in TOP.glob(one)}
    assert there == sorted(pages)
