"""Take the pictures of the search page that the README shows, light and dark, of a real server.

    python tools/page_picture.py

starts `c2llm serve` on this repository's `src` with an empty cache, asks it in headless Chromium,
and writes `docs/images/page-light.webp` and `page-dark.webp`. Fonts are those of the machine;
Debian's fonts-inter and fonts-jetbrains-mono are what the style sheet asks for first.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
QUERY = "which function is around this line"
WIDTH, HEIGHT, SCALE = 1280, 860, 1.5
QUALITY = 86
MOST_BYTES = 300_000


@contextmanager
def served(folders: list[Path]) -> Iterator[str]:
    """The address of a server of some repositories, which ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "C2LLM_HOME": home, "C2LLM_CONFIG": ""}
        command = [sys.executable, "-m", "c2llm", "serve", *map(str, folders), "--port", str(port)]
        server = subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        try:
            assert server.stderr is not None
            for line in server.stderr:
                if line.startswith("Serving "):
                    break
            else:
                sys.exit("the server did not start")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.communicate()


def pictures(address: str, query: str, chromium: str) -> Iterator[tuple[str, bytes]]:
    """The page with its answer, explained, as PNG: (`light` or `dark`, bytes)."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT},
                device_scale_factor=SCALE,
                color_scheme=scheme,
            )
            page.set_default_timeout(120_000)
            page.goto(f"{address}/?q={quote(query)}")
            shaded = page.locator(".result").nth(2).locator(".line[data-shade]").first
            expect(shaded).to_be_attached(timeout=120_000)
            page.keyboard.press("Escape")
            page.keyboard.press("j")
            page.mouse.move(WIDTH - 5, HEIGHT - 5)
            page.evaluate("scrollTo(0, 0)")
            yield scheme, page.screenshot()
            page.close()
        browser.close()


def main() -> None:
    """Start a server, ask it, and write both pictures."""
    from PIL import Image

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "src"])
    parser.add_argument("--query", default=QUERY)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium: apt-get install chromium")
    options.out.mkdir(parents=True, exist_ok=True)
    with served(options.folders) as address:
        for scheme, content in pictures(address, options.query, chromium):
            path = options.out / f"page-{scheme}.webp"
            Image.open(io.BytesIO(content)).save(path, quality=QUALITY, method=6)
            if path.stat().st_size > MOST_BYTES:
                sys.exit(f"{path} has more than {MOST_BYTES:,} bytes; lower QUALITY")


if __name__ == "__main__":
    main()
