"""`c2llm embed` and `c2llm models` as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.training.export.onnx_export import export_onnx
from tests.tiny import save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = save_tiny_model(tmp_path_factory.mktemp("m") / "tiny", prompts={"query": "parse "})
    export_onnx(path, path)
    return path


def run(*args, stdin=""):
    command = [sys.executable, "-m", "c2llm", *map(str, args)]
    return subprocess.run(
        command, input=stdin.encode(), capture_output=True, check=False, timeout=120
    )


def test_lines_of_stdin_become_json_lines(model):
    done = run("embed", "--as", "query", "--model", model, stdin="get http\n\nclass file\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["source"] for row in rows] == ["-:1", "-:3"]
    want = Encoder.load(model).encode_queries(["get http", "class file"])
    np.testing.assert_allclose([row["vector"] for row in rows], want, atol=1e-5)


def test_files_become_a_matrix(model, tmp_path):
    (tmp_path / "a.py").write_text("def get ( ) :")
    (tmp_path / "b.py").write_bytes(b"class \xff\xfe")
    out = tmp_path / "v.npy"
    done = run(
        "embed", tmp_path / "a.py", tmp_path / "b.py", "--model", model, "--out", out, "--json"
    )
    assert json.loads(done.stdout) == {
        "model": "tiny",
        "dim": 32,
        "count": 2,
        "out": str(out),
    }
    matrix = np.load(out)
    assert matrix.shape == (2, 32) and matrix.dtype == np.float32
    np.testing.assert_array_equal(
        matrix, Encoder.load(model).encode_documents(["def get ( ) :", "class ��"])
    )


def test_lines_of_a_file_become_jsonl(model, tmp_path):
    (tmp_path / "q.txt").write_text("get\nhttp\r\n")
    out = tmp_path / "v.jsonl"
    assert run("embed", "--lines", tmp_path / "q.txt", "--model", model, "--out", out).stdout == b""
    rows = [json.loads(line) for line in out.open()]
    assert [row["source"].rsplit(":", 1)[1] for row in rows] == ["1", "2"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere.py"], "Cannot read nowhere.py: No such file or directory."),
        (["--out", "x.csv"], "must end in .npy or .jsonl"),
        (["--model", "gpt"], "Unknown model 'gpt'"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(model, args, message):
    extra = [] if "--model" in args else ["--model", model]
    done = run("embed", *args, *extra, stdin="x\n")
    assert done.returncode == 2 and done.stdout == b""
    errors = done.stderr.decode().strip().splitlines()
    assert len(errors) == 1 and message in errors[0]


def test_models_lists_what_is_shipped():
    done = run("models", "--json")
    models = {row["name"]: row for row in json.loads(done.stdout)["models"]}
    assert models["c2llm-mini"]["default"]
    assert models["c2llm-mini"]["megabytes"] < 30
    assert b"c2llm-mini*" in run("models").stdout


def test_help_names_every_verb_and_imports_none_of_them():
    done = run("--help")
    for verb in ("search", "index", "status", "clear", "embed", "models", "train", "eval"):
        assert f"  {verb} ".encode() in done.stdout
    code = (
        "import sys; from c2llm.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'onnxruntime', 'tokenizers', 'torch', 'rich', 'sqlite3'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
