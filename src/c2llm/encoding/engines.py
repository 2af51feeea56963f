"""Engines: padded token ids in, unit vectors out. `onnx` needs no torch; `torch` is the judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from c2llm.errors import ModelError, UsageError

if TYPE_CHECKING:
    import torch

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]


class Engine(Protocol):
    """Runs the network on one padded batch."""

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""


class OnnxEngine:
    """onnxruntime on the CPU.

    Args:
        path: the graph; inputs `input_ids` and `attention_mask`, output `sentence_embedding`.
        threads: threads of one run; 0 lets onnxruntime take all cores.

    Raises:
        ModelError: if the file is not such a graph.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Export has optimised the graph; doing it again would cost 0.1 s at every start.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = ort.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises a family of unrelated classes
            raise ModelError(
                f"{path} cannot be loaded as an ONNX graph; copy the model again "
                f"({' '.join(str(error).split())[:200]})."
            ) from error
        names = {i.name for i in self._session.get_inputs()}
        outputs = {o.name for o in self._session.get_outputs()}
        if names != {"input_ids", "attention_mask"} or "sentence_embedding" not in outputs:
            raise ModelError(
                f"{path} has inputs {sorted(names)} and outputs {sorted(outputs)}, not input_ids, "
                "attention_mask and sentence_embedding; export the model again."
            )

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""
        feed = {"input_ids": input_ids, "attention_mask": attention_mask}
        vectors: Vectors = self._session.run(["sentence_embedding"], feed)[0]
        return vectors


class TorchEngine:
    """The network in torch, fp32, on the CPU or a given device.

    Args:
        folder: model folder with `model.safetensors`.
        device: torch device name.

    Raises:
        UsageError: without torch installed.
        ModelError: if the weights do not fit the config.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        try:
            import torch

            from c2llm.modeling.model import C2LLMModel
        except ModuleNotFoundError as error:
            raise UsageError(
                f"The torch engine needs {error.name}: pip install 'c2llm[train]'."
            ) from error
        try:
            model = C2LLMModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
        except Exception as error:  # safetensors, transformers and torch each raise their own
            raise ModelError(
                f"{folder} cannot be loaded ({' '.join(str(error).split())[:200]}); "
                "copy the model again."
            ) from error
        self._torch, self._device = torch, torch.device(device)
        self._model: torch.nn.Module = model.eval().to(self._device)

    def run(self, input_ids: Ids, attention_mask: Ids) -> Vectors:
        """Unit vectors (B, dim) of token ids and mask, both (B, L)."""
        torch = self._torch
        with torch.inference_mode():
            vectors = self._model.embed(  # type: ignore[operator]
                torch.from_numpy(input_ids).to(self._device),
                torch.from_numpy(attention_mask).to(self._device),
            )
        array: Vectors = vectors.float().cpu().numpy()
        return array
