"""Engines: padded token ids in, unit vectors out. `onnx` needs no torch; `torch` is the judge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.devices.replicas import Replicas
from c2llm.encoding.onnx_runtime import onnx_runtime
from c2llm.errors import ModelError, UsageError
from c2llm.modeling.model_json import require_regular

if TYPE_CHECKING:
    import torch

    from c2llm.encoding.devices.placement import Placement
    from c2llm.encoding.model_folder import ModelFolder

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

TOKEN_OUTPUTS = ("token_logits", "token_states")
FOLD_AT_LOAD = "c2llm.fold_at_load"
"""Metadata of a graph whose constants are stored narrow, to be widened when it is loaded."""


@dataclass(frozen=True, slots=True)
class TokenLevel:
    """A batch with what its vectors were made from; L counts padding too."""

    vectors: Vectors
    """Unit vectors (B, dim)."""
    logits: NDArray[np.float32]
    """The pooling's attention before mask and softmax (B, heads, queries, L)."""
    states: NDArray[np.float32]
    """Token states that the pooling averages (B, L, h)."""


class Engine(Protocol):
    """Runs the network on one padded batch."""

    @property
    def token_budget(self) -> int:
        """Padded tokens of one call at which this engine is fastest."""

    @property
    def streams(self) -> int:
        """How many calls are best made side by side, each from a thread of its own."""

    @property
    def token_level(self) -> bool:
        """Whether `tokens` and `readout` work; without them there are vectors only."""

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""

    def tokens(self, input_ids: Ids, attention_mask: Ids) -> TokenLevel:
        """`run` with attention logits and token states."""

    def readout(self, context: NDArray[np.float32], weight_sum: NDArray[np.float32]) -> Vectors:
        """Unit vectors (B, dim) of averaged states (B, heads, queries, h).

        `weight_sum` (B, heads, queries) is 1, or 0 where no token was attended to.
        """


CPU_TOKENS = 1024
"""Enough for full matrix throughput, and so few that what a layer hands to the next is still in the
caches: 4096 took 9 to 21 % longer (c2llm-mini, one thread, texts of 512 to 32 tokens)."""
GRAPH_TOKENS = 512
"""The same for a graph, whose calls run side by side and share a cache."""
DEVICE_TOKENS = 16384
"""A GPU wants large batches. Not measured on one."""


class OnnxEngine:
    """onnxruntime on the CPU.

    Args:
        path: the graph; inputs `input_ids` and `attention_mask`, output `sentence_embedding`, and,
            for what needs tokens, `token_logits` and `token_states` and a `readout.onnx` beside it.
        threads: threads in all; 0 takes all cores.
        streams: calls that will be made side by side. With more than one, each has one thread:
            batches that stay in the caches are too small to be shared among threads, which wait for
            each other after every operator.

    Raises:
        ModelError: if the file is not such a graph.
    """

    token_budget = GRAPH_TOKENS

    def __init__(self, path: Path, threads: int = 0, streams: int = 1) -> None:
        self._path, self.streams = path, streams
        self._session = _session(path, threads if streams == 1 else 1)
        names = {i.name for i in self._session.get_inputs()}
        outputs = {o.name for o in self._session.get_outputs()}
        if names != {"input_ids", "attention_mask"} or "sentence_embedding" not in outputs:
            raise ModelError(
                f"{path} has inputs {sorted(names)} and outputs {sorted(outputs)}, not input_ids, "
                "attention_mask and sentence_embedding; export the model again."
            )
        readout = path.with_name("readout.onnx")
        self.token_level = outputs.issuperset(TOKEN_OUTPUTS) and readout.is_file()

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""
        feed = {"input_ids": input_ids, "attention_mask": attention_mask}
        vectors: Vectors = self._session.run(["sentence_embedding"], feed)[0]
        return vectors

    def tokens(self, input_ids: Ids, attention_mask: Ids) -> TokenLevel:
        """`run` with attention logits and token states."""
        feed = {"input_ids": input_ids, "attention_mask": attention_mask}
        return TokenLevel(*self._session.run(["sentence_embedding", *TOKEN_OUTPUTS], feed))

    def readout(self, context: NDArray[np.float32], weight_sum: NDArray[np.float32]) -> Vectors:
        """Unit vectors (B, dim) of averaged states (B, heads, queries, h)."""
        feed = {"context": context, "weight_sum": weight_sum}
        vectors: Vectors = self._readout.run(["sentence_embedding"], feed)[0]
        return vectors

    @cached_property
    def _readout(self) -> Any:
        # Most uses never need it, and a session costs milliseconds at every start.
        return _session(self._path.with_name("readout.onnx"), 1)


