"""One training step: a batch in, gradients in the model out, the same on one process or many."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from c2llm.errors import DataError
from c2llm.modeling.model import C2LLMModel
from c2llm.training.data.batch_texts import RowTexts, draw_texts, known_answers
from c2llm.training.data.training_pair import Pair
from c2llm.training.network.frozen_backbone import StateCache
from c2llm.training.objective.distillation import (
    batch_score_loss,
    own_scores,
    score_loss,
    vector_loss,
)
from c2llm.training.objective.gradcache import cached_backward, plain_backward
from c2llm.training.objective.loss import BatchVectors, contrastive_loss
from c2llm.training.objective.teacher import Teacher
from c2llm.training.objective.text_embedding import (
    Embedder,
    MicroBatches,
    TextEmbedder,
    TokenIds,
    tokenize,
)
from c2llm.training.run.distributed import World, distribute, reshard
from c2llm.training.run.recipe import TrainConfig


@dataclass(frozen=True)
class StepResult:
    """What a step found.

    Attributes:
        loss: of the whole batch.
        tokens: embedded on all ranks, padding aside.
    """

    loss: float
    tokens: int


class Step:
    """Makes the gradients of one batch.

    Args:
        model: on the world's device, with what is trained chosen.
        tokenizer: without padding and truncation.
        config: the recipe.
        world: this process among all.
        run: where frozen states and teacher vectors are kept.
    """

    def __init__(
        self, model: C2LLMModel, tokenizer: Tokenizer, config: TrainConfig, world: World, run: Path
    ) -> None:
        self._model, self._tokenizer, self._config, self._world = model, tokenizer, config, world
        optim = config.optim
        self.module = distribute(Embedder(model), world, config.run.strategy, bf16=optim.bf16)
        cache = None
        if config.tune.mode == "pooler":
            width = model.config.backbone.hidden_size
            cache = StateCache(run / "states" / f"rank{world.rank}", width)
        self._embed = TextEmbedder(
            self.module,
            model,
            device=world.device,
            pad_left=config.model.padding_side == "left",
            bf16=optim.bf16,
            cache=cache,
        )
        self._teacher: Teacher | None = None
        if config.loss.teacher is not None:
            kept = run / "teacher" / f"rank{world.rank}"
            self._teacher = Teacher(config.loss.teacher, kept, config.loss.further_teachers)
        # A sharded layer pairs each forward pass with one backward pass.
        self._cached = optim.grad_cache or config.run.strategy == "fsdp"

    def gradients(self, batch: Sequence[Pair], step: int, weight: float) -> StepResult:
        """Add the gradient of the batch's loss to the model.

        Args:
            batch: all B rows; every rank gives the same.
            step: seeds every draw.
            weight: factor of the loss.
        """
        config, world = self._config, self._world
        rows = self.draw(batch, step)
        share = len(rows) // world.size
        offset = world.rank * share
        own = rows[offset : offset + share]
        known = known_answers(batch, rows)
        known = None if known is None else known.to(world.device)
        micro = self._micro_batches(own)
        seed = config.optim.seed * 1_000_003 + step

        def embed(number: int) -> Tensor:
            # Dropout of a resumed run, and of the second pass of GradCache, is equal.
            torch.manual_seed((seed * world.size + world.rank) * 4096 + number)
            return self._embed(micro.chunks[number])

        def objective(vectors: Tensor) -> Tensor:
            return weight * self._loss(micro.restore(vectors), own, offset, known)

        if self._cached:
            loss = cached_backward(embed, micro.chunks, objective, self.module)
        else:
            loss = plain_backward(embed, micro.chunks, objective)
        return StepResult(
            loss=world.total(loss.item()) / world.size, tokens=int(world.total(micro.tokens))
        )

    def draw(self, batch: Sequence[Pair], step: int) -> list[RowTexts]:
        """The texts of all rows of a step."""
        config = self._config
        return draw_texts(
            batch,
            self._model.config.prompts,
            random.Random(f"{config.optim.seed}-{step}"),
            header_probability=config.data.header_probability,
            hard_negatives=config.data.hard_negatives,
            draw=f"{config.optim.seed}-{step}-rows",
        )

    @torch.no_grad()
    def vectors(self, texts: list[str], max_tokens: int) -> Tensor:
        """Unit vectors (n, d), float32 on the CPU; every rank gives the same texts."""
        micro = MicroBatches(self._ids(texts, max_tokens), self._config.optim.micro_batch_tokens)
        parts = [self._embed(chunk).float().cpu() for chunk in micro.chunks]
        reshard(self.module)
        return micro.restore(torch.cat(parts))

    def _micro_batches(self, own: Sequence[RowTexts]) -> MicroBatches:
        data, budget = self._config.data, self._config.optim.micro_batch_tokens
        ids = self._ids([row.query for row in own], data.max_query_tokens)
        ids += self._ids([row.document for row in own], data.max_document_tokens)
        negatives = [text for row in own for text in row.negatives]
        if negatives:
            ids += self._ids(negatives, data.max_document_tokens)
        micro = MicroBatches(ids, budget)
        if self._config.run.strategy == "fsdp":
            micro = MicroBatches(ids, budget, self._world.maximum(len(micro)))
        return micro

    def _ids(self, texts: list[str], max_tokens: int) -> list[TokenIds]:
        return tokenize(self._tokenizer, texts, min(max_tokens, self._model.config.max_tokens))

    def _loss(
        self, vectors: Tensor, own: Sequence[RowTexts], offset: int, known: Tensor | None
    ) -> Tensor:
        """The loss of this rank's rows, from their vectors: queries, documents, negatives."""
        world, loss_config = self._world, self._config.loss
        rows = len(own)
        vectors = vectors.float()
        queries, positives, rest = vectors[:rows], vectors[rows : 2 * rows], vectors[2 * rows :]
        negatives = rest.reshape(rows, -1, vectors.shape[1])
        batch = BatchVectors(
            queries=queries,
            positives=world.gather(positives),
            negatives=world.gather(negatives),
            all_queries=world.gather(queries) if loss_config.symmetric else queries,
            offset=offset,
            known=known,
        )
        loss = contrastive_loss(batch, loss_config)
        if loss_config.distill != "none":
            loss = loss + loss_config.distill_weight * self._distillation(batch, vectors, own)
        return loss

    def _distillation(
        self, batch: BatchVectors, vectors: Tensor, own: Sequence[RowTexts]
    ) -> Tensor:
        config = self._config.loss
        temperatures = config.temperature, config.distill_temperature
        if self._teacher is None:
            if not all(row.scores for row in own):
                raise DataError(
                    "loss.distill is 'scores' but rows have no `positive_score` and "
                    "`negative_scores`: mine negatives with scores, or name a loss.teacher."
                )
            scores = torch.tensor([row.scores for row in own], device=vectors.device)
            return score_loss(own_scores(batch), scores, *temperatures)
        queries = self._teacher.queries([row.asked for row in own])
        documents = self._teacher.documents(
            [row.plain[0] for row in own] + [t for row in own for t in row.plain[1:]]
        )
        taught = torch.cat([queries, documents]).to(vectors.device)
        if config.distill == "vectors":
            return vector_loss(vectors, taught)
        rows = len(own)
        teacher = BatchVectors(
            queries=taught[:rows],
            positives=self._world.gather(taught[rows : 2 * rows]),
            negatives=self._world.gather(taught[2 * rows :].reshape(rows, -1, taught.shape[1])),
            all_queries=self._world.gather(taught[:rows]) if config.symmetric else taught[:rows],
            offset=batch.offset,
        )
        return batch_score_loss(batch, teacher, *temperatures, symmetric=config.symmetric)
