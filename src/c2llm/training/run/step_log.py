"""What each step did: RUN/metrics.jsonl, a line a step, and TensorBoard where it is asked for."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from c2llm.errors import UsageError


@dataclass(frozen=True)
class StepReport:
    """What one step did."""

    step: int
    steps: int
    loss: float
    group: str
    tokens_per_second: float
    learning_rate: float
    validation_mrr: float | None = None
    validation_ndcg_at_10: float | None = None
    gradient_norm: float | None = None
    """Before clipping."""


class StepLog:
    """Writes step reports; a resumed run writes its steps over those after its checkpoint.

    Args:
        run: the run's folder.
        step: steps done so far.
        tensorboard: also write RUN/tensorboard.

    Raises:
        UsageError: if TensorBoard is asked for and not installed.
    """

    def __init__(self, run: Path, step: int, *, tensorboard: bool) -> None:
        self._path = run / "metrics.jsonl"
        self._forget_after(step)
        self._board: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise UsageError(
                    "run.tensorboard needs tensorboard: install it with pip install 'c2llm[train]'."
                ) from error
            self._board = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def write(self, report: StepReport) -> None:
        """Add one step."""
        fields = asdict(report)
        with self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(fields) + "\n")
        if self._board is not None:
            for name, value in fields.items():
                if isinstance(value, float):
                    self._board.add_scalar(name, value, report.step)
            self._board.add_scalar(f"loss/{report.group}", report.loss, report.step)

    def close(self) -> None:
        """Flush."""
        if self._board is not None:
            self._board.close()

    def _forget_after(self, step: int) -> None:
        if not self._path.exists():
            return
        kept = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line may be cut off by kill -9
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
        part = self._path.with_name(self._path.name + ".part")
        part.write_text("".join(kept), encoding="utf-8")
        part.replace(self._path)
