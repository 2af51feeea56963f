"""Whether the lines that an explanation names are those that made a hit similar to its query.

    python benchmarks/faithfulness.py --pairs data/cosqa_qa_dev.jsonl.gz --model c2llm-mini
    python benchmarks/faithfulness.py --annotations bench/annotations --repos clones \
        --home runs/repos/home --model c2llm-nano

Each way of explaining orders the lines of a hit. Then lines are taken out of it, the first ones
first, or put into an empty one, and what is left is embedded and compared with the query:

- deletion: the mean cosine while the first lines are taken out, over that of the whole; lower is
  better, since what is taken out mattered
- insertion: the same while they are put in; higher is better
- comprehensiveness: by how much the cosine falls when the first tenth, fifth, three tenths or half
  are missing (DeYoung and others 2020, section 4); higher is better
- sufficiency: the same when nothing else is left; lower is better
- both: insertion less deletion, one number to order by

The cosine is that of the model alone: words count in a score by themselves. Ways to compare: random
lines; `words` of the query in a line, by their rarity in all hits; `attention`, the pooling's
weights; `gradient x input` at the token embeddings, and `linear PMA`, weight times value through
the linearised readout, which is the gradient at the pooled states (both in torch, from the restored
model); `in context`, the line's own tokens pooled by themselves; `alone`, the line embedded by
itself, which is what `--explain` does; and `leave one out`, which embeds the hit once for each of
its lines. Hits have 8 to 60 lines that are not blank. Intervals: 95 %, bootstrap over pairs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.words import stems
from c2llm.encoding.encoder import Encoder
from c2llm.evaluation.statistics.significance import bootstrap
from c2llm.evaluation.tables import markdown_table
from c2llm.search.query.query_parsing import parse_query

Scores = NDArray[Any]

LEAST, MOST = 8, 60
MOST_TOKENS = 500
"""Of a hit: the positions of the smallest backbone."""
SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
FIRST_SHARES = 4
"""Those of comprehensiveness and sufficiency."""
COSTS = {
    "random": "0",
    "words": "0",
    "attention": "1",
    "gradient x input": "3",
    "linear PMA": "1",
    "in context": "1",
    "alone": "1",
    "leave one out": "lines",
}
"""Encodings of the hit; a gradient costs some two more."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and the lines of a hit."""

    query: str
    lines: list[str]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines)

    def spans(self) -> list[tuple[int, int]]:
        """Characters of each line in the text, without the line break."""
        ends = np.cumsum([len(line) + 1 for line in self.lines])
        starts = [0, *ends[:-1]]
        return [(int(a), int(b) - 1) for a, b in zip(starts, ends, strict=True)]


