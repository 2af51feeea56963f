"""Our index as mteb's `SearchProtocol` asks for one: words, vectors and their fusion.

Each document becomes a file in the language of the task and the index is built over them as over a
repository: cut into chunks, words into FTS5, vectors into the same file. A document is as good as
its best chunk. The ranker's features about paths and names is off: these documents have none.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from c2llm.errors import C2LLMError, UsageError
from c2llm.evaluation.mteb.prompts import TaskPrompts
from c2llm.evaluation.progress import ProgressBar, no_progress
from c2llm.evaluation.repositories.repo_benchmark import environment

if TYPE_CHECKING:
    from c2llm.encoding.protocol import TextEncoder
    from c2llm.search.code_index import CodeIndex
    from c2llm.search.request import Mode

MODES = ("hybrid", "dense", "lexical")
DEPTH = 100
"""Documents given for a query; mteb's measures at 1000 therefore stop at 100."""

# Tasks whose documents are code of one language; those of the multilingual ones are in the
# language of the subset, except where they are docstrings or diffs.
_EXTENSION = {
    "AppsRetrieval": "py",
    "CodeTransOceanContest": "cpp",
    "CodeTransOceanDL": "py",
    "CosQA": "py",
    "SyntheticText2SQL": "sql",
}
_OF_SUBSET = {"CodeSearchNetRetrieval", "CodeSearchNetCCRetrieval"}
_SUBSET_EXTENSION = dict(python="py", javascript="js", go="go", ruby="rb", java="java", php="php")
# Files of one directory; a million in one would slow the file system.
_FAN = 1000


class MtebIndex:
    """Builds an index of each corpus in a directory of its own, and asks it.

    Args:
        encoder: makes the vectors.
        meta: mteb's `ModelMeta`; it should tell the mode, so that results are filed apart.
        prompts: what stands before queries and documents.
        mode: `hybrid`, `dense` or `lexical`.
        progress_bar: shows building and asking.

    Raises:
        UsageError: for an unknown mode.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        meta: Any,
        prompts: TaskPrompts,
        mode: str = "hybrid",
        progress_bar: ProgressBar = no_progress,
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"No index mode is named {mode!r}; there are {', '.join(MODES)}.")
        self.mteb_model_meta = meta
        self._encoder, self._prompts, self._mode = encoder, prompts, mode
        self._progress_bar = progress_bar
        self._scratch: TemporaryDirectory[str] | None = None
        self._index: CodeIndex | None = None
        self._ids: list[str] = []

    def index(self, corpus: Any, *, task_metadata: Any, hf_subset: str, **kwargs: Any) -> None:
        """Write the corpus as files and index them; what was indexed before is let go."""
        from mteb.types import PromptType

        self.close()
        self._scratch = TemporaryDirectory(prefix="c2llm-mteb-")
        root = Path(self._scratch.name) / "corpus"
        self._ids = [str(id) for id in corpus["id"]]
        extension = _extension(task_metadata.name, hf_subset)
        texts = _texts(corpus, task_metadata, PromptType.document)
        for number, text in enumerate(texts):
            path = root / f"{number // _FAN}" / f"{number}.{extension}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="replace")
        with environment("C2LLM_HOME", self._scratch.name):
            self._index = self._open(root, task_metadata.name)

    def _open(self, root: Path, task: str) -> CodeIndex:
        from c2llm.search.code_index import CodeIndex

        try:
            if self._mode == "lexical":
                return CodeIndex.open(root, embed="none", progress_bar=self._progress_bar)
            encoder = self._prompts.adapt(self._encoder, task)
            return CodeIndex.open(
                root, encoder.name, encoder=encoder, progress_bar=self._progress_bar
            )
        except C2LLMError:
            self.close()
            raise

    def search(
        self,
        queries: Any,
        *,
        task_metadata: Any,
        hf_subset: str,
        top_k: int,
        top_ranked: Any = None,
        **kwargs: Any,
    ) -> dict[str, dict[str, float]]:
        """Query id -> document id -> score, for at most `DEPTH` documents a query.

        Raises:
            UsageError: for a task that gives the documents to be ranked: this is a search.
        """
        from mteb.types import PromptType

        from c2llm.search.ranking.ranker import NO_FEATURES

        if top_ranked is not None:
            raise UsageError(f"{task_metadata.name} reranks given documents; the index searches.")
        assert self._index is not None, "index() comes first"
        texts = _texts(queries, task_metadata, PromptType.query)
        found: dict[str, dict[str, float]] = {}
        k, mode = min(top_k, DEPTH), cast("Mode", self._mode)
        label = f"{task_metadata.name} {hf_subset} · asking"
        with self._progress_bar(label, len(texts)) as progress:
            for query, text in zip(queries["id"], texts, strict=True):
                hits = (
                    self._index.search(text, k, mode, granularity="file", weights=NO_FEATURES)
                    if text.strip()
                    else []
                )
                found[str(query)] = {self._ids[int(Path(h.path).stem)]: h.score for h in hits}
                progress(1)
        return found

    def finish(self, task: str) -> None:
        """Let go of the index of a task's last corpus."""
        self.close()

    def close(self) -> None:
        """Close the index and remove its files."""
        if self._index is not None:
            self._index.close()
            self._index = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None


def _extension(task: str, subset: str) -> str:
    if task in _OF_SUBSET:
        return _SUBSET_EXTENSION.get(subset, "txt")
    return _EXTENSION.get(task, "txt")


def _texts(dataset: Any, task_metadata: Any, prompt_type: Any) -> list[str]:
    """Texts as mteb gives them to a model: titles before texts, the turns of talks joined."""
    from mteb._create_dataloaders import create_dataloader

    loader = create_dataloader(
        dataset, task_metadata=task_metadata, prompt_type=prompt_type, batch_size=256
    )
    return [text for batch in loader for text in batch["text"]]
