"""What a search loads of an index that is fresh: no more than its answer is made of."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from c2llm.encoding.model_folder import shipped_models

HEAVY = {
    "numpy",
    "onnxruntime",
    "tokenizers",
    "tree_sitter",
    "tree_sitter_language_pack",
    "snowballstemmer",
    "watchfiles",
    "usearch",
    "pygments",
    "rich",
    "prompt_toolkit",
    "chardet",
    "difflib",
    "importlib.resources",
    "c2llm.codebase.files.generated",
    "c2llm.codebase.syntax",
}
RUN = """
import json, sys
from c2llm.cli.main import main
main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
QUESTION = "where is the retry delay doubled"

needs_models = pytest.mark.skipif(
    not {"c2llm-mini", "c2llm-nano"} <= shipped_models().keys(), reason="no shipped models"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home whose index of `tree` is complete."""
    home = tmp_path_factory.mktemp("home")
    tree = home / "tree"
    tree.mkdir()
    (tree / "retry.py").write_text("def backoff(delay):\n    return delay * 2  # the next retry\n")
    (tree / "toml.py").write_text("def parse(path):\n    return path.read_text()\n")
    for file in tree.iterdir():
        os.utime(file, (1e9, 1e9))  # what was written this moment is read again the next time
    return home


def loaded(home, *arguments, question=QUESTION):
    """The answer, and which of `HEAVY` the process has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, "search", question, str(home / "tree"), "--json", *arguments],
        capture_output=True,
        env=os.environ | {"C2LLM_HOME": str(home / "home")},
        check=True,
    )
    answer = json.loads(done.stdout)
    del answer["took_ms"]
    return answer, HEAVY & set(json.loads(done.stderr.decode().splitlines()[-1]))


def test_words_need_no_numbers(home):
    loaded(home, "--mode", "lexical")
    answer, heavy = loaded(home, "--mode", "lexical")
    assert answer["results"][0]["path"] == "retry.py"
    assert heavy == set()


@needs_models
def test_a_table_needs_numpy_alone(home):
    loaded(home, "--model", "c2llm-nano")
    answer, heavy = loaded(home, "--model", "c2llm-nano")
    assert answer["results"][0]["path"] == "retry.py"
    assert heavy == {"numpy"}


@needs_models
def test_a_question_that_was_asked_before_waits_for_no_model(home):
    first, heavy = loaded(home)
    assert "onnxruntime" in heavy and "tokenizers" not in heavy
    again, heavy = loaded(home)
    assert again["results"] == first["results"]
    assert heavy == {"numpy"}
    changed_file = home / "tree" / "retry.py"
    changed_file.write_text("def backoff(delay):\n    return 3 * delay  # slower\n")
    os.utime(changed_file, (1.1e9, 1.1e9))
    changed, heavy = loaded(home)
    assert "onnxruntime" in heavy  # a candidate has no vector
    assert changed["results"] != first["results"]


@needs_models
def test_a_new_question_takes_no_library_for_its_words(home):
    loaded(home, "--model", "c2llm-nano")
    answer, heavy = loaded(home, "--model", "c2llm-nano", question="what reads a file")
    assert answer["results"][0]["path"] == "toml.py"
    assert heavy == {"numpy"}
