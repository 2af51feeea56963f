"""Text in, unit vectors out: the one place where prompts, long texts and batching happen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from c2llm.cores import core_count
from c2llm.encoding.attention import AttentionRecord, TokenAttention, attention_weights
from c2llm.encoding.batches import length_batches, pad, shared_budget, side_by_side
from c2llm.encoding.devices.placement import Placement, open_placed
from c2llm.encoding.engines import Engine, OnnxEngine, TokenLevel, torch_engine
from c2llm.encoding.guard import blamed_on, require_texts, require_unit
from c2llm.encoding.long_text import LongTextReader
from c2llm.encoding.model_folder import (
    DEFAULT_MODEL,
    ModelFolder,
    shipped_models,
)
from c2llm.encoding.protocol import Progress
from c2llm.encoding.table import TableEngine
from c2llm.encoding.tokens import PreparedText, TextTokenizer, Tokens
from c2llm.encoding.trial import require_tried
from c2llm.errors import ModelError, UsageError

Vectors = NDArray[np.float32]
LongTexts = Literal["window", "truncate"]

# Texts whose windows are run side by side.
LONG_BLOCK = 32
# Texts of one call of a table: enough to make calls cheap, few enough to show progress.
ROWS_BLOCK = 512
# Characters a token can stand for, generously; a longer text is read as a stream, or cut before
# tokenizing, so that a file of 50 MB costs no more than its first pages.
CHARACTERS_PER_TOKEN = 24


class Encoder:
    """An embedding model, ready to use.

        encoder = Encoder.load("c2llm-mini")
        similarity = encoder.encode_queries(["parse toml"]) @ encoder.encode_documents([code]).T

    Vectors are float32 rows of unit length. A text longer than the model's `max_tokens` is read in
    overlapping windows that merge into one vector (`encoding/long_text.py`), or is cut there; an
    empty text has a vector like any other. The vector of a text does not depend on the other texts
    of the call (but in graphs of an older export, whose int8 activations shared a scale).
    """

    def __init__(
        self,
        folder: ModelFolder,
        engine: Engine,
        *,
        long_texts: LongTexts | None = None,
        dim: int | None = None,
        token_budget: int | None = None,
        tokenizer: TextTokenizer | None = None,
    ) -> None:
        token_budget = engine.token_budget if token_budget is None else token_budget
        if token_budget < 1:
            raise UsageError(f"token_budget is {token_budget}; a batch holds at least one token.")
        if dim is not None and not 1 <= dim <= folder.dim:
            raise UsageError(f"dim is {dim}; {folder.name} has 1 to {folder.dim} dimensions.")
        self._dim = dim or folder.dim
        self.folder = folder
        self.token_budget = token_budget
        """Padded tokens of one engine call; a longer text goes alone."""
        self._shipped = folder
        self._mark, self._threads = "", 0
        self.placement = Placement()
        """Where it runs, and in which numbers."""
        # The last token of a window is not the last of the text.
        self._mergeable = folder.pooling != "last"
        windows = engine.token_level and self._mergeable
        self.long_texts: LongTexts = long_texts or ("window" if windows else "truncate")
        self._engine = engine
        self._tokenizer = tokenizer or TextTokenizer(
            folder.path / "tokenizer.json", folder.vocabulary
        )
        self._reader = LongTextReader(
            engine,
            self._tokenizer,
            max_tokens=folder.max_tokens,
            pad_id=folder.pad_id,
            token_budget=token_budget,
        )
        if self.long_texts == "window":
            self._need_windows("Reading long texts in windows")

    @classmethod
    def load(
        cls,
        name: str | Path = DEFAULT_MODEL,
        *,
        engine: str | None = None,
        threads: int = 0,
        device: str | Sequence[str] | None = None,
        dtype: str | None = None,
        long_texts: LongTexts | None = None,
        dim: int | None = None,
        tried: bool = False,
    ) -> Encoder:
        """Load a model.

        Args:
            name: a shipped name such as `c2llm-mini`, a model folder, or a hub id such as
                codefuse-ai/C2LLM-0.5B, of which data files are downloaded and nothing is run.
            engine: `table`, `onnx` or `torch`; by default the first whose file the folder has, but
                `torch` where there are weights and a device or dtype is asked for.
            threads: threads of the onnx engine, 0 for all cores.
            device: of the torch engine, `cpu`, `cuda`, `cuda:1`, `mps` or `auto`; the others run on
                the CPU. Several, in a list or joined by commas, or `cuda:*`, have a replica of the
                model each, among which the texts are dealt. By default that of `C2LLM_DEVICE`.
            dtype: `float32`, `bfloat16` or `float16` of the torch engine; by default that of
                `C2LLM_DTYPE`, or float32 on the CPU and what the weights have on another device.
            long_texts: what becomes of a text above the model's `max_tokens`: `window` reads all of
                it, `truncate` its beginning. By default `window`, unless the folder's graph is of
                an older export that gives no token states.
            dim: keep the first so many dimensions and normalise again; meant for models that were
                trained for it (Matryoshka, Kusupati et al. 2022, arXiv 2205.13147).
            tried: the folder is known to be harmless; others are first loaded by another process
                with limits, once (`encoding/trial.py`).

        Raises:
            UsageError: for an unknown model, engine, dtype or way with long texts, for a dim it
                has not, or a dtype or device of another engine than torch.
            ModelError: for an incomplete or damaged folder.
        """
        if long_texts not in (None, "window", "truncate"):
            raise UsageError(f"long_texts is 'window' or 'truncate', not {long_texts!r}.")
        folder, placement = open_placed(name, engine, device, dtype)
        built: Engine
        if not tried:
            require_tried(folder)
        if folder.engine == "torch":
            built = torch_engine(folder, placement)
        elif folder.engine == "table":
            built = TableEngine(folder.file("table"), folder.vocabulary)
        else:
            streams = threads or core_count()
            built = OnnxEngine(folder.file("onnx"), threads, streams)
        encoder = cls(folder, built, long_texts=long_texts, dim=dim)
        encoder.placement, encoder._mark = placement, placement.mark(folder)
        encoder._threads = threads
        encoder._require_room()
        return encoder

    def __reduce__(self) -> tuple[Callable[..., Encoder], tuple[object, ...]]:
        """A process that gets an encoder loads it again: workers of Ray, of a DataLoader."""
        settings = {
            "query_prompt": self.folder.query_prompt,
            "document_prompt": self.folder.document_prompt,
            "max_tokens": self.folder.max_tokens,
            "long_texts": self.long_texts,
            "token_budget": self.token_budget,
        }
        shipped = shipped_models().get(self._shipped.name) == self._shipped.path
        name = self._shipped.name if shipped else str(self._shipped.path.absolute())
        dim = self.dim if self.dim < self._shipped.dim else None
        engine = self._shipped.engine
        return _loaded_again, (name, engine, self._threads, self.placement, dim, settings)

    def run_outermost_tokens(self) -> None:
        """Embed the first token of the vocabulary, that of padding, and the last.

        Raises:
            ModelError: if the weights have no row for one, or its vector is not finite.
        """
        ids = np.array([[0, self.folder.pad_id, self.folder.vocabulary - 1]], dtype=np.int64)
        with blamed_on(self.folder.path, "run"):
            self._finish(self._engine.run(ids, np.ones_like(ids)), 1)

    def _require_room(self) -> None:
        """Raise ModelError where the special tokens leave none for a text."""
        special = len(self._tokenizer.prefix) + len(self._tokenizer.suffix)
        if special >= self.folder.max_tokens:
            raise ModelError(
                f"{self.folder.path} puts {special} special tokens around a text, but reads "
                f"{self.folder.max_tokens} in all; copy config.json and tokenizer.json from the "
                "same model."
            )

    @property
    def name(self) -> str:
        """What the user called the model."""
        return self.folder.name

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, tokenizer, config and what else decides a vector."""
        weights = self.folder.fingerprint(self.folder.engine)
        windows = "w" if self.long_texts == "window" else ""
        shortened = f"-{self.dim}" if self.dim < self.folder.dim else ""
        return f"{weights}{windows}{shortened}{self._mark}{self._changes()}"

    def adapted(
        self,
        *,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        max_tokens: int | None = None,
        long_texts: LongTexts | None = None,
        token_budget: int | None = None,
    ) -> Encoder:
        """The same weights with other prompts, limits or batches; engine and tokenizer are shared.

        None leaves a setting as it is. What changes vectors changes the fingerprint too.

        Raises:
            UsageError: for more tokens than the model reads, for less than one, or for a way with
                long texts that the model has not.
        """
        if max_tokens is not None and not 1 <= max_tokens <= self.folder.max_tokens:
            raise UsageError(
                f"max_tokens is {max_tokens}; {self.name} reads 1 to {self.folder.max_tokens}."
            )
        other = Encoder(
            replace(
                self.folder,
                query_prompt=self.folder.query_prompt if query_prompt is None else query_prompt,
                document_prompt=(
                    self.folder.document_prompt if document_prompt is None else document_prompt
                ),
                max_tokens=max_tokens or self.folder.max_tokens,
            ),
            self._engine,
            long_texts=long_texts or self.long_texts,
            dim=self.dim,
            token_budget=self.token_budget if token_budget is None else token_budget,
            tokenizer=self._tokenizer,
        )
        other._shipped, other._mark = self._shipped, self._mark
        other.placement, other._threads = self.placement, self._threads
        return other

    def _changes(self) -> str:
        """What of the fingerprint is due to `adapted`: the folder's files do not know of it."""
        if self.folder == self._shipped:
            return ""
        folder = self.folder
        settings = repr((folder.query_prompt, folder.document_prompt, folder.max_tokens))
        return f"-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"

    def encode_queries(
        self,
        texts: Iterable[str],
        *,
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """Vectors of queries, float32 (len(texts), dim); the model's query prompt goes in front.

        Args:
            texts: the queries; a generator is read to its end first, so that texts of like length
                share a batch.
            batch_size: texts of one call of the network at most, below what `token_budget` allows.
            progress: called with the number of texts that have just been finished.

        Raises:
            UsageError: for a batch_size below one, or for what is no text.
        """
        return self._encode(texts, self.folder.query_prompt, progress, batch_size=batch_size)[0]

    def encode_documents(
        self,
        texts: Iterable[str],
        *,
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> Vectors:
        """Vectors of documents, float32 (len(texts), dim); the document prompt goes in front.

        Args and errors are those of `encode_queries`.
        """
        return self._encode(texts, self.folder.document_prompt, progress, batch_size=batch_size)[0]

    @property
    def streams(self) -> int:
        """How many calls of `encode_prepared` are best made side by side."""
        return self._engine.streams

    @property
    def batch_tokens(self) -> int:
        """Padded tokens of one call at which the engine is fastest."""
        return self._engine.token_budget

    def prepare(self, texts: Sequence[str], *, as_queries: bool = False) -> list[PreparedText]:
        """Texts whose tokens are counted, for a caller that makes up batches of several requests.

        The query prompt goes in front of queries, the document prompt in front of the others.
        """
        prompt = self.folder.query_prompt if as_queries else self.folder.document_prompt
        most, limit = self.folder.max_tokens, self.folder.max_tokens * CHARACTERS_PER_TOKEN
        cuts = self.long_texts == "truncate"
        rows: Sequence[NDArray[np.int64] | NDArray[np.int32]]
        firsts = [text[:limit] for text in texts]
        table = self._table
        if table is not None:
            rows = self._tokenizer.bags(firsts, prompt)
            windows = table.counts_tokens
        else:
            tokens = self._tokenizer.tokens(firsts, prompt, offsets=False)
            rows, windows = [t.ids for t in tokens], True
        prepared: list[PreparedText] = []
        for text, ids in zip(texts, rows, strict=True):
            beyond = len(text) > limit
            if cuts and (beyond or len(ids) > most):
                read = self._beginning(text[:limit], prompt)
                prepared.append(PreparedText(text, prompt, read, len(read), cut=True))
            elif beyond or (windows and len(ids) > most):
                count = sum(len(part) for part in self._tokenizer.stream(text, prompt))
                count += len(self._tokenizer.prefix) + len(self._tokenizer.suffix)
                prepared.append(PreparedText(text, prompt, None, count, cut=False))
            else:
                prepared.append(PreparedText(text, prompt, ids, len(ids), cut=False))
        return prepared

    def encode_prepared(self, texts: Sequence[PreparedText]) -> Vectors:
        """Vectors (len(texts), dim) of prepared texts; those of one run share one padded batch."""
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        ids = {i: text.ids for i, text in enumerate(texts) if text.ids is not None}
        if ids:
            chosen, table = list(ids), self._table
            with blamed_on(self.folder.path, "run"):
                if table is not None:
                    rows = table.run_bags([a.astype(np.int32) for a in ids.values()])
                else:
                    batch = [a.astype(np.int64) for a in ids.values()]
                    rows = self._engine.run(*pad(batch, self.folder.pad_id))
            vectors[chosen] = self._finish(rows, len(chosen))
        for i in sorted(set(range(len(texts))).difference(ids)):
            self._encode_long([texts[i].text], [0], texts[i].prompt, vectors[i : i + 1], None)
        return vectors

    @property
    def _table(self) -> TableEngine | None:
        engine = self._engine
        return engine if isinstance(engine, TableEngine) and engine.sums_rows else None

    def _beginning(self, text: str, prompt: str) -> NDArray[np.int64] | NDArray[np.int32]:
        """The tokens that a model reads of a text that it reads the beginning of."""
        if self._table is not None:
            return self._tokenizer.bags([text], prompt, self.folder.max_tokens)[0]
        (tokens,) = self._tokenizer.tokens([text], prompt, offsets=False)
        return self._tokenizer.truncate(tokens, self.folder.max_tokens).ids

    def encode_with_attention(
        self, texts: Iterable[str], *, as_queries: bool = False, progress: Progress | None = None
    ) -> tuple[Vectors, list[TokenAttention]]:
        """Vectors of documents, or of queries, and what the pooling of each attended to."""
        prompt = self.folder.query_prompt if as_queries else self.folder.document_prompt
        return self._encode(texts, prompt, progress, attend=True)

    def encode_spans(
        self, text: str, spans: Sequence[tuple[int, int]]
    ) -> tuple[NDArray[np.float32], Vectors]:
        """The vector of a document and those of parts of it, from one pass over all its tokens.

        Args:
            text: a document of any length.
            spans: (start, stop) in characters, such as those of its functions and classes. A part
                is seen in its context: its vector differs from that of the part alone.

        Returns:
            The text's vector (dim,) and the spans' vectors (len(spans), dim), unit float32.

        Raises:
            UsageError: for a span that is not within the text.
            ModelError: if the folder's graph gives no token states.
        """
        for start, stop in spans:
            if not 0 <= start <= stop <= len(text):
                raise UsageError(
                    f"The span ({start}, {stop}) is not within a text of {len(text)} characters."
                )
        self._need_windows("Embedding spans")
        with blamed_on(self.folder.path, "run"):
            parts = self._reader.read(text, self.folder.document_prompt)
            whole, vectors = self._reader.pool_spans(parts, spans)
        return self._finish(whole[None], 1)[0], self._finish(vectors, len(spans))

    def _encode(
        self,
        given: Iterable[str],
        prompt: str,
        progress: Progress | None,
        *,
        batch_size: int | None = None,
        attend: bool = False,
    ) -> tuple[Vectors, list[TokenAttention]]:
        """Vectors and, if asked for, the attention of each text; otherwise an empty list."""
        texts = require_texts(given)
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}; a batch holds at least one text.")
        if attend:
            self._need_tokens("Returning attention")
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        attention: dict[int, TokenAttention] = {}
        if self._table is not None and not attend:
            return self._encode_rows(self._table, texts, prompt, progress), []
        tokens = self._tokenize(texts, prompt, offsets=attend)
        for chosen, result in self._run_short(tokens, attend, batch_size):
            if isinstance(result, TokenLevel):
                vectors[chosen] = self._finish(result.vectors, len(chosen))
                for row, i in enumerate(chosen):
                    weights = attention_weights(result.logits[row, ..., : len(tokens[i])])
                    attention[i] = TokenAttention(tokens[i].offsets, weights)
            else:
                vectors[chosen] = self._finish(result, len(chosen))
            if progress is not None:
                progress(len(chosen))
        long = sorted(set(range(len(texts))).difference(tokens))
        if not attend:
            self._encode_long(texts, long, prompt, vectors, progress)
            return vectors, []
        for i in long:
            record = AttentionRecord()
            with blamed_on(self.folder.path, "run"):
                parts = record.pass_on(self._reader.read(texts[i], prompt))
                pooled = self._reader.pool(parts)[None]
                attention[i] = record.attention()
            vectors[i] = self._finish(pooled, 1)
            if progress is not None:
                progress(1)
        return vectors, [attention[i] for i in sorted(attention)]

    def _run_short(
        self, tokens: dict[int, Tokens], attend: bool, batch_size: int | None
    ) -> Iterator[tuple[list[int], Vectors | TokenLevel]]:
        """What the engine makes of batches of texts, by their positions."""
        short, streams = list(tokens), self._engine.streams
        lengths = [len(tokens[i]) for i in short]
        budget = shared_budget(sum(lengths), self.token_budget, streams)
        batches = length_batches(lengths, budget, batch_size)

        def run(batch: list[int]) -> tuple[list[int], Vectors | TokenLevel]:
            chosen = [short[j] for j in batch]
            padded = pad([tokens[i].ids for i in chosen], self.folder.pad_id)
            with blamed_on(self.folder.path, "run"):
                return chosen, self._engine.tokens(*padded) if attend else self._engine.run(*padded)

        return side_by_side(run, batches, min(streams, max(1, len(batches))))

    def _encode_long(
        self,
        texts: Sequence[str],
        long: Sequence[int],
        prompt: str,
        vectors: Vectors,
        progress: Progress | None,
    ) -> None:
        """Fill the rows `long` of `vectors`, whose texts are read in windows."""
        for start in range(0, len(long), LONG_BLOCK):
            chosen = long[start : start + LONG_BLOCK]
            with blamed_on(self.folder.path, "run"):
                pooled = self._reader.pool_texts([texts[i] for i in chosen], prompt)
            vectors[chosen] = self._finish(pooled, len(chosen))
            if progress is not None:
                progress(len(chosen))

    def _encode_rows(
        self, engine: TableEngine, texts: Sequence[str], prompt: str, progress: Progress | None
    ) -> Vectors:
        """Vectors of texts by a table: no token knows another, so windows change nothing.

        Unless the table counts how often a token occurs, which it does in a window.
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        limit = self.folder.max_tokens * CHARACTERS_PER_TOKEN
        cut = self.folder.max_tokens if self.long_texts == "truncate" else None
        for start in range(0, len(texts), ROWS_BLOCK):
            block = texts[start : start + ROWS_BLOCK]
            long = [i for i, text in enumerate(block) if len(text) > limit and cut is None]
            short = ["" if i in long else text[:limit] for i, text in enumerate(block)]
            ids = self._tokenizer.bags(short, prompt, cut)
            if engine.counts_tokens and cut is None:
                windowed = [i for i, row in enumerate(ids) if len(row) > self.folder.max_tokens]
                long = sorted({*long, *windowed})
            with blamed_on(self.folder.path, "run"):
                rows = engine.run_bags(ids)
            vectors[start : start + len(block)] = self._finish(rows, len(block))
            self._encode_long(block, long, prompt, vectors[start : start + len(block)], None)
            if progress is not None:
                progress(len(block))
        return vectors

    def _tokenize(self, texts: Sequence[str], prompt: str, *, offsets: bool) -> dict[int, Tokens]:
        """Tokens of the texts that one run of the network reads; the others take windows."""
        limit = self.folder.max_tokens * CHARACTERS_PER_TOKEN
        window = self.long_texts == "window"
        chosen = [i for i, text in enumerate(texts) if not window or len(text) <= limit]
        tokens = self._tokenizer.tokens([texts[i][:limit] for i in chosen], prompt, offsets=offsets)
        if not window:
            tokens = [self._tokenizer.truncate(t, self.folder.max_tokens) for t in tokens]
        return {
            i: t for i, t in zip(chosen, tokens, strict=True) if len(t) <= self.folder.max_tokens
        }

    def _need_windows(self, what: str) -> None:
        if not self._mergeable:
            raise UsageError(
                f"{what} is not possible for {self.name}, which pools the last token alone; use "
                "long_texts='truncate'."
            )
        self._need_tokens(what)

    def _need_tokens(self, what: str) -> None:
        if not self._engine.token_level:
            raise ModelError(
                f"{what} needs token_logits, token_states and readout.onnx, which "
                f"{self.folder.path} lacks; export the model again with `c2llm export`."
            )

    def _finish(self, vectors: Vectors, rows: int) -> Vectors:
        """Check the engine's unit vectors, and shorten them if that was asked for."""
        if vectors.dtype != np.float32 or vectors.shape != (rows, self.folder.dim):
            raise ModelError(
                f"{self.folder.path} gives {vectors.dtype} vectors of shape {vectors.shape}, but "
                f"its config.json promises {(rows, self.folder.dim)}; export the model again."
            )
        require_unit(vectors, self.folder.path)
        if self.dim == self.folder.dim:
            return vectors
        kept = vectors[:, : self.dim]
        length = np.linalg.norm(kept, axis=1, keepdims=True)
        shortened: Vectors = kept / np.maximum(length, np.float32(1e-12))
        return shortened


def _loaded_again(
    name: str,
    engine: str,
    threads: int,
    placement: Placement,
    dim: int | None,
    settings: dict[str, Any],
) -> Encoder:
    """The encoder that `Encoder.__reduce__` has described."""
    torch = engine == "torch"
    encoder = Encoder.load(
        name,
        engine=engine,
        threads=threads,
        device=placement.devices if torch else None,
        dtype=placement.dtype if torch else None,
        dim=dim,
    )
    return encoder.adapted(**settings)
