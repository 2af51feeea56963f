"""Parallel text of free software: what people translated, beside the English that they read.

    python recipes/lexicon/parallel_text.py --out pairs \\
        python-docs-zh-cn.git@3.14:zh python-docs-ja.git@3.11:ja git.git@HEAD:po winforms.git \\
        doc-en.git+++doc-ru.git:ru

Each source is a bare git directory, read as it lies there, and perhaps a revision: gettext
catalogues of one language (`:zh`) or of many (`:po`, named by their paths), XLIFF (nothing behind
it), or DocBook beside its English (`+++`). A file per language is written: an English sentence, a
tab, its translation. Nothing of that text is shipped; `align.py` counts
which words stand for which.
"""

from __future__ import annotations

import argparse
import html
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from c2llm.codebase.git import Git

Pair = tuple[str, str, str]
"""Language, English, translation."""

_LANGUAGES = {
    **dict.fromkeys(("zh_cn", "zh_hans", "zh_tw", "zh_hant"), "zh"),
    **dict.fromkeys(("pt_br", "pt_pt"), "pt"),
}
KEPT = ("zh", "ja", "ko", "de", "ru", "es", "fr", "pt", "it", "pl", "tr", "cs")
_MOST_WORDS = 80
_MOST_CHARACTERS = 600
_SENTENCE = re.compile(r"(?<=[.!?:;])\s+|(?<=[。！？；：])\s*|\n\s*\n")
# Markup whose content is a name and not a word of the language.
_CODE = re.compile(
    r"``[^`]*``|:[\w:+.-]+:`[^`]*`|`[^`]*`_{0,2}|\|\w+\||%\([^)]*\)\w|%[-\d.]*[a-z]|\{\d*[^}]*\}"
    r"|<[^>]*>|https?://\S+|\\[a-z\"]|&\w+;|[_&](?=[A-Za-z])"
)
_PO_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_BLOCK = re.compile(
    r"<(para|simpara|title|refpurpose|term|member|entry|literallayout)\b[^>]*>(.*?)</\1>", re.S
)
_NOT_PROSE = re.compile(
    r"<(programlisting|screen|literal|function|methodname|parameter|constant|classname|type|command"
    r"|varname|filename)\b[^>]*>.*?</\1>",
    re.S,
)


def files_of(git_dir: Path, revision: str, under: str, ending: str) -> Iterator[tuple[str, str]]:
    """Path and text of the files of a revision whose names end so, of those that are there."""
    git = Git(git_dir, bare=True)
    listed = git.run(
        "ls-tree", "-r", "-z", "--name-only", revision, "--", *([under] if under else [])
    )
    paths = [path for path in listed.decode().split("\0") if path.endswith(ending)]
    asked = "".join(f"{revision}:{path}\n" for path in paths)
    found = git.run("cat-file", "--batch", given=asked.encode())
    at = 0
    for path in paths:
        end = found.index(b"\n", at)
        header = found[at:end].split()
        at = end + 1
        if header[-1] != b"missing":
            size = int(header[2])
            yield path, found[at : at + size].decode("utf-8", "replace")
            at += size + 1


def of_catalogue(text: str, language: str) -> Iterator[Pair]:
    """The translated messages of a gettext catalogue; fuzzy ones are not known to be right."""
    for entry in re.split(r"\n\s*\n", text):
        if re.search(r"^#,.*\bfuzzy\b", entry, re.M) or re.search(r"^#~", entry, re.M):
            continue
        fields: dict[str, list[str]] = {}
        field = ""
        for line in entry.split("\n"):
            keyword = re.match(r"(msgid_plural|msgid|msgstr(?:\[\d\])?|msgctxt)\s", line)
            if keyword:
                field = keyword[1]
            elif not line.startswith('"'):
                continue
            fields.setdefault(field, []).extend(_PO_STRING.findall(line))
        english = "".join(fields.get("msgid", []))
        foreign = "".join(fields.get("msgstr", []) or fields.get("msgstr[0]", []))
        if english and foreign:
            yield language, english.replace("\\n", "\n"), foreign.replace("\\n", "\n")