def pairs_of_file(file: Path) -> Iterator[Pair]:
    """The pairs of a file of JSON lines with `query` and `doc`."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            yield Pair(row["query"], [one for one in row["doc"].split("\n") if one.strip()])


def pairs_of_repositories(options: argparse.Namespace) -> Iterator[Pair]:
    """For each question the best hit in a file that answers it, as c2llm-nano finds it."""
    from repository_options import chosen

    from c2llm.evaluation.repositories.repo_benchmark import environment
    from c2llm.search.code_index import CodeIndex

    for repository, tree in chosen(options):
        prefix = f"{repository.benchmark_root}/" if repository.benchmark_root else ""
        with (
            environment("C2LLM_HOME", str(options.home)),
            CodeIndex.open(tree.root, "c2llm-nano", embed="all") as index,
        ):
            for question in repository.questions:
                targets = {target.path for target in question.targets}
                hits = index.search(question.text, 10)
                hit = next((one for one in hits if prefix + one.path in targets), None)
                if hit is not None:
                    lines = [line for line in hit.text.split("\n") if line.strip()]
                    yield Pair(question.text, lines)


class Torch:
    """The restored network: gradients by token, summed by line."""

    def __init__(self, name: str, folder: Path) -> None:
        import torch

        from c2llm.encoding.model_folder import open_folder
        from c2llm.encoding.tokens import TextTokenizer
        from c2llm.modeling.model import C2LLMModel
        from c2llm.training.export.restore import restore_folder

        restore_folder(open_folder(name).path, folder)
        torch.set_num_threads(1)
        self._torch = torch
        self._model = C2LLMModel.from_pretrained(folder).eval()
        assert self._model.config.backbone is not None
        vocabulary = int(self._model.config.backbone.vocab_size)
        self._embeddings = next(
            module
            for module in self._model.backbone.modules()
            if isinstance(module, torch.nn.Embedding) and module.num_embeddings == vocabulary
        )
        self._tokenizer = TextTokenizer(folder / "tokenizer.json", vocabulary)

    def tokens(self, text: str) -> int:
        """How many a text has."""
        return len(self._tokenizer.tokens([text], "", offsets=False)[0])

    def of_inputs(self, pair: Pair, query: NDArray[np.float32]) -> Scores:
        """Gradient of the cosine at each token's embedding, times the embedding."""
        kept: list[Any] = []

        def keep(_module: Any, _inputs: Any, output: Any) -> Any:
            kept.append(output.detach().requires_grad_())
            return kept[-1]

        hook = self._embeddings.register_forward_hook(keep)
        try:
            ids, offsets = self._ids(pair)
            vector = self._model.embed(ids, self._torch.ones_like(ids))[0]
        finally:
            hook.remove()
        (vector @ self._torch.from_numpy(query)).backward()
        return by_line(pair, offsets, (kept[0].grad * kept[0]).sum(-1)[0].detach().numpy())

    def of_pooled(self, pair: Pair, query: NDArray[np.float32]) -> Scores:
        """The same at the states that the pooling averages, its weights being what they are."""
        torch = self._torch
        ids, offsets = self._ids(pair)
        mask = torch.ones_like(ids)
        with torch.no_grad():
            output = self._model(ids, mask)
            logits = output.token_logits
            bias = self._model.repetition_bias(ids, mask)
            weights = (logits if bias is None else logits + bias[:, None, None]).softmax(-1)
        states = output.token_states.detach().requires_grad_()
        context = torch.einsum("bhql,blw->bhqw", weights, states)
        vector = self._model.readout(context, torch.ones(context.shape[:3]))[0]
        (vector @ torch.from_numpy(query)).backward()
        return by_line(pair, offsets, (states.grad * states).sum(-1)[0].detach().numpy())

    def _ids(self, pair: Pair) -> tuple[Any, NDArray[np.int64]]:
        found = self._tokenizer.tokens([pair.text], "", offsets=True)[0]
        return self._torch.from_numpy(found.ids[None]), found.offsets


def by_line(pair: Pair, offsets: NDArray[np.int64], scores: NDArray[Any]) -> Scores:
    """Scores of tokens, summed by the line that each begins in."""
    sums = np.zeros(len(pair.lines))
    ends = [end for _, end in pair.spans()]
    for (start, stop), score in zip(offsets, scores, strict=True):
        if stop > start:
            sums[min(int(np.searchsorted(ends, start, side="left")), len(sums) - 1)] += score
    return sums


class Ways:
    """Ways to explain a pair by a model: for each line how much it matters."""

    def __init__(self, encoder: Encoder, network: Torch, pairs: Sequence[Pair]) -> None:
        self._encoder, self._network = encoder, network
        self._random = np.random.default_rng(0)
        counts = Counter(stem for pair in pairs for stem in set(stems(pair.text)))
        total = len(pairs)
        self._rarity = {
            stem: math.log(1 + (total - n + 0.5) / (n + 0.5)) for stem, n in counts.items()
        }
        self.ways: dict[str, Callable[[Pair, NDArray[np.float32]], Scores]] = {
            "random": lambda pair, _: self._random.random(len(pair.lines)),
            "words": self._words,
            "attention": self._attention,
            "gradient x input": network.of_inputs,
            "linear PMA": network.of_pooled,
            "in context": lambda pair, query: (
                encoder.encode_spans(pair.text, pair.spans())[1] @ query
            ),
            "alone": lambda pair, query: (
                encoder.encode_documents([line.strip() for line in pair.lines]) @ query
            ),
            "leave one out": self._without,
        }

    def _words(self, pair: Pair, _query: NDArray[np.float32]) -> Scores:
        terms = set(parse_query(pair.query).terms)
        found = [terms.intersection(stems(line)) for line in pair.lines]
        worth = [sum(self._rarity.get(term, 0.0) for term in line) for line in found]
        return np.array(worth) + 1e-6 * self._random.random(len(pair.lines))

    def _attention(self, pair: Pair, _query: NDArray[np.float32]) -> Scores:
        _, (attention,) = self._encoder.encode_with_attention([pair.text])
        return by_line(pair, attention.offsets, attention.weights.mean(axis=(0, 1)))

    def _without(self, pair: Pair, query: NDArray[np.float32]) -> Scores:
        rows = range(len(pair.lines))
        texts = ["\n".join(pair.lines[i] for i in rows if i != row) for row in rows]
        return -(self._encoder.encode_documents(texts) @ query).astype(np.float64)


