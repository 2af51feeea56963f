"""Stems of other languages, and what shows that code has any."""

from __future__ import annotations

import pytest

from c2llm.codebase.identifiers import names
from c2llm.codebase.inflection import LATIN, languages_of
from c2llm.codebase.words import body_tokens, inflected_tokens, stems_of, tokens


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("# prüft, ob der Wert gültig ist", ["german"]),
        ("# storniert Rechnungen und ist nicht umkehrbar", ["german"]),
        ("// vérifie les paramètres de la requête avant qu'il soit trop tard", ["french"]),
        ("# envía los avisos cuando se cancela la suscripción", ["spanish"]),
        ("# não é possível para o usuário quando está fora", ["portuguese"]),
        ("# controlla che gli utenti della città non siano più attivi", ["italian"]),
        ("# returns the value of the list as it is, or None for an empty one", []),
        ("for i in range(n): com = do(as_, e, no, os, se)  # café", []),
        ("Copyright 2020 Jürgen, MIT license, von", []),
        ("le = la = 1", []),
        ("", []),
    ],
)
def test_the_words_of_a_text_show_its_language(text: str, languages: list[str]) -> None:
    assert languages_of(names(text)) == languages


@pytest.mark.parametrize(
    "family",
    [
        "заказ заказы заказов заказами",
        "подпись подписи подписей подписями",
        "підпис підписи підписів підпису",
        "groß gross",
        "größe groesse",
        "straße strasse",
        "café cafe",
        "sınıf sinif",
        "σφάλματος σφαλματοσ",
        "prüfung prüfungen pruefung pruefungen",
        "storniert stornieren stornierung stornierungen",
    ],
)
def test_forms_of_a_word_share_a_stem(family: str) -> None:
    first, *others = (set(stems_of(word)) for word in family.split())
    assert all(first & other for other in others)


@pytest.mark.parametrize(
    ("one", "other"), [("token", "tok"), ("listen", "list"), ("kunde", "kunden"), ("й", "и")]
)
def test_words_of_english_code_are_not_cut_as_german_ones(one: str, other: str) -> None:
    assert not set(stems_of(one)) & set(stems_of(other))


def test_english_code_has_no_other_tokens() -> None:
    code = "def listen(self, hosts):\n    # accept connections of all the hosts\n    return hosts"
    assert body_tokens(code) == tokens(code)


def test_german_code_keeps_its_words_and_has_their_stems() -> None:
    code = "# prüft die Tabellen der Kunden"
    found = body_tokens(code).split()
    assert found[: len(tokens(code).split())] == tokens(code).split()
    assert LATIN["german"] in found
    for asked in ("tabelle", "kunde", "prüft", "pruefte"):
        assert set(inflected_tokens(asked, LATIN.values())) & set(found), asked
