"""The lexicon that is shipped: learned translations, and what programmers' terms are by hand.

    python recipes/lexicon/build.py --pairs pairs --counts counts --out models/lexicon/words.tsv

`parallel_text.py` wrote the pairs, `align.py` the counts; `terms.txt` and `function_words.txt` are
written by hand and go before what was learned. What the lines mean is said in
`search/translation/lexicon.py`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from c2llm.codebase.identifiers import words
from c2llm.codebase.words import stem
from c2llm.search.query.query_parsing import _STOP_WORDS
from c2llm.search.translation.word_forms import (
    ALGORITHMS,
    LATIN,
    folded,
    keys_of,
    phrase_key,
    stem_keys,
    word_key,
)

HERE = Path(__file__).parent
TERM_LANGUAGES = ("zh", "ja", "ko", "de", "ru", "es", "fr", "pt", "it")
SAYING = frozenset(
    "code find function functions get gives help implement implementation implemented implements"
    " like made make makes mechanism support supports use used user uses using want work"
    " works".split()
)
"""Words that a question in English does without, but that a foreign word may stand for."""
FUNCTION_WORDS = (_STOP_WORDS - SAYING) | {"here", "now", "also", "because", "therefore", "however"}
_LEAST_SHARE = 0.12
"""Of a word's occurrences that its translation must explain."""
_LEAST_SHARE_OF_COMMON = 0.2
_COMMON = 100
"""The same of a word that so many sentences have."""
_LEAST_COUNT = 1.2
_BESIDE = 0.3
"""Of the best translation's share that another one needs."""
_MOST = 3
_BY_HAND = (1.0, 0.5, 0.4, 0.3, 0.3)
"""Weights of a term's English words in order."""
_HOLDS_TOGETHER = 25
"""Sentences that have a word which no English word explains: it is none that says anything."""
_CODE_VOCABULARY = HERE.parents[1] / "models" / "c2llm-nano" / "tokenizer.json"
_LEAST_SHARE_BACK = 0.3
"""Of a word's occurrences that an English one must explain for the word to be looked for."""
_LEAST_BACK = 3.0
_MOST_BACK = 3
_BACK = ("zh", "ja", "ko", "ru", "de", "es", "fr", "pt", "it")
_STOPPED = frozenset(map(stem, _STOP_WORDS))
_OFTEN = 5
"""Sentences with a word as it is written that make its own translation surer than its stem's."""
_ENGLISH = 3
"""Occurrences in English text that make a word one of English."""

Shares = dict[str, float]


def learned(path: Path) -> tuple[dict[str, Shares], Counter[str]]:
    """For each key of a language its English words, and how often each word as written occurs.

    A word that means something else than the others of its stem, as Spanish `como` beside
    `comando`, has a key of its own.
    """
    language = path.stem
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    of_word: defaultdict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    surfaces: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, english, spelled, count, total = line.split("\t")
        spelling[english] = spelled
        if len(word) == 1 and language in ALGORITHMS:
            continue
        for key in stem_keys(language, word):
            counts[key][english] += float(count)
            if word not in surfaces:
                totals[key] += int(total)
        of_word[word][english] += float(count)
        surfaces[word] = int(total)
    for word, of_surface in of_word.items():
        own = of_surface.most_common(1)[0][0]
        usual = counts[stem_keys(language, word)[0]].most_common(1)[0][0]
        if language in ALGORITHMS and surfaces[word] >= _OFTEN and own != usual:
            key = word_key(language, word)
            counts[key], totals[key] = of_surface, surfaces[word]
    found: dict[str, Shares] = {}
    for key, of_key in counts.items():
        best = of_key.most_common(1)[0][1]
        if spelling[of_key.most_common(1)[0][0]] in FUNCTION_WORDS:
            found[key] = {}
            continue
        share = _LEAST_SHARE if totals[key] < _COMMON else _LEAST_SHARE_OF_COMMON
        least = max(_LEAST_COUNT, _BESIDE * best, _LEAST_SHARE * totals[key])
        if best < share * totals[key]:
            least = best + 1.0
        kept = {
            spelling[english]: count / totals[key]
            for english, count in of_key.most_common(_MOST)
            if count >= least and spelling[english] not in FUNCTION_WORDS
        }
        if kept:
            found[key] = kept
        elif totals[key] >= _HOLDS_TOGETHER:
            found[key] = {}
    return found, surfaces


def function_words() -> Iterator[tuple[str, str]]:
    """Language and word of those that are written down by hand."""
    for line in (HERE / "function_words.txt").read_text(encoding="utf-8").splitlines():
        language, colon, known = line.partition(":")
        if colon and not line.startswith("#"):
            yield from ((language, word) for word in known.split())