def measured(encoder: Encoder, pair: Pair, query: NDArray[np.float32], scores: Scores) -> Scores:
    """Deletion, insertion, comprehensiveness, sufficiency and insertion less deletion."""
    order = np.argsort(-scores, kind="stable")
    rows = range(len(pair.lines))
    texts = [pair.text]
    for share in SHARES:
        first = set(order[: max(1, round(share * len(order)))].tolist())
        texts.append("\n".join(pair.lines[row] for row in rows if row not in first))
        texts.append("\n".join(pair.lines[row] for row in rows if row in first))
    whole, *others = (encoder.encode_documents(texts) @ query).tolist()
    without, within = np.array(others[0::2]), np.array(others[1::2])
    deletion, insertion = without.mean() / whole, within.mean() / whole
    return np.array(
        [
            deletion,
            insertion,
            (whole - without[:FIRST_SHARES]).mean(),
            (whole - within[:FIRST_SHARES]).mean(),
            insertion - deletion,
        ]
    )


def kept(pairs: Iterable[Pair], network: Torch, most: int) -> list[Pair]:
    """Those with as many lines as are asked for, one for each query."""
    found: dict[str, Pair] = {}
    for pair in pairs:
        if LEAST <= len(pair.lines) <= MOST and network.tokens(pair.text) <= MOST_TOKENS:
            found.setdefault(pair.query, pair)
    return list(found.values())[:most]


def main() -> None:
    """Measure every way on every pair, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, help="gzipped JSON lines with query and doc")
    parser.add_argument("--annotations", type=Path, help="of `c2llm eval repos`, instead of pairs")
    parser.add_argument("--repos", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--only", nargs="*", default=[], help="names of repositories")
    parser.add_argument("--model", default="c2llm-nano")
    parser.add_argument("--most", type=int, default=10_000, help="pairs")
    options = parser.parse_args()
    encoder = Encoder.load(options.model)
    with tempfile.TemporaryDirectory() as folder:
        network = Torch(options.model, Path(folder) / "torch")
    source = pairs_of_file(options.pairs) if options.pairs else pairs_of_repositories(options)
    pairs = kept(source, network, options.most)
    ways = Ways(encoder, network, pairs)
    results: dict[str, list[Scores]] = defaultdict(list)
    seconds: defaultdict[str, float] = defaultdict(float)
    for number, pair in enumerate(pairs, 1):
        query = encoder.encode_queries([pair.query])[0]
        if float(encoder.encode_documents([pair.text])[0] @ query) <= 0.05:
            continue  # of nothing there are no shares
        for name, way in ways.ways.items():
            started = time.perf_counter()
            scores = np.asarray(way(pair, query), np.float64)
            seconds[name] += time.perf_counter() - started
            results[name].append(measured(encoder, pair, query, scores))
        if number % 20 == 0:
            print(f"{number} of {len(pairs)}", file=sys.stderr, flush=True)
    print(table_of(results, seconds))


def table_of(results: dict[str, list[Scores]], seconds: Mapping[str, float]) -> str:
    """A row for each way, the best by insertion less deletion first, the reference last."""
    reference = "leave one out"
    names = sorted(results, key=lambda name: -np.mean([row[-1] for row in results[name]]))
    names = [name for name in names if name != reference] + [reference]
    rows = []
    for name in names:
        columns = np.array(results[name]).T
        cells = [f"{column.mean():.3f}" for column in columns[:-1]]
        both = bootstrap(columns[-1])
        rows.append(
            [
                name,
                *cells,
                f"{both.mean:.3f} [{both.low:.3f}, {both.high:.3f}]",
                COSTS[name],
                f"{1000 * seconds[name] / len(columns[-1]):.1f}",
            ]
        )
    header = ["lines ordered by", "deletion ↓", "insertion ↑", "comprehensiveness ↑"]
    header += ["sufficiency ↓", "both ↑", "encodings", "ms a hit"]
    return f"{len(results[reference])} pairs\n\n{markdown_table(header, rows)}"


if __name__ == "__main__":
    main()
