"""The file of words of other languages, damaged: a question is translated, or stays as it is."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from c2llm.search.translation.lexicon import Lexicon
from c2llm.search.translation.translate import translate
from tests.fuzzing.reading import text_of, tokens
from tests.fuzzing.target import Target

_QUESTIONS = (
    "wo wird die Datei gelesen",
    "где читается файл",
    "設定ファイル 读取文件",
    "Datensatz",
)


@cache
def _file() -> Path:
    return Path(tempfile.mkdtemp(prefix="c2llm-fuzz-words-")) / "words.tsv"


def check(data: bytes) -> None:
    """The first line is a question, the rest the file."""
    question, _, content = data.partition(b"\n")
    _file().unlink(missing_ok=True)  # another one is mapped still
    _file().write_bytes(content)
    lexicon = Lexicon(_file())
    for text in (text_of(question), *_QUESTIONS):
        translation = translate(lexicon, text)
        assert translation is None or isinstance(translation.text, str)
        for word in text.split():
            assert all(0 <= weight <= 1 for _, weight in lexicon.translations(f"de·{word}") or ())
            lexicon.languages(word)


_WORDS = (
    "=datei\tde\n=file\ten\n=wo\tde\nde·datei\tfile=100 document=20\nde·wo\t\nde·satz\tset=90\n"
)
_SEEDS = [
    f"Datei file wo\n{_WORDS}".encode(),
    "где файл\n=файл\tru\nru·файл\tfile=100\nzh·文件\tfile=80\n".encode(),
    b"x\n",
]
_TOKENS = tokens(r"\t =datei\t de·datei\t =-5 =x =1e3 =100 \n de·datei\tfile=\n · =² =٣")

TARGET = Target(check, _SEEDS, _TOKENS, answers=())