def reversed_words(path: Path) -> dict[str, Shares]:
    """For each English stem the words of a language that stand for it most often."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in path.read_text(encoding="utf-8").splitlines():
        word, english, _, count, total = line.split("\t")
        if len(word) > 1 and float(count) >= _LEAST_SHARE_BACK * int(total):
            counts[english][word] += float(count)
    found: dict[str, Shares] = {}
    for english, of_stem in counts.items():
        every = sum(of_stem.values())
        kept = {
            word: count / every
            for word, count in of_stem.most_common(_MOST_BACK)
            if count >= max(_LEAST_BACK, 0.1 * every)
        }
        if kept and english not in _STOPPED:
            found[f"{path.stem}<{english}"] = kept
    return found


def by_hand() -> dict[str, list[list[str]]]:
    """For each key the terms that have it, each as English words, the first the likeliest."""
    found: defaultdict[str, list[list[str]]] = defaultdict(list)
    for line in (HERE / "terms.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        english, *columns = (column.strip() for column in line.split(";"))
        for language, column in zip(TERM_LANGUAGES, columns, strict=True):
            for term in filter(None, map(str.strip, column.split(","))):
                parts = re.findall(r"[^\W_]+", term)
                if language not in ALGORITHMS:
                    keys = stem_keys(language, "".join(parts))
                elif len(parts) > 1:
                    keys = (phrase_key(language, parts),)
                else:
                    keys = stem_keys(language, term)
                for key in keys:
                    if english.split() not in found[key]:
                        found[key].append(english.split())
    return found


def back_by_hand(back: dict[str, Shares]) -> dict[str, Shares]:
    """The same with the first term by hand of each language, for its first English word."""
    for line in (HERE / "terms.txt").read_text(encoding="utf-8").splitlines():
        english, *columns = (column.strip() for column in line.split(";"))
        first = english.split()[0]
        if line.startswith("#") or "+" in first:
            continue
        for language, column in zip(TERM_LANGUAGES, columns, strict=True):
            term = column.split(",")[0].strip().lower()
            if term and " " not in term:
                known = back.setdefault(f"{language}<{stem(first)}", {})
                known.setdefault(term, 0.5)
    return back


def merged(learned_shares: Shares, terms: list[list[str]]) -> Shares:
    """The words of terms by hand, in the order that the learned counts say, then the learned."""
    at_hand = {stem(word): share for word, share in learned_shares.items()}

    def worth(term: list[str]) -> float:
        return sum(at_hand.get(stem(part), 0.0) for word in term for part in word.split("+"))

    weights: Shares = {}
    for rank, term in enumerate(sorted(terms, key=worth, reverse=True)):
        for word, weight in zip(term, _BY_HAND, strict=False):
            for part in word.split("+"):
                weights.setdefault(part, weight / (1 + rank))
    best = max(learned_shares.values(), default=1.0)
    known = {stem(word) for word in weights}
    for word, share in learned_shares.items():
        if stem(word) not in known:
            weights[word] = 0.5 * share / best if terms else share / best
    return dict(sorted(weights.items(), key=lambda pair: -pair[1]))


def english_words(pairs: Path) -> set[str]:
    """Words of English and of code."""
    counts: Counter[str] = Counter()
    for path in pairs.glob("*.tsv"):
        texts = {line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()}
        for text in texts:
            counts.update(word for word in words(text) if word.isascii())
    vocabulary = json.loads(_CODE_VOCABULARY.read_text(encoding="utf-8"))["model"]["vocab"]
    known = {word for word, count in counts.items() if count >= _ENGLISH}
    return known | {word for word in vocabulary if word.isalpha() and word.isascii()} | _STOP_WORDS


def with_terms(shares: dict[str, Shares]) -> dict[str, Shares]:
    """What was learned, and before it what was written by hand."""
    terms = by_hand()
    found = {key: merged(of_key, terms.get(key, [])) for key, of_key in shares.items()}
    found |= {key: merged({}, terms[key]) for key in terms.keys() - shares.keys()}
    for language, word in function_words():
        # Of a language with endings the word alone: `para` is none of the forms of `parar`.
        found[(keys_of if language in ALGORITHMS else stem_keys)(language, word)[0]] = {}
    return found


def languages_by_hand() -> defaultdict[str, set[str]]:
    """The languages of the words in Latin letters that were written by hand."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for language, word in function_words():
        if language in LATIN:
            found[folded(word)].add(language)
    for line in (HERE / "terms.txt").read_text(encoding="utf-8").splitlines():
        for language, column in zip(TERM_LANGUAGES, line.split(";")[1:], strict=False):
            if language in LATIN:
                for word in re.findall(r"[^\W\d_]{3,}", column):
                    found[folded(word)].add(language)
    return found


def _line(key: str, weights: Shares) -> bytes:
    entries = [f"{word}={round(100 * weight)}" for word, weight in weights.items()]
    return f"{key}\t{' '.join(entries)}\n".encode()


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--counts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    shares: dict[str, Shares] = {}
    back: dict[str, Shares] = {}
    languages_of = languages_by_hand()
    for path in sorted(arguments.counts.glob("*.tsv")):
        found, surfaces = learned(path)
        shares |= found
        if path.stem in _BACK:
            back |= reversed_words(path)
        if path.stem in LATIN:
            for word in surfaces:
                languages_of[folded(word)].add(path.stem)
    for word in english_words(arguments.pairs):
        languages_of[word].add("en")
    lines = [_line(key, of_key) for key, of_key in with_terms(shares).items()]
    lines += [_line(key, of_stem) for key, of_stem in back_by_hand(back).items()]
    lines += [
        f"={word}\t{' '.join(sorted(languages))}\n".encode()
        for word, languages in languages_of.items()
        if word.isalpha()
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(b"".join(sorted(lines)))
    print(len(lines), "lines,", arguments.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
