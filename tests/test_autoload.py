"""`import c2llm` is all that the auto classes need, whichever is imported first, and is cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tiny import save_tiny_model


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    "imports",
    [
        "import c2llm; from transformers import AutoModel",
        "import c2llm, transformers; AutoModel = transformers.AutoModel",
        "from transformers import AutoModel; import c2llm",
    ],
)
def test_auto_classes_know_the_model(tmp_path, imports):
    save_tiny_model(tmp_path)
    code = f"{imports}; print(type(AutoModel.from_pretrained({str(tmp_path)!r})).__name__)"
    assert run(code) == "C2LLMModel"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, c2llm; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert run(code) == "[]"


def test_auto_classes_work_where_our_model_cannot_be_imported():
    code = (
        "import sys; sys.modules['c2llm.modeling.model'] = None; import c2llm;"
        "from transformers import AutoModel; print(AutoModel.__name__)"
    )
    assert run(code) == "AutoModel"
