"""What paths and names say for a chunk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from c2llm.codebase.words import normalized, stems
from c2llm.search.query.query_parsing import parse_query
from c2llm.search.query.roles import roles_of
from c2llm.search.ranking.chunk_facts import Facts, path_facts
from c2llm.search.ranking.features import FEATURES, Corpus, FeatureExtractor


def facts(number: int, path: str, symbol: str = "") -> Facts:
    """A chunk of a file of its own."""
    key = normalized(symbol)
    return Facts(
        number, number, path, 1, 9, "python", "function" if symbol else "module", symbol, key,
        {key: symbol} if symbol else {}, frozenset(stems(symbol)), path_facts(path),
        roles_of(path, "python"),
    )  # fmt: skip


def row(query: str, path: str, symbol: str = "") -> dict[str, float]:
    parsed = parse_query(query)
    chunk = facts(1, path, symbol)
    corpus = Corpus(rarity=dict.fromkeys(parsed.terms, 1.0))
    extractor = FeatureExtractor(parsed, corpus, [chunk], frozenset())
    return dict(zip(FEATURES, extractor.row(chunk, 0.0), strict=True))


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("configuration of models", "config.py"),
        ("configured models", "cfg.py"),
        ("authentication of models", "auth.py"),
        ("authorization of models", "auth.py"),
        ("utilities for models", "utils.go"),
        ("deserializes models", "de.rs"),
        ("env of models", "environment.py"),
        ("cfg of models", "configuration.py"),
    ],
)
def test_a_short_form_in_a_path_or_a_name_is_the_word_and_the_word_its_short_form(query, path):
    name = path.partition(".")[0]
    assert row(query, path)["file_name"] == pytest.approx(0.5)
    assert row(query, f"{name}/x.py")["directory"] == pytest.approx(0.5)
    assert row(query, "x.py", name)["names"] == pytest.approx(0.5)


def test_a_word_and_its_short_form_in_one_path_count_once():
    found = row("configuration of models", "config/config_configuration.py")
    assert found["file_name"] == pytest.approx(0.5)
    assert found["directory"] == 0.0
    both = row("config configuration", "config.py")
    assert both["file_name"] == pytest.approx(0.5), "what the query spells itself is itself"


def test_two_words_with_one_short_form_are_not_each_other():
    assert row("authentication of models", "authorization.py")["file_name"] == 0.0


def test_the_name_of_the_project_is_not_met_by_a_short_form_of_it():
    parsed = parse_query("configuration models")
    corpus = Corpus(dict.fromkeys(parsed.terms, 1.0), project=frozenset(stems("configuration")))
    chunk = facts(1, "config.py")
    at = FEATURES.index("file_name")
    for known, worth in ((corpus, 0.0), (replace(corpus, project=frozenset()), 0.5)):
        extractor = FeatureExtractor(parsed, known, [chunk], frozenset())
        assert extractor.row(chunk, 0.0)[at] == pytest.approx(worth)
        if worth:
            assert extractor.reason("file_name", chunk) == "file name matches: configuration"
