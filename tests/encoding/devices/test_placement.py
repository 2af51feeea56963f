"""Devices and numbers: what may be asked for, what is refused, what does not change a vector."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from c2llm import Encoder
from c2llm.encoding.devices.placement import Placement
from c2llm.encoding.devices.replicas import Replicas
from c2llm.encoding.devices.torch_devices import torch_devices
from c2llm.encoding.engines import TorchEngine
from c2llm.encoding.model_folder import open_folder
from c2llm.errors import UsageError
from tests.tiny import save_tiny_model, tiny_model, tiny_tokenizer

TEXTS = ["def parse toml", "http get", "class response ( a )", "return b", ""] * 7


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tiny")
    save_tiny_model(path)
    return path


@pytest.fixture(scope="module")
def narrow_folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("narrow")
    tiny_model().to(torch.bfloat16).save_pretrained(path)
    tiny_tokenizer().save(str(path / "tokenizer.json"))
    return path


@pytest.fixture
def two_gpus(monkeypatch):
    """A machine with two GPUs, as far as torch is asked about them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        (["auto"], ["cuda:0"]),
        (["cuda"], ["cuda:0"]),
        (["cuda:*"], ["cuda:0", "cuda:1"]),
        (["cuda:1", "cpu", "cuda:1"], ["cuda:1", "cpu"]),
        (["cuda", "cuda:0"], ["cuda:0"]),
    ],
)
def test_names_become_devices(two_gpus, asked, got):
    assert [str(device) for device in torch_devices(asked)] == got


def test_a_gpu_that_is_not_there_is_named(two_gpus):
    with pytest.raises(UsageError, match=r"There is no cuda:2: this machine has 2 GPUs, cuda:0 to"):
        torch_devices(["cuda:2"])


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "cuda:*"])
@pytest.mark.parametrize(("built_for", "why"), [(None, "for the CPU alone"), ("13.0", "no GPU")])
def test_without_a_gpu_one_sentence_says_so(monkeypatch, folder, name, built_for, why):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    with pytest.raises(UsageError, match=why):
        Encoder.load(folder, device=name)


def test_auto_is_the_cpu_where_there_is_nothing_else(folder):
    assert [str(device) for device in torch_devices(["auto"])] == ["cpu"]
    vectors = Encoder.load(folder, device="auto").encode_documents(TEXTS)
    assert (vectors == Encoder.load(folder).encode_documents(TEXTS)).all()


@pytest.mark.parametrize("name", ["gpu0!", "", "cuda:0;cpu", "cuda:-1", "nonsense", "cpu,"])
def test_what_is_no_device_is_refused(folder, name):
    if name == "":
        assert Placement.of(open_folder(folder), name, None).devices == ("cpu",)
        return
    with pytest.raises(UsageError, match="device"):
        Encoder.load(folder, device=name)


def test_the_weights_own_numbers_are_taken_off_the_cpu(folder, narrow_folder):
    """A checkpoint of 15 GB must not become one of 30 where it is sent to a GPU."""
    on_gpu = Placement(("cuda",))
    assert on_gpu.numbers(open_folder(narrow_folder)) == "bfloat16"
    assert on_gpu.numbers(open_folder(folder)) == "float32"
    assert Placement().numbers(open_folder(narrow_folder)) == "float32"
    assert Placement(("cuda",), "float16").numbers(open_folder(narrow_folder)) == "float16"


def test_another_device_loads_the_whole_model_there(narrow_folder):
    engine = TorchEngine(narrow_folder, torch.device("meta"), "bfloat16")
    assert {p.device.type for p in engine._model.parameters()} == {"meta"}
    assert engine._model.dtype == torch.bfloat16
    assert engine.token_budget > TorchEngine(narrow_folder).token_budget


@pytest.mark.parametrize("loader", ["ours", "transformers"])
def test_auto_is_the_dtype_of_the_weights(folder, narrow_folder, loader):
    from transformers import AutoModel

    from c2llm import C2LLMModel

    load = C2LLMModel.from_pretrained if loader == "ours" else AutoModel.from_pretrained
    assert load(narrow_folder, dtype="auto").dtype == torch.bfloat16
    assert load(folder, dtype="auto").dtype == torch.float32


