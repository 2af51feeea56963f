"""Hard negatives: documents that look like the answer to a query and are not.

The recipe is that of F2LLM (arXiv 2510.02294), by the authors of C2LLM, who do not tell theirs: an
embedding model ranks all documents; of the first 100 the first few are skipped, for they are often
answers that nobody marked; what scores as high as the positive goes for the same reason; of the
rest, the first 24 are kept.

The documents are those of the pair files themselves, searched within the row's dataset and
language: a shell command is no hard negative for a question about Java. A text is never a negative
where it equals, formatting aside, a positive of the same query in any row.

    OUT.work/plan.json                what is mined, so that other work is not mixed with it
    OUT.work/{documents,queries}/     vectors, a file for each block that is finished
    OUT                               the rows, in order, with `negatives`, `negative_scores`
                                      and `positive_score`; written beside and renamed
    OUT.documents                     with `ids`, the texts that rows name by number instead
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shutil import move
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c2llm.encoding.protocol import Progress
from c2llm.errors import DataError, UsageError
from c2llm.output_folder import claim_work_folder, remove_folder
from c2llm.training.data.jsonl import write_rows
from c2llm.training.data.stored_texts import SUFFIX, TextWriter, text_writer
from c2llm.training.mining.negative_scorers import Miner
from c2llm.training.run.checkpoint import write_json

_WORD = re.compile(r"[^\W_]+")
_SUFFIXES = (".jsonl", ".jsonl.gz")

SKIP_ONE_OF = 20
"""`MiningRules.skip` leaves out at most one of so many documents, which is 5 of F2LLM's 100."""


@dataclass(frozen=True)
class MiningRules:
    """Which of the nearest documents are kept."""

    top: int = 100
    """Nearest documents that are looked at, positives not counted."""
    skip: int = 5
    """So many of the nearest are left out: often they are answers. Never more than a twentieth of
    the documents searched: among a dozen functions the nearest few are all there is."""
    max_score: float | None = 0.8
    """Kept documents score below this; for cosines only."""
    min_score: float | None = None
    """Kept documents score above this; 0 for BM25, where less than that shares no word."""
    max_share: float | None = 0.95
    """Kept documents score below this share of the positive's score."""
    keep: int = 24
    """Negatives of a row at most."""
    by: tuple[str, ...] = ("dataset", "language")
    """Documents are searched among rows that are equal in these."""
    min_corpus: int = 200
    """A group with fewer documents is searched with the others of its dataset."""
    header_share: float = 0.5
    """Share of the negatives that carry their row's `header`, as positives do in training; were
    there none, a header would give the positive away."""

    def __post_init__(self) -> None:
        if self.top < 1 or self.keep < 1 or self.skip < 0:
            raise UsageError(
                f"top ({self.top}) and keep ({self.keep}) must be at least 1, skip ({self.skip}) 0."
            )
        if self.skip >= self.top:
            raise UsageError(f"skip ({self.skip}) leaves nothing of the top {self.top}.")
        if unknown := set(self.by) - {"dataset", "language"}:
            raise UsageError(f"Rows are grouped by dataset and language, not {sorted(unknown)[0]}.")
        if not 0 <= self.header_share <= 1:
            raise UsageError(f"header_share is {self.header_share}; it must be 0 to 1.")


