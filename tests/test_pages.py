"""README and pages can be followed: links lead somewhere, commands and their options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from c2llm.cli.main import cli

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for kind in ("*.md", "docs/*.md", "models/*/README.md", "examples/**/README.md")
    for page in ROOT.glob(kind)
)
LINK = re.compile(r"(?:\]\(|srcset=\"|src=\")([^)\s\"]+)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`(c2llm \w[^`]*)`")
NAMED = re.compile(r"`((?:src/c2llm|tests)/[\w./-]+)`")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[list[str]]:
    """The words of each `c2llm` command of a page, pipes and comments taken away."""
    text = page.read_text(encoding="utf-8")
    lines = INLINE.findall(FENCE.sub("", text).replace("\n", " "))
    for language, block in FENCE.findall(text):
        if language in ("", "sh"):
            lines += block.replace("\\\n", " ").splitlines()
    found: list[list[str]] = []
    for line in lines:
        called = re.match(
            r"(?:\$ |[^#|]+\| |(?:torchrun|accelerate launch).* -m )?(c2llm \w.*)", line
        )
        if called is not None:
            words = shlex.split(called[1].replace("…", "x"), comments=True)
            found.append(words[1 : words.index("|") if "|" in words else None])
    return found


@pages
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pages
def test_named_files_exist(page):
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    assert not [name for name in named if not (ROOT / name).exists()]


@pages
def test_commands_and_their_options_exist(page):
    for words in commands(page):
        command: click.Command = cli
        context = click.Context(cli)
        while isinstance(command, click.Group) and words:
            name, *words = words
            known = command.get_command(context, name)
            assert known is not None, f"{page.name}: there is no command {name}"
            command = known
        options = {"--help"} | {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        takes_value = {
            option
            for parameter in command.params
            if isinstance(parameter, click.Option) and not (parameter.is_flag or parameter.count)
            for option in parameter.opts
        }
        asked = {
            word.partition("=")[0]
            for before, word in zip(["", *words], words, strict=False)
            if re.match(r"--?[a-zA-Z]", word) and before not in takes_value
        }
        assert asked <= options, f"{page.name}: c2llm {command.name} has no {asked - options}"