def test_numbers_that_change_vectors_change_the_fingerprint(folder, narrow_folder):
    plain = Encoder.load(folder)
    assert Encoder.load(folder, dtype="float32").fingerprint == plain.fingerprint
    assert Encoder.load(folder, dtype="bfloat16").fingerprint != plain.fingerprint
    narrow = open_folder(narrow_folder)
    assert Placement(("cuda",)).mark(narrow) == "-bfloat16" and not Placement().mark(narrow)


def test_what_is_wished_for_all_models_is_no_order(folder, monkeypatch):
    monkeypatch.setenv("C2LLM_DTYPE", "bfloat16")
    monkeypatch.setenv("C2LLM_DEVICE", "cpu")
    assert Encoder.load(folder).fingerprint.endswith("-bfloat16")
    assert (
        Encoder.load(folder, dtype="float32").fingerprint
        == Encoder.load(folder, device="cpu", dtype="float32").fingerprint
    )
    monkeypatch.setenv("C2LLM_DEVICE", "cuda:7")
    assert Encoder.load("c2llm-nano").dim  # the table engine has no device to be moved from
    with pytest.raises(UsageError, match="cuda:7"):
        Encoder.load(folder)


@pytest.mark.parametrize(
    ("option", "why"), [({"device": "cuda"}, "CPU alone"), ({"dtype": "float16"}, "dtype is for")]
)
def test_an_order_to_an_engine_without_a_choice_is_refused(option, why):
    with pytest.raises(UsageError, match=why):
        Encoder.load("c2llm-nano", **option)


class _Recording:
    """An engine that says which replica answered, once both are at work."""

    token_budget, streams, token_level = 64, 1, True

    def __init__(self, number: int, together: threading.Barrier) -> None:
        self.number, self._together = number, together

    def run(self, input_ids, attention_mask):
        self._together.wait(timeout=30)  # two calls at a time, on two replicas
        return np.full((len(input_ids), 1), self.number, dtype=np.float32)

    def tokens(self, input_ids, attention_mask):
        raise MemoryError

    readout = tokens


def test_replicas_work_at_the_same_time():
    together = threading.Barrier(2)
    engine = Replicas([_Recording(number, together) for number in range(2)])
    ids = np.zeros((1, 4), dtype=np.int64)
    seen: list[float] = []
    threads = [
        threading.Thread(target=lambda: seen.append(float(engine.run(ids, ids)[0, 0])))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [0.0, 1.0] and engine.streams == 2


def test_a_replica_that_fails_is_free_again():
    engine = Replicas([_Recording(0, threading.Barrier(1))])
    ids = np.zeros((1, 4), dtype=np.int64)
    for _ in range(3):
        with pytest.raises(MemoryError):
            engine.tokens(ids, ids)
    assert engine.run(ids, ids).shape == (1, 1)


def test_several_devices_give_the_vectors_of_one(folder, monkeypatch):
    """Two replicas on the CPU stand for two GPUs: texts are dealt, vectors stay in their places."""
    import c2llm.encoding.devices.torch_devices as there

    one = Encoder.load(folder).adapted(token_budget=8)
    monkeypatch.setattr(there, "torch_devices", lambda names: [torch.device("cpu")] * 2)
    two = Encoder.load(folder, device=["cuda:0", "cuda:1"]).adapted(token_budget=8)
    assert two._engine.streams == 2
    assert (two.encode_documents(TEXTS) == one.encode_documents(TEXTS)).all()
    assert two.fingerprint == one.fingerprint


def test_a_device_that_is_too_small_is_told(folder, monkeypatch):
    def to(self, device):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    from c2llm import C2LLMModel

    monkeypatch.setattr(C2LLMModel, "to", to)
    with pytest.raises(UsageError, match=r"does not fit into the memory of meta"):
        TorchEngine(folder, torch.device("meta"))
