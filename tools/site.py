"""Build the site from the pages as they lie in the project, without a network.

Every page is copied to `build/pages` at the place that it has here, with all files that a page
links to, so that the links of the project are those of the site; `mkdocs build --strict` then fails
for a link or an anchor that leads nowhere, and for a page that the navigation lacks. A page that
would load anything from another server fails too.

    python tools/site.py          # what `make site` runs; the site is build/site/index.html
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/*.md", "editors/*/*.md", "examples/**/*.md", "models/*/*.md", "deploy/*.md")
_LINK = re.compile(r"""(?:\]\(|src(?:set)?="|href=")([^)"#\s]+)""")


def pages() -> list[Path]:
    """All pages, by their paths in the project."""
    return sorted({path.relative_to(TOP) for pattern in PAGES for path in TOP.glob(pattern)})


def linked(page: Path) -> Iterator[Path]:
    """The files of the project that a page links to."""
    for target in _LINK.findall((TOP / page).read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            path = (TOP / page.parent / target).resolve()
            if path.is_file() and path.is_relative_to(TOP):
                yield path.relative_to(TOP)


def lay_out(folder: Path) -> None:
    """Copy the pages and what they link to."""
    shutil.rmtree(folder, ignore_errors=True)
    found = pages()
    for path in {*found, *(target for page in found for target in linked(page))}:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TOP / path, folder / path)


def loaded(page: Path) -> list[str]:
    """What a page of the site would get from another server by being opened."""
    text = page.read_text(encoding="utf-8")
    sources = re.findall(r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="(https?:[^"]+)""", text)
    link = r"""<link\b[^>]*rel="(?:stylesheet|preconnect)"[^>]*href="(https?:[^"]+)"""
    styles = re.findall(link, text)
    return [*sources, *styles]


def main() -> int:
    """Lay out and build; the exit code is that of mkdocs."""
    lay_out(TOP / "build" / "pages")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
    ]  # --quiet would forgive warnings
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=TOP, env=environment, check=False)
    if done.returncode:
        return done.returncode
    loads = {found for path in (TOP / "build" / "site").rglob("*.html") for found in loaded(path)}
    for address in sorted(loads):
        sys.stderr.write(f"a page loads {address}\n")
    return 1 if loads else 0


if __name__ == "__main__":
    sys.exit(main())
