"""The shape of C2LLM-0.5B exports in every precision within 6 GB of resident memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from c2llm.encoding.model_folder import open_folder
from c2llm.training.export.constants import DATA
from tests.modeling import official_layout
from tests.modeling.official_layout import random_tensors, write_official

MOST_BYTES = 6e9
TRUE_SIZE = {
    "hidden_size": 896,
    "compressed_dim": 896,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "intermediate_size": 4864,
    "vocab_size": 151936,
    "pma_num_heads": 32,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The published layout at its true size: random weights, small as those of a trained layer."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in TRUE_SIZE.items():
            patch.setitem(official_layout.CONFIG, name, size)
        tensors = random_tensors(dtype=torch.bfloat16)
        for tensor in tensors.values():
            if tensor.ndim == 2:
                tensor.mul_(1 / 15)
        return write_official(tmp_path_factory.mktemp("true-size") / "model", tensors)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="peak memory of a child is asked by wait4")
@pytest.mark.parametrize(
    ("precision", "gigabytes"), [("", 2.0), ("--fp16", 1.0), ("--int8", 0.52), ("--int4", 0.38)]
)
def test_it_exports_within_six_gigabytes(published, tmp_path, precision, gigabytes):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "c2llm", "export", published, "--out", out]
    child = subprocess.Popen([*map(str, command), *precision.split()])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    kibibytes = 1 if sys.platform == "darwin" else 1024
    assert usage.ru_maxrss * kibibytes < MOST_BYTES
    size = sum((out / name).stat().st_size for name in ("model.onnx", DATA))
    assert size / 1e9 == pytest.approx(gigabytes, rel=0.1)
    assert open_folder(out).engine == "onnx"
