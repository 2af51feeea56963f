"""Which rows of the pair files are for evaluation; training must drop exactly these.

Three rules, chosen by what a file is:

- `all`: the whole file is for evaluation.
- `split`: rows whose `split` is `dev` or `test`; the file has training rows beside them.
- `tenth`: rows that `training.data.in_held_out_tenth` keeps from training; the file has no split.

Held-out rows may still repeat texts of training rows (63 of the 367 questions of nl2bash do), so
training also drops rows whose texts repeat a held-out one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from c2llm.errors import UsageError
from c2llm.training.data.pair_loading import in_held_out_tenth

EVALUATION_SPLITS = frozenset({"dev", "test"})


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The rows of one file that only evaluation may use."""

    file: str
    """Name in the data directory, without `.gz`."""
    rule: Literal["all", "split", "tenth"]

    def covers(self, id: str, split: str) -> bool:
        """Whether the row with this `id` and `split` is held out."""
        if self.rule == "split":
            return split in EVALUATION_SPLITS
        return self.rule == "all" or in_held_out_tenth(id)


HELD_OUT: dict[str, HeldOut] = {
    "cosqa": HeldOut("cosqa_retrieval", "all"),
    "csn_cloze": HeldOut("csn_cloze_maxmin.jsonl", "all"),
    "mxeval": HeldOut("mxeval.jsonl", "all"),
    "mxeval_code": HeldOut("mxeval.jsonl", "all"),
    "mathqa": HeldOut("mxeval.jsonl", "all"),
    "webquery": HeldOut("webquery_test.jsonl", "all"),
    "nl2bash": HeldOut("nl2bash.jsonl", "split"),
    "text2sql": HeldOut("text2sql_advising.jsonl", "split"),
    "codenn": HeldOut("codenn_stackoverflow.jsonl", "tenth"),
}


def held_out(task: str) -> HeldOut:
    """The rows that the task `task` is made of.

    Raises:
        UsageError: if there is no such task.
    """
    if task not in HELD_OUT:
        raise UsageError(f"No task is named {task!r}; there are {', '.join(HELD_OUT)}.")
    return HELD_OUT[task]
