"""What is adapted: which of its weights can be trained, and the form that it is served in.

table.npz            restored to weights (`export/from_table.py`), written as a table again
model.onnx           restored (`export/from_onnx.py`), written as a graph of its precision again
model.safetensors    trained as it is; written as a table where the backbone is static, else as a
                     graph, in float32 unless a graph or table beside it says otherwise
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from c2llm.encoding.model_folder import ENGINE_FILES, open_folder
from c2llm.encoding.table import read_table
from c2llm.errors import UsageError
from c2llm.modeling.config import C2LLMConfig, StaticConfig, read_model_config
from c2llm.modeling.weight_files import has_weights
from c2llm.training.export.from_onnx import graph_precision
from c2llm.training.export.onnx_export import Precision, export_onnx
from c2llm.training.export.table_export import TABLE, export_table

MODES = ("lora", "full", "pooler")
"""What can be tuned: adapters and the pooling, all weights, the pooling alone."""
_GRAPH = ENGINE_FILES["onnx"]
_RESTORED = "pma"
"""The pooling that comes back from an export."""


@dataclass(frozen=True)
class AdaptBase:
    """A model that can be adapted."""

    name: str
    """As the user named it."""
    folder: Path
    fingerprint: str
    """Of all that decides its vectors."""
    has_weights: bool
    """It can be trained as it is; else it is restored first."""
    is_static: bool
    """Its backbone has no layers: training moves a row for each token."""
    as_table: bool
    """A candidate is written as a table, else as a graph."""
    precision: Precision
    modes: tuple[str, ...]
    """What can be tuned, the default first."""

    def mode(self, asked: str | None) -> str:
        """What is tuned.

        Raises:
            UsageError: if that is nothing of this model.
        """
        if asked is None or asked in self.modes:
            return asked or self.modes[0]
        raise UsageError(
            f"{self.name} cannot be tuned by {asked!r}: it has "
            f"{'no layers for adapters' if asked == 'lora' else 'no pooling to train alone'}; "
            f"leave --tune out or take {' or '.join(self.modes)}."
        )

    def write(self, weights: Path, out: Path) -> None:
        """Write a candidate in the form that the model has.

        Args:
            weights: folder with the candidate's safetensors.
            out: an empty folder.

        Raises:
            ModelError: if what is written does not agree with the weights.
        """
        if self.as_table:
            export_table(weights, out, int8=self.precision == "int8")
        else:
            export_onnx(weights, out, precision=self.precision)


def open_base(name: str) -> AdaptBase:
    """Find a model that is to be adapted.

    Args:
        name: a shipped model, a folder or a hub id.

    Raises:
        UsageError: if there is none, or it has nothing that can be trained.
        ModelError: if its folder is damaged.
    """
    found = open_folder(name)
    folder = found.path
    config = read_model_config(folder)
    weights, graph, table = has_weights(folder), folder / _GRAPH, folder / TABLE
    is_static = isinstance(config.backbone, StaticConfig)
    as_table = is_static and config.pooling != "last"
    precision: Precision = "fp32"
    if as_table and table.is_file():
        precision = "int8" if "value_scale" in read_table(table) else "fp32"
    elif not as_table and graph.is_file():
        precision = graph_precision(graph)
    if not weights:
        if config.pooling != _RESTORED:
            raise _refusal(name, f"pools by {config.pooling!r}")
        if precision == "int4":
            raise _refusal(name, "is rounded to four bits")
    return AdaptBase(
        name=name,
        folder=folder,
        fingerprint=found.fingerprint(found.engine),
        has_weights=weights,
        is_static=is_static,
        as_table=as_table,
        precision=precision,
        modes=_modes(config, is_static),
    )


def _refusal(name: str, what: str) -> UsageError:
    return UsageError(
        f"{name} {what} and has no safetensors, so its weights cannot be restored: give the folder "
        "that it was exported from, or another model, as --model."
    )


def _modes(config: C2LLMConfig, is_static: bool) -> tuple[str, ...]:
    # Repeated tokens are counted by their ids, which kept states no longer have.
    pooled = config.pooling not in ("mean", "last") and config.tf_power == 1
    can = {"lora": not is_static, "full": True, "pooler": pooled}
    return tuple(mode for mode in MODES if can[mode])