def _session(path: Path, threads: int) -> Any:
    ort = onnx_runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Threads that spin between calls take the cores from the tokenizer, the other graph and the
    # user's own work: off, texts in windows are embedded 1.5 times as fast, others as before.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised as well
    # Export has optimised the graph; doing it again would cost time at every start.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    providers = ["CPUExecutionProvider"]
    require_regular(path)
    try:
        graph = _graph(path)
        session = ort.InferenceSession(graph, options, providers=providers)
        if FOLD_AT_LOAD in session.get_modelmeta().custom_metadata_map:
            del session  # two of a large model need not be in memory
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
            session = ort.InferenceSession(graph, options, providers=providers)
        return session
    except Exception as error:  # onnxruntime raises a family of unrelated classes
        raise ModelError(
            f"{path} cannot be loaded as an ONNX graph; copy the model again "
            f"({' '.join(str(error).split())[:200]})."
        ) from error


def _graph(path: Path) -> str | bytes:
    """What onnxruntime takes: the path, or the file's bytes where the path is not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return path.read_bytes()
    return str(path)


class TorchEngine:
    """The network in torch on one device.

    Args:
        folder: model folder with safetensors weights.
        device: where it runs; None for the CPU.
        dtype: one of `placement.DTYPES`, which it runs in.

    Raises:
        UsageError: without torch installed, or with too little memory on the device.
        ModelError: if the weights do not fit the config.
    """

    token_level = True
    streams = 1

    def __init__(
        self, folder: Path, device: torch.device | None = None, dtype: str = "float32"
    ) -> None:
        import torch

        from c2llm.modeling.model import C2LLMModel

        try:
            model = C2LLMModel.from_pretrained(folder, dtype=dtype)
        except ModelError:
            raise
        except Exception as error:  # safetensors, transformers and torch each raise their own
            raise ModelError(
                f"{folder} cannot be loaded ({' '.join(str(error).split())[:200]}); "
                "copy the model again."
            ) from error
        self._torch, self._device = torch, device or torch.device("cpu")
        self.token_budget = CPU_TOKENS if self._device.type == "cpu" else DEVICE_TOKENS
        try:
            self._model: C2LLMModel = model.eval().to(self._device)
        except torch.OutOfMemoryError as error:
            raise UsageError(
                f"{folder} does not fit into the memory of {device}; free it, choose a narrower "
                "--dtype or another --device."
            ) from error

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""
        with self._torch.inference_mode():
            return _unit(self._model.embed(self._tensor(input_ids), self._tensor(attention_mask)))

    def tokens(self, input_ids: Ids, attention_mask: Ids) -> TokenLevel:
        """`run` with attention logits and token states."""
        torch = self._torch
        with torch.inference_mode():
            output = self._model(self._tensor(input_ids), self._tensor(attention_mask))
            return TokenLevel(
                _unit(output.sentence_embedding),
                _numpy(output.token_logits),
                _numpy(output.token_states),
            )

    def readout(self, context: NDArray[np.float32], weight_sum: NDArray[np.float32]) -> Vectors:
        """Unit vectors (B, dim) of averaged states (B, heads, queries, h)."""
        sums = [self._tensor(a).to(self._model.dtype) for a in (context, weight_sum)]
        with self._torch.inference_mode():
            return _unit(self._model.readout(*sums))

    def _tensor(self, array: NDArray[Any]) -> torch.Tensor:
        return self._torch.from_numpy(array).to(self._device)


def torch_engine(folder: ModelFolder, placement: Placement) -> Engine:
    """The network in torch: on one device, or a replica on each of several.

    Raises:
        UsageError: without torch installed, for a device that is not there, or one too small.
        ModelError: if the weights do not fit the config.
    """
    try:
        from c2llm.encoding.devices.torch_devices import torch_devices

        devices = torch_devices(placement.devices)
        numbers = placement.numbers(folder)
        engines = [TorchEngine(folder.path, device, numbers) for device in devices]
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The torch engine needs {error.name}: pip install 'c2llm[train]'."
        ) from error
    return engines[0] if len(engines) == 1 else Replicas(engines)


def _unit(vectors: torch.Tensor) -> Vectors:
    """Rows of unit length in float32: in bfloat16 a length is only known to half a percent."""
    from torch.nn.functional import normalize

    return _numpy(normalize(vectors.float(), dim=-1))


def _numpy(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
