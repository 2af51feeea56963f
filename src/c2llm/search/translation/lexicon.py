"""The lexicon: a sorted text file in which a word is found by halving, without reading the file.

A line is a key, a tab and what is known of it:

- `de·datei`, a language and a stem: English words with their weights in percent, the likeliest
  first, `file=100 document=20`; nothing for a word that only holds a sentence together;
- `=datei`, a word as it is written: the languages that have it, `en` for English and code.

`recipes/lexicon` makes it; `models/lexicon/README.md` says from what.
"""

from __future__ import annotations

from functools import cache, lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path

Translations = tuple[tuple[str, float], ...]
"""English words and their weights, at most 1, the likeliest first."""

_FILE = "words.tsv"
_PERCENTS = frozenset(map(str, range(101)))
"""What a weight may be; in a damaged file it may be anything."""


class Lexicon:
    """A lexicon file, open."""

    def __init__(self, path: Path) -> None:
        self._lines: mmap | bytes = b""
        with path.open("rb") as file:
            if path.stat().st_size:
                self._lines = mmap(file.fileno(), 0, access=ACCESS_READ)
        self.translations = lru_cache(maxsize=4096)(self._translations)
        self.languages = lru_cache(maxsize=4096)(self._languages)

    def _translations(self, key: str) -> Translations | None:
        """What a key of `word_forms` stands for; None where it is not known."""
        found = self._value(key)
        if found is None:
            return None
        pairs = (entry.rpartition("=") for entry in found.split())
        return tuple((word, int(p) / 100) for word, _, p in pairs if p in _PERCENTS)

    def _languages(self, word: str) -> tuple[str, ...]:
        """The languages that have a folded word, `en` among them; none where it is not known."""
        return tuple((self._value(f"={word}") or "").split())

    def _value(self, key: str) -> str | None:
        wanted = f"{key}\t".encode("utf-8", "surrogatepass")  # half a character is no word
        lines, low, high = self._lines, 0, len(self._lines)
        while low < high:
            start = lines.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = lines.find(b"\n", start)
            end = len(lines) if end < 0 else end  # a file that was cut off
            line = lines[start:end]
            if line.startswith(wanted):
                return line[len(wanted) :].decode(errors="replace")
            if line < wanted:
                low = end + 1
            else:
                high = start
        return None


@cache
def shipped_lexicon() -> Lexicon | None:
    """The lexicon that comes with the package, None where it is missing."""
    package = Path(__file__).resolve().parents[2]
    for root in (package / "models", package.parents[1] / "models"):
        if (root / "lexicon" / _FILE).is_file():
            return Lexicon(root / "lexicon" / _FILE)
    return None
