"""Which English words a foreign word stands for, counted in parallel text.

    python recipes/lexicon/align.py --pairs pairs --out counts

IBM Model 1 (Brown et al. 1993, section 4.3) is fitted in both directions; a pair of words counts by
the product of both posteriors, so that each must be the other's best explanation (Liang et al.
2006, "Alignment by agreement"). That keeps `the` and `function`, which stand in every second
sentence, from being the translation of everything. Scripts without spaces are cut into pieces by a
unigram model of the same text. A file per language is written: word, English stem, English word as
most often spelled, expected count, count of the word.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.codebase.identifiers import UNSPACED, words
from c2llm.codebase.words import stem

_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
_KATAKANA = re.compile("[\u30a0-\u30ff]+|[^\u30a0-\u30ff]+")
_WORD = re.compile(r"[^\W\d_]+")
_PIECES = {"zh": 24_000, "ja": 24_000, "ko": 24_000}
_LONGEST_PIECE = 8
_ROUNDS = 6
_LEAST = 2
"""Sentences that a word must be in to be counted."""
_LEAST_COUNT = 0.5
_MOSTLY = 0.5

Tokens = list[str]


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--languages", nargs="*")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(arguments.pairs.glob("*.tsv")):
        if not arguments.languages or path.stem in arguments.languages:
            rows = align(path.stem, path)
            (arguments.out / path.name).write_text("".join(rows), encoding="utf-8")
            print(path.stem, len(rows), "rows", flush=True)


def align(language: str, path: Path) -> list[str]:
    """The lines of a language's file."""
    pairs = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [pair for pair in pairs if len(pair) == 2]
    cut = cutter(language, [foreign for _, foreign in pairs])
    english = [
        [word for word in words(text) if word.isascii() and word.isalpha()] for text, _ in pairs
    ]
    foreign = _without_names([text for text, _ in pairs], [cut(text) for _, text in pairs])
    spelled: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sentence in english:
        for word in sentence:
            spelled[stem(word)][word] += 1
    stems = [[stem(word) for word in sentence] for sentence in english]
    f_names, f_ids = _numbered(foreign)
    e_names, e_ids = _numbered(stems)
    together, links = _links(f_ids, e_ids)
    counts = _agreed(together, links, len(f_names), len(e_names))
    of_foreign = np.bincount(np.concatenate(f_ids), minlength=len(f_names))
    rows: list[str] = []
    for at in np.lexsort((-counts, together // len(e_names))):
        f, e = divmod(int(together[at]), len(e_names))
        if f and e and counts[at] >= _LEAST_COUNT:
            spelling = spelled[e_names[e]].most_common(1)[0][0]
            rows.append(
                f"{f_names[f]}\t{e_names[e]}\t{spelling}\t{counts[at]:.2f}\t{of_foreign[f]}\n"
            )
    return rows


def _without_names(english: Sequence[str], foreign: Sequence[Tokens]) -> list[Tokens]:
    """The foreign sentences without words that stand in the English ones too, mostly.

    Those are names, or need no translation.
    """
    all_of: Counter[str] = Counter()
    alike: Counter[str] = Counter()
    for text, sentence in zip(english, foreign, strict=True):
        there = {word.lower() for word in _WORD.findall(text)}
        different = set(sentence)
        all_of.update(different)
        alike.update(different & there)
    names = {word for word, count in alike.items() if count >= _MOSTLY * all_of[word]}
    return [[word for word in sentence if word not in names] for sentence in foreign]


def cutter(language: str, texts: Sequence[str]) -> Callable[[str], Tokens]:
    """What cuts a text of the language into words, lower case."""
    if language not in _PIECES:
        return lambda text: [word.lower() for word in _WORD.findall(text)]
    from tokenizers import Tokenizer, models, trainers

    runs = [run for text in texts for run in _runs(text)]
    tokenizer = Tokenizer(models.Unigram())
    trainer = trainers.UnigramTrainer(
        vocab_size=_PIECES[language], max_piece_length=_LONGEST_PIECE, unk_token="<unk>",
        special_tokens=["<unk>"], show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(runs, trainer)
    known: dict[str, Tokens] = {}

    def cut(text: str) -> Tokens:
        found: Tokens = []
        for run in _runs(text):
            if run not in known:
                encoded = tokenizer.encode(run)
                known[run] = [run[start:end] for start, end in encoded.offsets]
            found += known[run]
        return found

    return cut


def _runs(text: str) -> list[str]:
    return [part for run in _UNSPACED_RUN.findall(text) for part in _KATAKANA.findall(run)]


def _numbered(sentences: Sequence[Tokens]) -> tuple[list[str], list[NDArray[np.int64]]]:
    """Names by number, 0 for no word, and the different numbers of each sentence, 0 first."""
    frequency = Counter(word for sentence in sentences for word in set(sentence))
    names = ["", *(word for word, count in frequency.items() if count >= _LEAST)]
    number = {name: at for at, name in enumerate(names)}
    return names, [
        np.array([0, *dict.fromkeys(number[word] for word in sentence if word in number)], np.int64)
        for sentence in sentences
    ]


class Links:
    """All pairs of words that stand in one sentence, as flat arrays."""

    def __init__(
        self, pair: NDArray[np.int64], f_place: NDArray[np.int64], e_place: NDArray[np.int64],
        f: NDArray[np.int64], e: NDArray[np.int64],
    ) -> None:  # fmt: skip
        self.pair, self.f_place, self.e_place, self.f, self.e = pair, f_place, e_place, f, e


def _links(
    f_ids: Sequence[NDArray[np.int64]], e_ids: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.int64], Links]:
    """The different pairs as `f * number of e + e`, and where each occurs."""
    nf = np.array([len(ids) for ids in f_ids])
    ne = np.array([len(ids) for ids in e_ids])
    f_flat, e_flat = np.concatenate(f_ids), np.concatenate(e_ids)
    f_start = np.cumsum(nf) - nf
    e_start = np.cumsum(ne) - ne
    of_f = np.repeat(np.arange(len(nf)), nf)  # sentence of each foreign word
    f_place = np.repeat(np.arange(len(f_flat)), ne[of_f])
    runs = ne[of_f]
    within = np.arange(len(f_place)) - np.repeat(np.cumsum(runs) - runs, runs)
    e_place = e_start[of_f[f_place]] + within
    assert f_start[-1] < len(f_flat)
    total = int(e_flat.max()) + 1
    code = f_flat[f_place] * total + e_flat[e_place]
    together, pair = np.unique(code, return_inverse=True)
    return together, Links(pair, f_place, e_place, f_flat[f_place], e_flat[e_place])


def _agreed(
    together: NDArray[np.int64], links: Links, number_f: int, number_e: int
) -> NDArray[np.float64]:
    """For each pair the expected count of links on which both directions agree."""
    f_of, e_of = together // number_e, together % number_e

    def fitted(
        given: NDArray[np.int64], number: int, place: NDArray[np.int64], none: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        # p(other | given); each place of the other side is explained by one word, or by none.
        chance = np.ones(len(together))
        posterior = np.zeros(0)
        for _ in range(_ROUNDS):
            weight = chance[links.pair]
            weight[none] = 0.0  # that no word is explained needs no explanation
            total = np.bincount(place, weight)
            posterior = weight / np.maximum(total[place], 1e-300)
            counts = np.bincount(links.pair, posterior, minlength=len(together))
            chance = counts / np.maximum(
                np.bincount(given, counts, minlength=number)[given], 1e-300
            )
        return posterior

    of_e = fitted(f_of, number_f, links.e_place, links.e == 0)
    of_f = fitted(e_of, number_e, links.f_place, links.f == 0)
    return np.bincount(links.pair, of_e * of_f, minlength=len(together))


if __name__ == "__main__":
    main()
