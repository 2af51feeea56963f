"""A real server on a real socket, and Chromium to look at its page with."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from c2llm.serving.http.app import create_app
from c2llm.serving.http.service import ServeSettings, Service
from c2llm.serving.listener import listening
from c2llm.serving.open_indexes import OpenIndexes
from c2llm.serving.repositories import Repositories
from c2llm.serving.tenants import Tenants

MODEL = "c2llm-nano"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def served(*folders: Path, tenants: Tenants | None = None) -> Iterator[str]:
    """The address of a server of these repositories."""
    service = Service(
        ServeSettings(MODEL, folders),
        OpenIndexes(MODEL),
        Repositories(folders),
        tenants=tenants or Tenants(),
    )
    listener = listening("127.0.0.1", 0)
    config = uvicorn.Config(create_app(service), log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        service.workers.close()
        service.indexes.close()
        listener.close()


@contextmanager
def chromium() -> Iterator[object]:
    """A headless browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()
