"""The other direction: how comments in another language put what a question in English asks for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from c2llm.codebase.inflection import LATIN
from c2llm.codebase.words import inflected_tokens, stems_of
from c2llm.search.translation.lexicon import shipped_lexicon
from c2llm.search.translation.word_forms import ALGORITHMS, folded

_MARKS = {LATIN[name]: code for code, name in ALGORITHMS.items() if name in LATIN}
"""For the mark of tokens in a language the language as the lexicon calls it."""


def tokens_in(languages: Collection[str], stems: Sequence[str]) -> list[str]:
    """Tokens of the lexical index that the words may stand as in comments.

    Args:
        languages: Of the comments, as `IndexReader.commented_in` names them.
        stems: Of the English words of a query.
    """
    lexicon = shipped_lexicon()
    if lexicon is None:
        return []
    tokens: list[str] = []
    for language in sorted(languages):
        for stem in stems:
            for word, _ in lexicon.translations(f"{_MARKS.get(language, language)}<{stem}") or ():
                if language in _MARKS:
                    tokens += inflected_tokens(folded(word), [language])
                else:
                    tokens += stems_of(word)
    return list(dict.fromkeys(tokens))
