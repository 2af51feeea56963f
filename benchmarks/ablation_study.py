"""What is PMA worth? Small trainings that differ in one thing each, run cell by cell.

A file of `recipes/ablation/` is one table: a question, the seeds, and its cells, each a few keys of
the training recipe set differently from `base.yaml`. A cell is trained with the very step, loss,
batches and optimiser of `c2llm train`, only without checkpoints: it is small enough to begin again.
What a cell found is one JSON file, kept query by query; a run that was stopped does not repeat it.

Keys that no recipe has stand under `ablation.`:

    pure          what a batch holds one of: `both` (dataset and language), either, or `none`
    dims          evaluate the first so many dimensions as well (Matryoshka)
    pca           evaluate so many principal components of the vectors as well
    merged        train so many times from one start, in other orders, and average the weights
    layers        take so many layers of the backbone instead of those of the study
    rates         try the first seed at each of these rates of the pooling (`optim.pooler_lr`), and
                  take the one that is best on the validation pairs for all seeds
    uniform       hold PMA's attention uniform
    queries       start PMA with queries whose entries have this standard deviation
    residual      `raw` or `projected`: what PMA adds its values to
    map           put a linear map behind the pooling
    top           freeze all but so many layers, which get adapters (`tune.lora_rank` and the like)
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from ablation_backbone import compute_states, cut_backbone, states_folder
from ablation_controls import KEYS as CONTROLS
from ablation_controls import control_pooling
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedModel

from c2llm.errors import DataError, UsageError
from c2llm.modeling.model import C2LLMModel
from c2llm.modeling.tokenizer import derive_tokenizer
from c2llm.training.data.batch_plan import BatchPlan
from c2llm.training.data.pair_sources import read_rows
from c2llm.training.data.prepare import RunData, prepare
from c2llm.training.data.training_pair import Pair
from c2llm.training.network.lora import choose_trained, plain_model
from c2llm.training.network.network import build_model, prepare_backbone
from c2llm.training.objective.text_embedding import MicroBatches, TokenIds, pad_states, tokenize
from c2llm.training.run.checkpoint import write_json
from c2llm.training.run.config_tree import read_tree
from c2llm.training.run.distributed import join_world
from c2llm.training.run.optimizer import learning_rate_factor, make_optimizer
from c2llm.training.run.recipe import TrainConfig
from c2llm.training.run.training_step import Step

_OWN = "ablation"
_PURE = {"both": (True, True), "dataset": (True, False), "language": (False, True)}


@dataclass(frozen=True)
class EvaluationSet:
    """Pairs that are searched among each other; nothing is trained on them."""

    name: str
    file: str
    cap: int = 300
    max_document_tokens: int = 256
    lengths: tuple[int, ...] = ()
    """Tokens that part short from long documents: equally many of each class are drawn."""


@dataclass(frozen=True)
class Cell:
    """One training of one table."""

    table: str
    name: str
    seed: int
    config: TrainConfig
    own: dict[str, Any]
    """What stands under `ablation.`."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the result, the data's content aside."""
        facts = json.dumps([self.config.to_dict(), self.own, self.seed], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Table:
    """One question and its cells."""

    name: str
    title: str
    question: str
    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Study:
    """All tables, and what they share."""

    name: str
    tables: tuple[Table, ...]
    layers: int | None
    evaluate: tuple[EvaluationSet, ...]

    def in_order(self) -> list[Cell]:
        """The first table whole, then the first seed of every other, and so on."""
        first, *others = self.tables
        rest = [(t.seeds.index(c.seed), c) for t in others for c in t.cells]
        return [*first.cells, *(cell for _, cell in sorted(rest, key=lambda pair: pair[0]))]


@dataclass
class CellResult:
    """What a cell found."""

    table: str
    cell: str
    seed: int
    fingerprint: str
    seconds: float
    steps: int
    trained_parameters: int
    final_loss: float
    ndcg: dict[str, list[float]] = field(default_factory=dict)
    """NDCG@10 of each query, by evaluation set; `set@64` of 64 dimensions, `set@pca64` likewise."""
    lengths: dict[str, list[int]] = field(default_factory=dict)
    """Tokens of each query's document."""
    rate: float = 0.0
    """Of the pooling."""
    validation: dict[str, float] = field(default_factory=dict)
    """NDCG@10 on the validation pairs, by rate."""
    entropy: list[float] = field(default_factory=list)
    """Of the attention of each head and query on the first evaluation set's documents, divided by
    the logarithm of their tokens, on average: 1 is the mean of all tokens."""


def read_study(folder: Path, data: Path, overrides: Sequence[str] = ()) -> Study:
    """Read `base.yaml` and the tables beside it.

    Args:
        folder: such as recipes/ablation.
        data: the data directory; takes the place of `data.root`.
        overrides: `key=value` for `base.yaml`.

    Raises:
        UsageError: for a missing file, an unknown key or a value of the wrong type.
    """
    base = read_tree(folder / "base.yaml", list(overrides))
    layers = base.pop("layers", None)
    sets = tuple(
        EvaluationSet(**{**fields, "lengths": tuple(fields.get("lengths", ()))})
        for fields in base.pop("evaluate", [])
    )
    order = base.pop("tables", [])
    base.setdefault("data", {})["root"] = str(data)
    tables = []
    for name in order:
        tree = read_tree(folder / f"{name}.yaml", [])
        seeds = tuple(tree.get("seeds", [1]))
        shared = tree.get("set", {})
        cells = tuple(
            _cell(name, label, seed, base, {**shared, **(settings or {})})
            for seed in seeds
            for label, settings in tree["cells"].items()
        )
        tables.append(Table(name, tree["title"], tree["question"].strip(), seeds, cells))
    if not tables or not sets:
        raise UsageError(f"{folder / 'base.yaml'} names no `tables` or nothing to `evaluate`.")
    return Study(folder.name, tuple(tables), layers, sets)


def _cell(
    table: str, label: str, seed: int, base: dict[str, Any], settings: dict[str, Any]
) -> Cell:
    tree, own = copy.deepcopy(base), {}
    for dotted, value in settings.items():
        section, _, key = dotted.partition(".")
        if section == _OWN:
            own[key] = value
        else:
            tree.setdefault(section, {})[key] = value
    if unknown := set(own) - {"pure", "dims", "pca", "merged", "layers", "rates"} - CONTROLS:
        raise UsageError(f"{table}.yaml, {label}: unknown key ablation.{sorted(unknown)[0]}.")
    config = TrainConfig.from_dict(tree)
    return Cell(
        table, str(label), seed, replace(config, optim=replace(config.optim, seed=seed)), own
    )


class Ablation:
    """Runs the cells of a study.

    Args:
        study: what to run.
        out: folder of results, of the sliced backbone and of frozen states.
        on_note: called with one line of text now and then.
    """

    def __init__(
        self, study: Study, out: Path, on_note: Callable[[str], None] = lambda text: None
    ) -> None:
        self.study, self.out, self._note = study, out, on_note
        self._world = join_world("cpu")
        self._data: dict[str, RunData] = {}
        self._sets: dict[str, list[Pair]] = {}
        self._frozen: dict[tuple[Path, bool], PreTrainedModel] = {}

    def run(self, *, budget: float | None = None, only: Sequence[str] = ()) -> Iterator[CellResult]:
        """Run what is missing, one cell after the other.

        Args:
            budget: seconds; a cell is not begun if one like it would end later.
            only: names of tables.
        """
        started, longest = time.perf_counter(), 0.0
        for cell in self.study.in_order():
            if only and cell.table not in only:
                continue
            if self.result(cell) is not None:
                continue
            if budget is not None and time.perf_counter() - started + longest > budget:
                self._note("the budget is spent; the same command goes on from here")
                return
            result = self._same(cell) or self.run_cell(cell)
            write_json(self._file(cell), asdict(result))
            longest = max(longest, result.seconds)
            yield result

    def _same(self, cell: Cell) -> CellResult | None:
        """What another table found in the same training."""
        for other in self.study.in_order():
            if other.fingerprint == cell.fingerprint and (found := self.result(other)):
                return replace(found, table=cell.table, cell=cell.name, seconds=0.0)
        return None

    def result(self, cell: Cell) -> CellResult | None:
        """What was found before, if the cell has not changed since."""
        try:
            kept = CellResult(**json.loads(self._file(cell).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return kept if kept.fingerprint == cell.fingerprint else None

    def _file(self, cell: Cell) -> Path:
        folder = self.out / "results" / cell.table
        folder.mkdir(parents=True, exist_ok=True)
        safe = "".join(c if c.isalnum() or c in "-." else "-" for c in cell.name)
        return folder / f"{safe}-seed{cell.seed}.json"

    def run_cell(self, cell: Cell) -> CellResult:
        """Train and evaluate one cell."""
        started = time.perf_counter()
        best: tuple[CellResult, C2LLMModel, Step] | None = None
        validation: dict[str, float] = {}
        for rate in self._rates(cell):
            optim = replace(cell.config.optim, pooler_lr=rate)
            trained = self._run_once(replace(cell, config=replace(cell.config, optim=optim)))
            if "rates" in cell.own:
                validation[f"{rate:g}"] = self._validate(cell, trained[2])
                trained[0].validation = validation
            if best is None or validation[f"{rate:g}"] > validation[f"{best[0].rate:g}"]:
                best = trained
        assert best is not None
        result, model, step = best
        self._evaluate(model, step, cell, result)
        result.fingerprint = cell.fingerprint
        result.seconds = round(time.perf_counter() - started, 1)
        return result

    def _rates(self, cell: Cell) -> list[float]:
        """The rates to try: all of them with the first seed, and then the one that was best."""
        if "rates" not in cell.own:
            return [cell.config.optim.pooler_lr]
        for table in self.study.tables:
            for first in table.cells:
                alike = first.table == cell.table and first.name == cell.name
                if alike and first.seed != cell.seed and (found := self.result(first)):
                    return [found.rate]
        return [float(rate) for rate in cell.own["rates"]]

    def _run_once(self, cell: Cell) -> tuple[CellResult, C2LLMModel, Step]:
        """Train one cell at one rate."""
        config, top = cell.config, cell.own.get("top")
        folder = self._backbone(cell)
        tokenizer = derive_tokenizer(folder, split_identifiers=config.model.split_identifiers)
        frozen = config.tune.mode == "pooler" or top
        backbone = self._loaded(folder, raw=bool(top)) if frozen else None
        torch.manual_seed(cell.seed)
        model = build_model(config.model, folder, backbone)
        prepare_backbone(model, config.model)
        whole = self._loaded(cut_backbone(config.model.backbone, None, self.out)) if top else None
        control_pooling(model, cell.own, config.model, config.tune, whole)
        if top:  # what is below is frozen, and the adapters are part of what is above
            config = replace(config, tune=replace(config.tune, mode="pooler"))
        start = copy.deepcopy(model.state_dict()) if cell.own.get("merged") else None
        pairs = _relabelled(self._prepared(config).training, cell.own.get("pure", "both"))
        losses: list[float] = []
        states: list[dict[str, Tensor]] = []
        for nth in range(cell.own.get("merged", 1)):
            if start is not None:
                model.load_state_dict(start)
            if config.tune.mode != "pooler" or any(True for _ in model.pooler.parameters()):
                choose_trained(model, config.tune)
            else:  # mean and last over a frozen backbone: nothing to train
                model.requires_grad_(False)
            seed = cell.seed + 1000 * nth
            ordered = replace(config, optim=replace(config.optim, seed=seed))
            kept = states_folder(self.out, folder, raw=bool(top))
            step = Step(model, tokenizer, ordered, self._world, kept)
            losses.append(self._train(model, step, ordered, pairs))
            if start is not None:
                states.append({k: v.clone() for k, v in model.state_dict().items()})
        if start is not None:
            model.load_state_dict({k: torch.stack([s[k] for s in states]).mean(0) for k in start})
        result = CellResult(
            table=cell.table,
            cell=cell.name,
            seed=cell.seed,
            fingerprint="",
            seconds=0.0,
            steps=config.optim.steps,
            trained_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
            final_loss=round(sum(losses) / len(losses), 4),
            rate=config.optim.pooler_lr,
        )
        if config.tune.mode == "lora":
            model = plain_model(model, model.state_dict())
        return result, model.eval(), step

    def _validate(self, cell: Cell, step: Step) -> float:
        data = cell.config.data
        rows = self._prepared(cell.config).validation
        if not rows:
            raise UsageError(f"{cell.table}: `ablation.rates` needs data.validation_pairs.")
        queries = step.vectors([p.query for p in rows], data.max_query_tokens)
        found = _ndcg(queries, step.vectors([p.document for p in rows], data.max_document_tokens))
        return round(sum(found) / len(found), 4)

    def compute_states(self) -> None:
        """Compute all frozen states that cells will ask for, those of all depths in one pass."""
        by_backbone: dict[str, list[Cell]] = {}
        for cell in self.study.in_order():
            if cell.config.tune.mode == "pooler" or cell.own.get("top"):
                by_backbone.setdefault(cell.config.model.backbone, []).append(cell)
        for name, cells in by_backbone.items():
            whole = cut_backbone(name, None, self.out)
            layers = json.loads((whole / "config.json").read_text())["num_hidden_layers"]
            wanted = {
                (self._depth(cell) or layers, bool(cell.own.get("top"))): states_folder(
                    self.out, self._backbone(cell), raw=bool(cell.own.get("top"))
                )
                for cell in cells
            }
            config = cells[0].config
            tokenizer = derive_tokenizer(whole, split_identifiers=config.model.split_identifiers)
            compute_states(whole, wanted, list(self._texts(config, tokenizer)), self._note)

    def _texts(self, config: TrainConfig, tokenizer: Tokenizer) -> Iterator[TokenIds]:
        """Token ids of all that is searched, then of what is validated and trained on."""
        data = config.data
        parts = [
            (self._evaluation(chosen), chosen.max_document_tokens) for chosen in self.study.evaluate
        ]
        prepared = self._prepared(config)
        parts += [(prepared.validation, data.max_document_tokens)]
        parts += [(list(prepared.training), data.max_document_tokens)]
        for rows, limit in parts:
            yield from tokenize(tokenizer, [row.query for row in rows], data.max_query_tokens)
            yield from tokenize(tokenizer, [row.document for row in rows], limit)

    def _train(
        self, model: C2LLMModel, step: Step, config: TrainConfig, pairs: Sequence[Pair]
    ) -> float:
        """Run all steps; returns the mean loss of the last tenth."""
        trained = [p for p in model.parameters() if p.requires_grad]
        if not trained:
            return 0.0
        optim = config.optim
        optimizer = make_optimizer(model, optim)
        plan = BatchPlan(pairs, optim.batch_size, mixing=optim.mixing, seed=optim.seed)
        losses = []
        model.train()
        for number in range(optim.steps):
            factor = learning_rate_factor(number, optim.steps, optim.warmup)
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * factor
            optimizer.zero_grad(set_to_none=True)
            losses.append(step.gradients(plan.batch(number), number, 1.0).loss)
            torch.nn.utils.clip_grad_norm_(trained, optim.clip_norm)
            optimizer.step()
        last = losses[-max(1, len(losses) // 10) :]
        return sum(last) / len(last)

    @torch.no_grad()
    def _evaluate(self, model: C2LLMModel, step: Step, cell: Cell, result: CellResult) -> None:
        data = cell.config.data
        components = None
        widths: list[int] = cell.own.get("pca", [])
        if widths:
            pairs = list(self._prepared(cell.config).training)
            sample = random.Random(0).sample(pairs, min(len(pairs), 500))
            texts = [p.query for p in sample], [p.document for p in sample]
            limits = data.max_query_tokens, data.max_document_tokens
            both = [step.vectors(t, limit) for t, limit in zip(texts, limits, strict=True)]
            components = _principal_axes(torch.cat(both))
        for chosen in self.study.evaluate:
            rows = self._evaluation(chosen)
            queries = step.vectors([p.query for p in rows], data.max_query_tokens)
            documents = step.vectors([p.document for p in rows], chosen.max_document_tokens)
            result.ndcg[chosen.name] = _ndcg(queries, documents)
            ids = step._ids([p.document for p in rows], chosen.max_document_tokens)
            result.lengths[chosen.name] = [len(tokens) for tokens in ids]
            if chosen is self.study.evaluate[0]:
                result.entropy = _entropy(model, step, ids)
            for width in cell.own.get("dims", []):
                cut = (
                    F.normalize(queries[:, :width], dim=1),
                    F.normalize(documents[:, :width], dim=1),
                )
                result.ndcg[f"{chosen.name}@{width}"] = _ndcg(*cut)
            if components is not None:
                for width in widths:
                    axes = components[:, :width]
                    cut = F.normalize(queries @ axes, dim=1), F.normalize(documents @ axes, dim=1)
                    result.ndcg[f"{chosen.name}@pca{width}"] = _ndcg(*cut)

    def _prepared(self, config: TrainConfig) -> RunData:
        key = json.dumps(asdict(config.data), sort_keys=True)
        if key not in self._data:
            # The rows are those of the first seed in every cell; only their order differs.
            self._data[key] = prepare(config.data, 0, None, self._world)
        return self._data[key]

    def _evaluation(self, chosen: EvaluationSet) -> list[Pair]:
        """The pairs of a set, the same for all cells; the first one's tokens are counted."""
        if chosen.name not in self._sets:
            first = self.study.tables[0].cells[0]
            path = Path(first.config.data.root) / chosen.file
            found = [
                Pair(str(row["query"]), str(row.get("positive") or row.get("doc")), "", "")
                for _, row in read_rows(path)
            ]
            unique = {row.document: row for row in {row.query: row for row in found}.values()}
            rows = sorted(unique.values(), key=lambda row: row.query)
            if not rows:
                raise DataError(f"{path} has no pair to evaluate on.")
            classes = [rows]
            if chosen.lengths:
                split = first.config.model.split_identifiers
                tokenizer = derive_tokenizer(self._backbone(first), split_identifiers=split)
                limit = chosen.max_document_tokens
                ids = tokenize(tokenizer, [row.document for row in rows], limit)
                classes = [
                    [row for row, own in zip(rows, ids, strict=True) if low <= len(own) < high]
                    for low, high in itertools.pairwise((0, *chosen.lengths, limit + 1))
                ]
            share = chosen.cap // len(classes)
            self._sets[chosen.name] = [
                row
                for some in classes
                for row in random.Random(0).sample(some, min(share, len(some)))
            ]
        return self._sets[chosen.name]

    def _depth(self, cell: Cell) -> int | None:
        """How many layers the frozen backbone of a cell has; None for all."""
        if top := cell.own.get("top"):
            whole = cut_backbone(cell.config.model.backbone, None, self.out)
            return int(json.loads((whole / "config.json").read_text())["num_hidden_layers"]) - top
        found: int | None = cell.own.get("layers", self.study.layers)
        return found

    def _loaded(self, folder: Path, *, raw: bool = False) -> PreTrainedModel:
        """A backbone that nothing trains, without its final norm if `raw`; loaded once."""
        if (folder, raw) not in self._frozen:
            options: dict[str, Any] = {"local_files_only": True, "dtype": torch.float32}
            model = AutoModel.from_pretrained(folder, **options)
            if raw:
                model.norm = nn.Identity()
            self._frozen[folder, raw] = model
        return self._frozen[folder, raw]

    def _backbone(self, cell: Cell) -> Path:
        return cut_backbone(cell.config.model.backbone, self._depth(cell), self.out)


def _relabelled(pairs: Sequence[Pair], pure: str) -> list[Pair]:
    """Pairs as the batch plan is to see them: what it groups by is made equal where it must mix."""
    if pure != "none" and pure not in _PURE:
        raise UsageError(f"ablation.pure is {pure!r}; it must be {', '.join(_PURE)} or none.")
    by_dataset, by_language = _PURE.get(pure, (False, False))
    return [
        replace(
            pair,
            dataset=pair.dataset if by_dataset else "all",
            language=pair.language if by_language else "",
        )
        for pair in pairs
    ]


def _ndcg(queries: Tensor, documents: Tensor) -> list[float]:
    """NDCG@10 of each query, whose one answer is the document of its row."""
    similarity = queries @ documents.T
    rank = (similarity > similarity.diagonal()[:, None]).sum(1) + 1
    gain = torch.where(rank <= 10, 1 / torch.log2(1 + rank.float()), torch.zeros(len(rank)))
    return [round(float(value), 4) for value in gain]


def _entropy(model: C2LLMModel, step: Step, texts: Sequence[TokenIds]) -> list[float]:
    """Entropy of the attention of each head and query over log(tokens), on average over texts."""
    embed, sums = step._embed, []
    several = [ids for ids in texts if len(ids) > 1]
    for chunk in MicroBatches(several, step._config.optim.micro_batch_tokens).chunks:
        if embed._cache is None:
            states = embed._hidden_states(chunk)
        else:
            states = embed._cache.states(chunk, embed._hidden_states)
        hidden, mask = pad_states(states, left=False)
        weights = model.pooler.attention(hidden, mask).flatten(1, 2)  # (B, heads n, L)
        entropy = torch.special.entr(weights.double()).sum(-1)
        sums.append(entropy / mask.sum(1, keepdim=True).log())
    return [round(float(value), 4) for value in torch.cat(sums).mean(0)] if sums else []


def _principal_axes(vectors: Tensor) -> Tensor:
    """Right singular vectors (d, d), the first explain most; not centred, as cosines are not."""
    axes: Tensor = torch.linalg.svd(vectors, full_matrices=False)[2].T
    return axes