def of_xliff(text: str, language: str) -> Iterator[Pair]:
    """The units of an XLIFF file that are translated."""
    try:
        root = ElementTree.fromstring(text.removeprefix("\ufeff"))
    except ElementTree.ParseError:
        return
    for unit in root.iter("{urn:oasis:names:tc:xliff:document:1.2}trans-unit"):
        source, target = (
            unit.find(f"{{urn:oasis:names:tc:xliff:document:1.2}}{name}")
            for name in ("source", "target")
        )
        if source is None or target is None or target.get("state") not in ("translated", "final"):
            continue
        yield language, "".join(source.itertext()), "".join(target.itertext())


def of_docbook(english: str, foreign: str, language: str) -> Iterator[Pair]:
    """The paragraphs of two DocBook files that are built alike; of others nothing is sure."""
    parts = [[(m[1], m[2]) for m in _BLOCK.finditer(text)] for text in (english, foreign)]
    if [kind for kind, _ in parts[0]] != [kind for kind, _ in parts[1]]:
        return
    for (_, one), (_, other) in zip(*parts, strict=True):
        texts = [
            html.unescape(re.sub(r"<[^>]*>|&[\w.-]+;", " ", _NOT_PROSE.sub(" ", text)))
            for text in (one, other)
        ]
        yield language, texts[0], texts[1]


def sentences(pair: Pair) -> Iterator[Pair]:
    """A pair sentence by sentence where both have as many, without names and markup."""
    language, english, foreign = pair
    english, foreign = (_CODE.sub(" ", text) for text in (english, foreign))
    ones, others = (
        [part.strip() for part in _SENTENCE.split(text) if part.strip()]
        for text in (english, foreign)
    )
    if len(ones) != len(others):
        ones, others = [" ".join(ones)], [" ".join(others)]
    for one, other in zip(ones, others, strict=True):
        one, other = (re.sub(r"\s+", " ", text).strip() for text in (one, other))
        if not one or not other or one == other or len(other) > _MOST_CHARACTERS:
            continue
        if len(one.split()) <= _MOST_WORDS and re.search("[A-Za-z]{2}", one):
            yield language, one, other


def pairs_of(source: str) -> Iterator[Pair]:
    """All pairs of a source, named as the module says."""
    where, _, language = source.partition(":")
    where, _, revision = where.partition("@")
    revision = revision or "HEAD"
    if "+++" in where:
        english, foreign = map(Path, where.split("+++"))
        texts = dict(files_of(english, revision, "", ".xml"))
        for path, text in files_of(foreign, revision, "", ".xml"):
            if path in texts:
                yield from of_docbook(texts[path], text, language)
        return
    git_dir = Path(where)
    if language == "po":
        for path, text in files_of(git_dir, revision, "", ".po"):
            inside = path.partition("/LC_MESSAGES/")
            name = Path(inside[0] if inside[1] else path).stem.lower()
            yield from of_catalogue(text, _LANGUAGES.get(name.replace("-", "_"), name))
    elif language:
        for _, text in files_of(git_dir, revision, "", ".po"):
            yield from of_catalogue(text, language)
    else:
        for path, text in files_of(git_dir, revision, "", ".xlf"):
            name = path.split(".")[-2].lower()
            yield from of_xliff(text, _LANGUAGES.get(name.replace("-", "_"), name))


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[tuple[str, str], None]] = {language: {} for language in KEPT}
    for source in arguments.sources:
        before = sum(map(len, found.values()))
        for pair in pairs_of(source):
            for language, english, foreign in sentences(pair):
                if language in found:
                    found[language][english, foreign] = None
        print(source, sum(map(len, found.values())) - before, "new pairs")
    for language, pairs in found.items():
        with (arguments.out / f"{language}.tsv").open("w", encoding="utf-8") as file:
            file.writelines(f"{english}\t{foreign}\n" for english, foreign in pairs)
        print(language, len(pairs))


if __name__ == "__main__":
    main()
