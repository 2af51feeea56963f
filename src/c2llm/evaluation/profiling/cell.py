"""One measurement: a model and an engine at one batch and length, in a process of its own.

A process of its own, because memory that one measurement has touched would count for the next one.
The peak is the kernel's high-water mark of resident memory (`VmHWM`), which starts anew with a
program; `ru_maxrss`, taken where there is no /proc, may be inherited from the parent.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c2llm.errors import UsageError
from c2llm.evaluation.profiling.shape import named_shape

if TYPE_CHECKING:
    from c2llm.encoding.engines import Engine

META = "meta"
"""The engine that computes nothing: shapes alone go through the network, torch counts."""
RANDOM = "torch-random"
"""The network with random weights, for shapes whose weights are not there."""
_FEWEST_RUNS = 3
_MOST_RUNS = 1000


@dataclass(frozen=True, slots=True)
class Cell:
    """What is to be measured."""

    model: str
    """A model, or `shape:NAME`."""
    engine: str
    """`table`, `onnx`, `torch`; for shapes `torch-random` or `meta`."""
    batch: int
    length: int
    threads: int
    """0 for all cores."""
    dtype: str
    """`float32` or `bfloat16`; of the torch engines."""
    seconds: float
    """Time to measure for; three runs are made at least."""


@dataclass(frozen=True)
class Measurement:
    """What came of it; nothing was run where torch only counted."""

    load_seconds: float
    latencies_ms: tuple[float, ...]
    """Of each run after the first, in order."""
    first_ms: float
    """Of the first run, which also allocates."""
    start_bytes: int
    """Resident memory of the process before the model."""
    loaded_bytes: int
    """After loading it."""
    peak_bytes: int
    """The most there was at any time."""
    counted_flops: int | None
    """As torch's counter gives them; of `meta` only."""


def measure(cell: Cell) -> Measurement:
    """Measure in this process, which should do nothing else.

    Raises:
        UsageError: for an unknown model, engine or dtype.
        ModelError: for a model that cannot be loaded.
    """
    import numpy.random  # noqa: F401  belongs to the start, not to the model

    start = resident_bytes()
    if cell.engine == META:
        return _count_on_meta(cell, start)
    begun = time.perf_counter()
    run, vocabulary = _load(cell)
    load_seconds = time.perf_counter() - begun
    loaded = resident_bytes()
    ids, mask = _tokens(cell, vocabulary)
    first = _milliseconds(lambda: run(ids, mask))
    latencies: list[float] = []
    ending = time.perf_counter() + cell.seconds
    while len(latencies) < _FEWEST_RUNS or (
        time.perf_counter() < ending and len(latencies) < _MOST_RUNS
    ):
        latencies.append(_milliseconds(lambda: run(ids, mask)))
    return Measurement(
        load_seconds, tuple(latencies), first, start, loaded, peak_resident_bytes(), None
    )


def _load(cell: Cell) -> tuple[Callable[[Any, Any], object], int]:
    """What runs a batch, and the number of tokens there are."""
    if cell.engine == RANDOM:
        return _random_torch(cell)
    from c2llm.encoding.engines import OnnxEngine, TorchEngine
    from c2llm.encoding.model_folder import open_folder
    from c2llm.encoding.table import TableEngine

    folder = open_folder(cell.model, cell.engine)
    engine: Engine
    if cell.engine == "torch":
        _set_torch_threads(cell.threads)
        engine = TorchEngine(folder.path)
    elif cell.engine == "table":
        engine = TableEngine(folder.file("table"))
    else:
        engine = OnnxEngine(folder.file("onnx"), cell.threads)
    return engine.run, folder.vocabulary


def _random_torch(cell: Cell) -> tuple[Callable[[Any, Any], object], int]:
    import torch

    from c2llm.modeling.config import C2LLMConfig
    from c2llm.modeling.model import C2LLMModel

    _set_torch_threads(cell.threads)
    shape = named_shape(cell.model)
    dtype = torch_dtype(cell.dtype)
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        model = C2LLMModel(C2LLMConfig(**shape.config())).eval()
    finally:
        torch.set_default_dtype(default)

    def run(ids: NDArray[np.int64], mask: NDArray[np.int64]) -> object:
        with torch.inference_mode():
            return model.embed(torch.from_numpy(ids), torch.from_numpy(mask))

    return run, shape.vocabulary


def _count_on_meta(cell: Cell, start: int) -> Measurement:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from c2llm.modeling.config import C2LLMConfig
    from c2llm.modeling.model import C2LLMModel

    begun = time.perf_counter()
    config = C2LLMConfig(**named_shape(cell.model).config())
    assert config.backbone is not None
    # The fused kernels ask for values, of which there are none.
    config.backbone._attn_implementation = "eager"
    with torch.device("meta"):
        model = C2LLMModel(config).eval()
        ids = torch.zeros(cell.batch, cell.length, dtype=torch.long)
    load_seconds = time.perf_counter() - begun
    with FlopCounterMode(display=False) as counter:
        model(ids, torch.ones_like(ids))
    return Measurement(
        load_seconds,
        (),
        0.0,
        start,
        start,
        peak_resident_bytes(),
        int(counter.get_total_flops()),
    )


def torch_dtype(name: str) -> Any:
    """The torch dtype of a name.

    Raises:
        UsageError: for any but `float32` and `bfloat16`.
    """
    import torch

    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name not in dtypes:
        raise UsageError(f"dtype is {' or '.join(dtypes)}, not {name!r}.")
    return dtypes[name]


def _set_torch_threads(threads: int) -> None:
    import torch

    if threads:
        torch.set_num_threads(threads)


def _tokens(cell: Cell, vocabulary: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Random token ids and a full mask, both (B, L)."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, vocabulary, size=(cell.batch, cell.length), dtype=np.int64)
    return ids, np.ones_like(ids)


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def resident_bytes() -> int:
    """Resident memory now; the peak so far where the system does not tell."""
    return _status("VmRSS") or peak_resident_bytes()


def peak_resident_bytes() -> int:
    """The most resident memory that this program has had."""
    peak = _status("VmHWM")
    if peak:
        return peak
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(field: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    for line in lines.splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0