@dataclass
class MiningReport:
    """What came out."""

    out: str
    miner: str
    rows: int = 0
    documents: int = 0
    negatives: int = 0
    rows_with_7: int = 0
    """Rows with as many negatives as C2LLM's training draws."""
    rows_with_none: int = 0
    groups: dict[str, dict[str, float]] = field(default_factory=dict)
    """Rows, documents and mean negatives of each group."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)


@dataclass(slots=True)
class _Corpus:
    """The texts of all rows, each once."""

    queries: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    """Of each document; "" where its row has none."""
    rows: list[tuple[int, tuple[int, ...], str]] = field(default_factory=list)
    """Query, positives and group of each row."""
    answers: dict[int, set[int]] = field(default_factory=dict)
    """Query -> positives in any row."""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """The negatives of one row, by their places in the corpus."""

    own: float
    """Score of its positive."""
    documents: NDArray[np.int32]
    scores: NDArray[np.float64]


_NOTHING = _Found(0.0, np.empty(0, np.int32), np.empty(0))


def mine_negatives(
    files: Sequence[Path],
    out: Path,
    miner: Miner,
    rules: MiningRules | None = None,
    *,
    ids: bool = False,
    on_start: Callable[[str, int], Progress] = lambda what, total: lambda done: None,
) -> MiningReport:
    """Write the rows of pair files with hard negatives.

    Args:
        files: JSON Lines, gzipped or not, rows with `query` and `positive` (or `doc`).
        out: the file to write. Work that is not finished lies in a folder beside it.
        miner: what scores.
        rules: which documents are kept.
        ids: write each negative once (`stored_texts.py`), not in each row.
        on_start: called with the name of a stage and its size; returns its progress.

    Raises:
        DataError: for a malformed row, naming file and line.
        UsageError: if the folder beside `out` holds other unfinished mining.
    """
    rules = rules or MiningRules()
    corpus = _read_corpus(files, rules)
    work = out.with_name(out.name + ".work")
    _claim(work, {"rows": corpus.digest, "miner": miner.fingerprint})
    total = len(corpus.documents) + len(corpus.queries)
    miner.prepare(corpus.queries, corpus.documents, work, on_start("embedding", total))
    report = MiningReport(str(out), miner.name, len(corpus.rows), len(corpus.documents))
    found = _search(corpus, miner, rules, report, on_start("searching", len(corpus.rows)))
    rows = zip(_rows(files), corpus.rows, found, strict=True)
    if ids:
        documents = out.with_name(out.name + SUFFIX)
        with text_writer(documents) as texts:
            # The rows are kept aside until the texts that they name are all there.
            write_rows(
                work / "rows",
                (
                    _without_texts(row)
                    | {"positive_score": mined.own, "documents": documents.name}
                    | {"negative_ids": _numbers(corpus, asked, mined, rules, texts)}
                    | {"negative_scores": mined.scores.tolist()}
                    for (_, row), (asked, _, _), mined in rows
                ),
            )
        move(work / "rows", out)
    else:
        write_rows(
            out,
            (
                _without_texts(row)
                | {"positive_score": mined.own}
                | {"negatives": [_text(corpus, int(i), asked, rules) for i in mined.documents]}
                | {"negative_scores": mined.scores.tolist()}
                for (_, row), (asked, _, _), mined in rows
            ),
        )
    remove_folder(work)
    return report


def _without_texts(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the negatives that it brought."""
    gone = {"negative", "negatives", "negative_ids", "documents", "negative_scores"}
    return {name: value for name, value in row.items() if name not in gone}


def _numbers(
    corpus: _Corpus, query: int, mined: _Found, rules: MiningRules, texts: TextWriter
) -> list[int]:
    """A row's negatives by number; with and without its header, a document is two texts."""
    numbers = []
    for document in mined.documents.tolist():
        text = _text(corpus, document, query, rules)
        numbers.append(texts.number((document, len(text)), text))
    return numbers


def select(
    scores: NDArray[np.float32], positives: Sequence[int], answers: set[int], rules: MiningRules
) -> tuple[list[int], float]:
    """The hard negatives of one query.

    Args:
        scores: of all documents of the group (N,).
        positives: positions of the row's positives.
        answers: positions that are never negatives; the positives are among them.
        rules: which documents are kept.

    Returns:
        Positions, nearest first, and the best score of a positive.
    """
    own = float(scores[list(positives)].max())
    depth = min(len(scores), rules.top + len(answers))
    # Equal scores keep the order of the corpus, whatever the partition does with them.
    nearest = np.flatnonzero(scores >= -np.partition(-scores, depth - 1)[depth - 1])
    nearest = nearest[np.argsort(-scores[nearest], kind="stable")]
    others = [int(i) for i in nearest if int(i) not in answers][: rules.top]
    limit = np.inf if rules.max_score is None else rules.max_score
    if rules.max_share is not None:
        # A share of a negative cosine would lie above it.
        limit = min(limit, rules.max_share * own if own > 0 else own)
    floor = -np.inf if rules.min_score is None else rules.min_score
    kept = [i for i in others[rules.skip :] if floor < scores[i] < limit]
    return kept[: rules.keep], own


