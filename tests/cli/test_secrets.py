"""What a user sees of files that hold secrets: they are named, and answer nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c2llm.codebase.files.secret_files import VARIABLE
from tests.cli.test_search_forms import lexical, project, run
from tests.trees import write_tree

__all__ = ["project"]


def test_secrets_are_named_and_answer_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    write_tree(
        project,
        {
            ".env": "WIZARD_TOKEN=abc\n",
            "deploy/server.key": "wizard_token\n",
            "deploy/door": "-----BEGIN OPENSSH PRIVATE KEY-----\nwizard_token\n",
            ".c2llmignore": "!.env\n!*.key\n",
        },
    )
    assert "WIZARD_TOKEN" not in str(lexical("search", "WIZARD_TOKEN", project))
    said = run("status", project)
    assert "secrets   left out: '.env', 'deploy/door', 'deploy/server.key'" in said.stdout
    status = json.loads(run("status", project, "--json").stdout)
    assert status["skipped_by_reason"]["secret"] == 3
    monkeypatch.setenv(VARIABLE, "1")
    found = {str(hit["path"]) for hit in lexical("search", "WIZARD_TOKEN", project)}
    assert {".env", "deploy/server.key", "deploy/door"} <= found
    monkeypatch.delenv(VARIABLE)
    assert "WIZARD_TOKEN" not in str(lexical("search", "WIZARD_TOKEN", project))
