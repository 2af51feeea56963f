"""A model that knows nothing but words, to be one of several teachers: TF-IDF as dense vectors.

    python recipes/data/word_table.py DATA/mined.jsonl --tokens c2llm-mini --out DATA/words

What contrast teaches is mostly meaning; how telling a shared rare name is, words know better. Every
token gets a row of random signs times its inverse document frequency among the documents of the
pairs, and a text is the sum of its tokens' rows, n occurrences of one counting n ** `--tf-power`.
Cosines of such sums are those of TF-IDF vectors, but for noise of some 1 / sqrt(dim) (random
projection with signs: Achlioptas 2003). The folder opens like any model of the engine `table`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from c2llm.encoding.model_folder import open_folder
from c2llm.modeling.config import C2LLMConfig, StaticConfig

AT_ONCE = 4096


def inverse_document_frequencies(
    tokenizer: Tokenizer, documents: Iterable[str]
) -> NDArray[np.float32]:
    """log((N + 1) / (df + 1)) of every token over N documents, float32 (vocabulary,)."""
    texts = list(documents)
    counts = np.zeros(tokenizer.get_vocab_size(), dtype=np.int64)
    for start in range(0, len(texts), AT_ONCE):
        for read in tokenizer.encode_batch(texts[start : start + AT_ONCE]):
            counts[np.unique(read.ids)] += 1
    return np.log((len(texts) + 1) / (counts + 1)).astype(np.float32)


def write_word_table(
    out: Path, tokenizer_file: Path, documents: Iterable[str], *, dim: int, tf_power: float
) -> None:
    """Write `table.npz`, `config.json` and `tokenizer.json` into `out`."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    weights = inverse_document_frequencies(tokenizer, documents)
    vocabulary = len(weights)
    signs = np.random.default_rng(17).choice(np.array([-1, 1], np.int8), (vocabulary, dim))
    out.mkdir(parents=True, exist_ok=True)
    np.savez(
        out / "table.npz",
        score=np.zeros((vocabulary, 1, 1), np.float16),
        value=signs,
        value_scale=weights / np.float32(dim**0.5),
        # One head that averages all of the value: the same as not split, and summed faster.
        split_heads=np.bool_(True),
        merge_mean=np.bool_(False),
        tf_power=np.float32(tf_power),
    )
    backbone = StaticConfig(vocab_size=vocabulary, hidden_size=dim)
    config = C2LLMConfig(backbone, pooling="mean", tf_power=tf_power, max_tokens=32768)
    (out / "config.json").write_text(json.dumps(config.to_dict(), indent=2), encoding="utf-8")
    shutil.copyfile(tokenizer_file, out / "tokenizer.json")


def main() -> None:
    """Count, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pairs", type=Path, help="JSONL; documents are counted in `positive`")
    parser.add_argument("--tokens", default="c2llm-mini", help="model whose tokenizer is taken")
    parser.add_argument("--dim", type=int, default=768, help="width of the vectors")
    parser.add_argument("--tf-power", type=float, default=0.4)
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    arguments = parser.parse_args()
    with arguments.pairs.open(encoding="utf-8") as lines:
        documents = [json.loads(line)["positive"] for line in lines]
    write_word_table(
        arguments.out,
        open_folder(arguments.tokens).path / "tokenizer.json",
        documents,
        dim=arguments.dim,
        tf_power=arguments.tf_power,
    )
    print(f"{arguments.out}: {arguments.dim} dimensions, from {len(documents):,} documents")


if __name__ == "__main__":
    main()