def _search(
    corpus: _Corpus, miner: Miner, rules: MiningRules, report: MiningReport, progress: Progress
) -> list[_Found]:
    """What is added to each row, in order."""
    if not miner.is_cosine:
        rules = replace(rules, max_score=None, min_score=rules.min_score or 0.0)
    found: list[_Found] = [_NOTHING] * len(corpus.rows)
    for group, members in sorted(_groups(corpus, rules).items()):
        ids = sorted({d for m in members for d in corpus.rows[m][1]})
        place = {document: position for position, document in enumerate(ids)}
        rules_here = replace(rules, skip=min(rules.skip, len(ids) // SKIP_ONE_OF))
        of_query: dict[int, list[int]] = {}
        for member in members:
            of_query.setdefault(corpus.rows[member][0], []).append(member)
        kept_here = 0
        for block, scores in miner.scores(list(of_query), ids):
            for query, row_scores in zip(block, scores, strict=True):
                answers = {place[d] for d in corpus.answers[query] if d in place}
                for member in of_query[query]:
                    positives = [place[d] for d in corpus.rows[member][1]]
                    kept, own = select(row_scores, positives, answers, rules_here)
                    found[member] = _Found(
                        own=round(own, 4),
                        documents=np.array([ids[i] for i in kept], np.int32),
                        scores=np.round(row_scores[kept].astype(np.float64), 4),
                    )
                    kept_here += len(kept)
                    report.rows_with_7 += len(kept) >= 7
                    report.rows_with_none += not kept
                    progress(1)
        report.negatives += kept_here
        report.groups[group] = {
            "rows": len(members),
            "documents": len(ids),
            "negatives_a_row": round(kept_here / len(members), 2),
        }
    return found


def _text(corpus: _Corpus, document: int, query: int, rules: MiningRules) -> str:
    """A negative as it is trained on; whether with its header is the same on every machine."""
    text, header = corpus.documents[document], corpus.headers[document]
    if not header:
        return text
    seed = hashlib.blake2b(f"{corpus.queries[query]}\0{text}".encode(errors="replace")).digest()
    return f"{header}\n{text}" if seed[0] < 256 * rules.header_share else text


def _groups(corpus: _Corpus, rules: MiningRules) -> dict[str, list[int]]:
    """Rows by group; groups with few documents are put together, by dataset."""
    groups: dict[str, list[int]] = {}
    for index, (_, _, group) in enumerate(corpus.rows):
        groups.setdefault(group, []).append(index)
    joined: dict[str, list[int]] = {}
    for group, members in groups.items():
        documents = {d for m in members for d in corpus.rows[m][1]}
        name = group if len(documents) >= rules.min_corpus else group.partition("/")[0]
        joined.setdefault(name, []).extend(members)
    return joined


def _read_corpus(files: Sequence[Path], rules: MiningRules) -> _Corpus:
    corpus = _Corpus()
    digest = hashlib.sha256()
    documents: dict[str, int] = {}
    queries: dict[str, int] = {}
    for where, row in _rows(files):
        query = row.get("query")
        if not isinstance(query, str) or not query.strip():
            raise DataError(f"{where} has no text in `query`.")
        positives = _positives(row, where)
        ids = []
        for text in positives:
            key = _key(text)
            if key not in documents:
                documents[key] = len(corpus.documents)
                corpus.documents.append(text)
                corpus.headers.append(str(row.get("header") or ""))
            ids.append(documents[key])
        # The same words asked again are the same question.
        asked = queries.setdefault(_key(query), len(corpus.queries))
        if asked == len(corpus.queries):
            corpus.queries.append(query)
        dataset = str(row.get("dataset") or where.rpartition("/")[2].partition(".")[0])
        language = str(row.get("language") or row.get("lang") or "")
        group = [dataset if "dataset" in rules.by else "all"]
        group += [language] if "language" in rules.by else []
        corpus.rows.append((asked, tuple(dict.fromkeys(ids)), "/".join(group)))
        corpus.answers.setdefault(asked, set()).update(ids)
        digest.update(f"{query}\0{positives}\0{group}\n".encode(errors="replace"))
    if not corpus.rows:
        raise DataError(
            f"There is no pair in {', '.join(map(str, files))}: mine some with c2llm mine pairs."
        )
    corpus.digest = digest.hexdigest()[:24]
    return corpus


def _positives(row: dict[str, Any], where: str) -> list[str]:
    for name in ("positive", "positives", "doc", "document"):
        value = row.get(name)
        texts = [value] if isinstance(value, str) else value
        if (
            isinstance(texts, list)
            and texts
            and all(isinstance(t, str) and t.strip() for t in texts)
        ):
            return texts
    raise DataError(f"{where} has no text in `positive`: a row needs `query` and `positive`.")


def _key(text: str) -> str:
    """Equal for texts that differ in formatting, punctuation and case alone."""
    words = " ".join(_WORD.findall(text.lower()))
    return hashlib.blake2b((words or text).encode(errors="replace"), digest_size=16).hexdigest()


def pair_files(names: Sequence[str]) -> list[Path]:
    """The pair files that the command line names: files, and all those in folders.

    Raises:
        UsageError: if one is not there or holds none.
    """
    files: list[Path] = []
    for name in names:
        path = Path(name)
        found = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        found = [p for p in found if p.name.endswith(_SUFFIXES) or p == path]
        if not found:
            raise UsageError(f"{name} is no file or folder with {' or '.join(_SUFFIXES)}.")
        files.extend(found)
    return list(dict.fromkeys(files))


def _rows(files: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in files:
        try:
            with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise DataError(f"{path}:{number} is not a JSON object.")
                    yield f"{path}:{number}", row
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number} is not JSON in UTF-8.") from error
        except (OSError, EOFError) as error:
            raise DataError(f"{path} cannot be read: {error}.") from error


def _claim(work: Path, plan: dict[str, str]) -> None:
    """Make the work folder, or check that what is in it belongs to this mining."""
    claim_work_folder(work)
    path = work / "plan.json"
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != plan:
            raise UsageError(
                f"{work} holds unfinished mining of other pairs or by another model: give that "
                "command again, or remove the folder."
            )
        return
    write_json(path, plan)
