"""What c2llm-mini loses, before any training, with fewer layers or with pairs of tokens merged.

    c2llm export c2llm-mini --to torch --out FOLDER
    python benchmarks/shorter_networks.py FOLDER --data DATA --keep 0,1,2,4,5 --merge 1 --merge 2

Each `--keep` names the layers that stay, each `--merge` after how many layers two neighbours become
their mean, which then counts twice: its number is a weight in the pooling and, as a logarithm, in
attention (ToMe, Bolya et al. 2023, arXiv 2210.09461, section 3). Merging here goes by place, not by
similarity. For each: NDCG@10 on a subset of the tasks (`--queries`, `--documents`), and the cosine
of queries and of documents with those of the whole network. bf16 in torch on one thread.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from c2llm.encoding.batches import length_batches, pad
from c2llm.encoding.tokens import TextTokenizer
from c2llm.evaluation.retrieval.local_tasks import load_tasks
from c2llm.evaluation.retrieval.retrieval_task import RetrievalTask
from c2llm.evaluation.statistics.metrics import ndcg_at_k
from c2llm.evaluation.tables import markdown_table
from c2llm.modeling.model import C2LLMModel

Floats = NDArray[np.float32]
BATCH_TOKENS = 4096


class Shorter(nn.Module):
    """A BERT with PMA whose layers are `keep`, and whose pairs merge after `merge` layers."""

    def __init__(self, model: C2LLMModel, keep: list[int] | None, merge: int | None) -> None:
        super().__init__()
        self.model, self.merge = model, merge
        layers = model.backbone.encoder.layer
        self.layers = [layers[i] for i in (range(len(layers)) if keep is None else keep)]

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Unit vectors (B, d) of ids and mask (B, L)."""
        states, counts = self.model.backbone.embeddings(input_ids=ids), mask.float()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for number, layer in enumerate(self.layers):
                if number == self.merge:
                    states, counts = merged(states, counts)
                states = self._layer(layer, states, counts)
        pooler, states = self.model.pooler, states.float()
        weight = counts.clamp(min=1e-9).log()
        pooled, _, _ = pooler.pool_states(states, counts > 0, weight)
        return F.normalize(self.model._merge(pooled), dim=-1)

    def _layer(self, layer: nn.Module, states: Tensor, counts: Tensor) -> Tensor:
        own = layer.attention.self
        shape = (*states.shape[:2], own.num_attention_heads, own.attention_head_size)
        query, key, value = (
            linear(states).view(shape).transpose(1, 2) for linear in (own.query, own.key, own.value)
        )
        bias = counts.log().clamp(min=-1e4)[:, None, None, :]
        logits = (query @ key.transpose(-1, -2)).float() * own.scaling + bias
        attended = (logits.softmax(-1).to(value.dtype) @ value).transpose(1, 2).flatten(2)
        output = layer.attention.output
        states = output.LayerNorm(output.dense(attended).float() + states)
        inner = F.gelu(layer.intermediate.dense(states))
        return layer.output.LayerNorm(layer.output.dense(inner).float() + states)


def merged(states: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Means of pairs of neighbours (B, ceil(L / 2), h), and how many tokens each is made of."""
    if states.shape[1] % 2:
        states, counts = F.pad(states, (0, 0, 0, 1)), F.pad(counts, (0, 1))
    pairs = counts.unflatten(1, (-1, 2))
    total = pairs.sum(-1)
    share = (pairs / total.clamp(min=1)[..., None])[..., None].to(states.dtype)
    return (states.unflatten(1, (-1, 2)) * share).sum(2), total


@torch.no_grad()
def encode(network: Shorter, rows: list[NDArray[np.int64]]) -> Floats:
    """Vectors of token ids."""
    vectors = np.empty((len(rows), network.model.config.embedding_dim), dtype=np.float32)
    for chosen in length_batches([len(row) for row in rows], BATCH_TOKENS):
        ids, mask = pad([rows[i] for i in chosen], 0)
        vectors[chosen] = network(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    return vectors


def ndcg(task: RetrievalTask, queries: Floats, documents: Floats) -> float:
    """The task's mean NDCG@10."""
    best = np.argsort(-queries @ documents.T, axis=1)[:, :10].tolist()
    return float(np.mean([ndcg_at_k(r, w) for r, w in zip(best, task.relevance, strict=True)]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="weights that `c2llm export --to torch` wrote")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", default="csn_cloze,codenn,webquery,cosqa,mxeval:java,mxeval:go")
    parser.add_argument("--keep", action="append", default=[], metavar="0,1,…")
    parser.add_argument("--merge", action="append", default=[], type=int, metavar="LAYERS")
    parser.add_argument("--queries", type=int, default=150, help="of a task")
    parser.add_argument("--documents", type=int, default=350, help="of a task")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = C2LLMModel.from_pretrained(options.folder, dtype=torch.float32).eval()
    reader = TextTokenizer(options.folder / "tokenizer.json", model.config.backbone.vocab_size)
    tasks = [
        task.limited(options.queries, options.documents)
        for task in load_tasks(options.data, options.tasks.split(","))
    ]

    def tokens(texts: list[str]) -> list[NDArray[np.int64]]:
        most = model.config.max_tokens
        read = reader.tokens([text[: 16 * most] for text in texts], "", offsets=False)
        return [reader.truncate(t, most).ids.astype(np.int64) for t in read]

    texts = [
        (tokens([q.text for q in task.queries]), tokens([d.text for d in task.documents]))
        for task in tasks
    ]
    networks = {"whole": Shorter(model, None, None)}
    networks |= {
        f"layers {k}": Shorter(model, [int(i) for i in k.split(",")], None) for k in options.keep
    }
    networks |= {f"merged after {m}": Shorter(model, None, m) for m in options.merge}
    whole: list[tuple[Floats, Floats]] = []
    rows = []
    for name, network in networks.items():
        vectors = [(encode(network, q), encode(network, d)) for q, d in texts]
        whole = whole or vectors
        scores = defaultdict(list)
        for task, (queries, documents) in zip(tasks, vectors, strict=True):
            scores[task.family].append(ndcg(task, queries, documents))
        cosines = [
            np.mean(
                [(a[side] * b[side]).sum(1).mean() for a, b in zip(vectors, whole, strict=True)]
            )
            for side in (0, 1)
        ]
        rows.append([name, *(f"{np.mean(s):.3f}" for s in scores.values())])
        rows[-1] += [f"{cosine:.3f}" for cosine in cosines]
    families = list(dict.fromkeys(task.family for task in tasks))
    print(markdown_table(["network", *families, "cosine, queries", "cosine, documents"], rows))


if __name__ == "__main__":
    main()
