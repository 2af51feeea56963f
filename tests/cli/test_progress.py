"""Where progress is drawn, and where a program that reads the output would stumble over it."""

from __future__ import annotations

import sys

import pytest

from c2llm.cli import output


@pytest.mark.parametrize(
    ("variable", "value"),
    [("TERM", "dumb"), ("TERM", "unknown"), ("INSIDE_EMACS", "28.2,compile")],
)
def test_no_bar_where_the_cursor_cannot_move(
    variable: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(output, "_PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("INSIDE_EMACS", raising=False)
    with output.progress_bar("Reading", 2) as advance:
        advance(1)
        advance(1)
    assert "Reading" in capsys.readouterr().err
    monkeypatch.setenv(variable, value)
    with output.progress_bar("Reading", 2) as advance:
        advance(1)
        advance(1)
    assert capsys.readouterr().err == ""
