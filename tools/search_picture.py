"""Draw the picture of a search that the README shows, light and dark, from a real run.

    python tools/search_picture.py

runs `c2llm search` in a terminal of its own, with an empty cache, on this repository's `src`, and
writes `docs/images/search-light.svg` and `search-dark.svg`. Nothing in the picture is edited, but
that absolute paths become the path that was typed. The SVG names no font on the network.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
QUERY = "which function is around this line"
COLUMNS = 112
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

# Black, red, green, yellow, blue, magenta, cyan, white; then the bright ones.
LIGHT = TerminalTheme(
    (255, 255, 255),
    (31, 35, 40),
    [
        (31, 35, 40),
        (179, 40, 45),
        (26, 111, 55),
        (122, 79, 1),
        (9, 105, 218),
        (130, 80, 223),
        (27, 110, 123),
        (110, 119, 129),
    ],
    [
        (87, 96, 106),
        (164, 14, 38),
        (45, 125, 70),
        (99, 60, 1),
        (33, 139, 255),
        (163, 98, 230),
        (49, 146, 170),
        (140, 149, 159),
    ],
)
DARK = TerminalTheme(
    (13, 17, 23),
    (230, 237, 243),
    [
        (72, 79, 88),
        (255, 123, 114),
        (63, 185, 80),
        (210, 153, 34),
        (88, 166, 255),
        (188, 140, 255),
        (57, 197, 207),
        (177, 186, 196),
    ],
    [
        (139, 148, 158),
        (255, 161, 152),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (240, 246, 252),
    ],
)


def in_a_terminal(command: list[str], folder: Path) -> str:
    """What a command prints to a terminal, colours included, then what it writes to stderr.

    Stderr is a pipe, so that no progress bar is drawn.
    """
    ours, its = pty.openpty()
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "C2LLM_HOME": home, "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=its, stdout=its, stderr=subprocess.PIPE
        )
        os.close(its)
        with os.fdopen(ours, "rb") as terminal:
            parts: list[bytes] = []
            with suppress(OSError):  # Linux raises when the other end is closed
                while part := terminal.read1():
                    parts.append(part)
        _, notes = process.communicate()
        if process.returncode:
            sys.exit(notes.decode(errors="replace"))
    return (b"".join(parts) + notes).decode().replace("\r\n", "\n")


def drawn(text: str, theme: TerminalTheme) -> str:
    """The text as SVG, in a font of the reader's machine."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor")
    console.print(Text.from_ansi(text), soft_wrap=False)
    template = re.sub(r"\s*@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    template = template.replace("Fira Code, monospace", FONTS)
    svg = console.export_svg(title="c2llm", theme=theme, code_format=template, unique_id="search")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> None:
    """Run the search and write both pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--query", default=QUERY)
    parser.add_argument("--folder", type=Path, default=ROOT, help="where the command is typed")
    parser.add_argument("--path", default="src", help="what is searched, seen from there")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    typed = ["search", options.query, options.path, "-k", "3"]
    told = in_a_terminal([sys.executable, "-m", "c2llm", *typed], options.folder)
    told = told.replace(str((options.folder / options.path).resolve()), options.path)
    shown = f'\x1b[1m$ c2llm search "{options.query}" {options.path} -k 3\x1b[0m\n{told.rstrip()}\n'
    options.out.mkdir(parents=True, exist_ok=True)
    for name, theme in (("light", LIGHT), ("dark", DARK)):
        (options.out / f"search-{name}.svg").write_text(drawn(shown, theme), encoding="utf-8")


if __name__ == "__main__":
    main()
