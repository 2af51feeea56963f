"""A file of 100,000 lines: what the network is given at once does not grow with the file."""

from __future__ import annotations

import numpy as np
import pytest

from c2llm.encoding.encoder import Encoder
from c2llm.encoding.engines import Engine, TorchEngine
from c2llm.encoding.model_folder import open_folder
from tests.tiny import save_tiny_model

LINES = 100_000
MAX_TOKENS = 64


class RecordingEngine:
    """An engine that notes how much it was given: the shape of each call."""

    token_level = True
    token_budget = 1024
    streams = 1

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.shapes: list[tuple[int, ...]] = []
        self.readouts = 0

    def run(self, input_ids, attention_mask):
        self.shapes.append(input_ids.shape)
        return self._engine.run(input_ids, attention_mask)

    def tokens(self, input_ids, attention_mask):
        self.shapes.append(input_ids.shape)
        return self._engine.tokens(input_ids, attention_mask)

    def readout(self, context, weight_sum):
        self.readouts += len(context)
        return self._engine.readout(context, weight_sum)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny"
    return open_folder(save_tiny_model(path, max_tokens=MAX_TOKENS))


@pytest.fixture(scope="module")
def engine(folder):
    return TorchEngine(folder.path)


def largest(shapes):
    return max(rows * length for rows, length in shapes)


@pytest.mark.parametrize("budget", [128, 4096])
def test_no_call_of_the_network_is_larger_than_the_budget(folder, engine, budget):
    lines = LINES if budget == 4096 else LINES // 100
    recording = RecordingEngine(engine)
    encoder = Encoder(folder, recording, token_budget=budget)
    [vector] = encoder.encode_documents(["def a\n" * lines])
    assert np.isfinite(vector).all() and abs(np.linalg.norm(vector) - 1) < 1e-5
    assert all(length <= MAX_TOKENS for _, length in recording.shapes)
    assert largest(recording.shapes) <= budget
    assert sum(rows * length for rows, length in recording.shapes) >= 2 * lines  # all was read
    assert recording.readouts == 1


def test_functions_of_a_long_file_come_from_the_same_bounded_pass(folder, engine):
    recording = RecordingEngine(engine)
    encoder = Encoder(folder, recording)
    text = "def a\n" * (LINES // 10)
    spans = [(start, start + 60) for start in range(0, len(text), 600)]
    _, vectors = encoder.encode_spans(text, spans)
    assert vectors.shape == (len(spans), encoder.dim)
    calls = len(recording.shapes)
    assert largest(recording.shapes) <= encoder.token_budget
    recording.shapes.clear()
    encoder.encode_documents([text])
    # Spans cost no call of their own; only the last window goes alone where spans are asked for.
    assert len(recording.shapes) <= calls <= len(recording.shapes) + 1
