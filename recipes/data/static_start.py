"""What c2llm-nano starts from: a vocabulary of the pairs, each token where a teacher puts it.

    python recipes/data/static_start.py DATA/mined.jsonl DATA/problems.jsonl ... \\
        --teacher c2llm-mini --vocabulary 26000 --dim 384 --out runs/nano-start

Embeddings that start at random know nothing of a word that the pairs show twice. So each token
starts where a trained model puts it: the teacher embeds the token alone, principal components keep
`dim` of its dimensions, and frequent tokens are shortened by a / (a + p) (SIF, Arora et al. 2017),
since a sum of rows would drown in them. Contrast then moves everything. Of a file with rows of the
split `train` the others are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, trainers
from tokenizers.models import WordPiece

from c2llm.encoding.encoder import Encoder
from c2llm.errors import DataError, UsageError
from c2llm.modeling.config import StaticConfig
from c2llm.modeling.static import StaticModel
from c2llm.modeling.tokenizer import IDENTIFIER_BOUNDARY
from c2llm.training.data.pair_loading import row_format
from c2llm.training.data.pair_sources import rows_of
from c2llm.training.run.recipe import DataConfig, SourceConfig

SIF_A = 3e-4
"""The a of a / (a + p); at it a token of probability a counts half."""
SPECIAL = ("[PAD]", "[UNK]")
LONGEST_WORD = 60
ALPHABET = 300
BATCH = 2000


def write_static_start(
    out: Path,
    texts: Callable[[], Iterable[str]],
    teacher: Encoder,
    *,
    vocabulary: int = 36_000,
    dim: int = 256,
) -> Path:
    """Write a backbone folder (`config.json`, `model.safetensors`, `tokenizer.json`).

    Args:
        out: the folder.
        texts: gives the training texts, queries and code, each time it is called.
        teacher: embeds the tokens.
        vocabulary: tokens at most.
        dim: width of an embedding; at most the teacher's.

    Returns:
        `out`.

    Raises:
        UsageError: if `dim` is above the teacher's.
        DataError: if there is no text to learn a vocabulary from.
    """
    if dim > teacher.dim:
        raise UsageError(f"dim is {dim}, but the teacher {teacher.name} has {teacher.dim}.")
    tokenizer = train_tokenizer(texts(), vocabulary)
    ids = tokenizer.get_vocab()
    names = sorted(ids, key=ids.__getitem__)
    if len(names) <= max(len(SPECIAL), dim):
        raise DataError(
            f"The texts gave {len(names)} tokens, too few for {dim} dimensions; give more texts."
        )
    vectors = teacher.encode_documents([name.removeprefix("##") for name in names])
    embeddings = principal_components(vectors, dim)
    probability = token_probabilities(tokenizer, texts(), len(names))
    embeddings *= (SIF_A / (SIF_A + probability))[:, None]
    embeddings[: len(SPECIAL)] = 0
    model = StaticModel(StaticConfig(len(names), dim, tokenizer.token_to_id("[PAD]")))
    with torch.no_grad():
        model.embeddings.weight.copy_(torch.from_numpy(embeddings.astype(np.float32)))
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    tokenizer.save(str(out / "tokenizer.json"))
    return out


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """A lower-casing WordPiece tokenizer that splits identifiers, learned from `texts`."""
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD))
    split = normalizers.Replace(Regex(IDENTIFIER_BOUNDARY), " ")
    tokenizer.normalizer = normalizers.Sequence([split, normalizers.BertNormalizer()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        limit_alphabet=ALPHABET,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def principal_components(vectors: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """Centred rows in their `dim` directions of largest variance, each row of unit length."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)  # variance grows with the index
    kept = centred @ directions[:, ::-1][:, :dim]
    unit: NDArray[np.float32] = kept / np.maximum(np.linalg.norm(kept, axis=1, keepdims=True), 1e-9)
    return unit


def token_probabilities(
    tokenizer: Tokenizer, texts: Iterable[str], size: int
) -> NDArray[np.float64]:
    """Share of each token among all tokens of the texts (size,), counts smoothed by one."""
    counts: NDArray[np.float64] = np.ones(size)
    for batch in _batches(texts):
        for encoding in tokenizer.encode_batch_fast(batch):
            counts += np.bincount(encoding.ids, minlength=size)
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _batches(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    stream = iter(texts)
    while batch := list(islice(stream, BATCH)):
        yield batch


def texts(files: list[Path]) -> Iterator[str]:
    """Queries and documents of all training rows."""
    config = DataConfig()
    for source in (SourceConfig(str(path)) for path in files):
        rows = row_format(source, config)
        splits = {row.get("split") for _, row in rows_of(source, Path())}
        for where, row in rows_of(source, Path()):
            if row.get("split") == "train" or "train" not in splits:
                pair = rows.parse(row, where)
                yield pair.query
                yield from pair.positives


def main() -> None:
    """Read, learn and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", type=Path, help="JSONL, also .gz, or Parquet")
    parser.add_argument("--teacher", default="c2llm-mini", help="a shipped name, or a folder")
    parser.add_argument("--vocabulary", type=int, default=26_000, help="tokens at most")
    parser.add_argument("--dim", type=int, default=384, help="width, at most the teacher's")
    parser.add_argument("--out", type=Path, required=True, help="for model.backbone of a recipe")
    arguments = parser.parse_args()
    folder = write_static_start(
        arguments.out,
        lambda: texts(arguments.pairs),
        Encoder.load(arguments.teacher),
        vocabulary=arguments.vocabulary,
        dim=arguments.dim,
    )
    print(f"{folder}: start of {arguments.dim} dimensions, from {arguments.teacher}")


if __name__ == "__main__":
    main()
