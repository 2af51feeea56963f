"""What questions in other languages are taken for, and that English ones are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.search.query.query_parsing import QueryKind, parse_query
from c2llm.search.translation.language import latin_language
from c2llm.search.translation.lexicon import Lexicon, shipped_lexicon
from c2llm.search.translation.segmentation import parts_of_compound, words_of_run
from c2llm.search.translation.translate import translate, translated

IN_WORDS = {
    "如何读取环境变量": {"read", "environment", "variable"},
    "連線逾時如何設定": {"connection", "timeout"},
    "SSL 证书校验": {"SSL", "certificate", "validate"},
    "設定ファイルを読み込む": {"configuration", "file", "load"},
    "メッセージキューに送信する": {"message", "queue", "send"},
    "캐시를 삭제하는 방법": {"cache", "delete"},
    "환경 변수를 읽는 방법": {"environment", "variable", "read"},
    "wie werden Passwörter verschlüsselt": {"password", "encryption"},
    "Fehlerbehandlung": {"error", "handling"},
    "Zertifikatspruefung": {"certificate", "check"},
    "wo wird die Datei geladen": {"file", "load"},
    "где проверяется подпись сертификата": {"check", "signature", "certificate"},
    "переменные окружения": {"environment", "variable"},
    "cómo se cierra la conexión": {"close", "connection"},
    "como se valida la base de datos": {"database"},
    "où sont supprimés les fichiers temporaires": {"delete", "file", "temporary"},
    "comment l'utilisateur est authentifié": {"user", "authentication"},
    "como o servidor envia a mensagem": {"server", "send", "message"},
    "dove viene gestito l'errore": {"error"},
    "gdzie jest zapisywany plik": {"file"},
}


@pytest.mark.parametrize(("question", "words"), IN_WORDS.items())
def test_foreign_words_become_english_ones(question, words):
    found = translated(question)
    assert found is not None
    missing = words - set(found.text.split())
    assert not missing, found.text


@pytest.mark.parametrize(
    "question",
    [
        "how are cookies stored",
        "parse toml file",
        "die die parser die",
        "retry_after",
        "comment parser",
        "error handling pour",
        "no more data",
        "naïve bayes",
        "the “quoted” word — and a dash",
        "SQLITE_BUSY",
        "a",
        "",
        "🎉 party",
        "kebab-case-name",
    ],
)
def test_english_and_code_are_not_touched(question):
    assert translated(question) is None
    parsed = parse_query(question)
    assert parsed.meaning == parsed.text
    assert not parsed.understood
    assert not parsed.foreign


def test_names_of_code_stay_as_they_are():
    found = translated("Plug.Parsers 解析请求体 user_id `文件`")
    assert found is not None
    assert {"Plug.Parsers", "user_id", "`文件`", "parse", "request"} <= set(found.text.split())
    found = translated("wie lädt `Datei_leser` die Datei conf.d/main.rs")
    assert found is not None
    assert {"`Datei_leser`", "conf.d/main.rs", "file"} <= set(found.text.split())


def test_function_words_are_left_out():
    found = translated("como se envía el mensaje")
    assert found is not None
    assert set(found.understood) == {"envía", "mensaje"}
    found = translated("消息是如何发送的")
    assert found is not None
    assert set(found.understood) == {"消息", "发送"}


def test_a_query_has_its_own_words_beside_the_english_ones():
    parsed = parse_query("证书")
    assert parsed.kind is QueryKind.QUESTION
    assert parsed.meaning == "certificate"
    assert set(parsed.terms) == {"certificat", "证书"}
    assert parsed.foreign == {"证书"}
    assert parsed.understood == {"证书": ("certificate",)}


def test_traces_and_code_are_not_translated():
    assert not parse_query("sym:证书").understood
    assert not parse_query('code: x = "证书"').understood
    assert not parse_query("config.py:12").understood


@pytest.mark.parametrize(
    ("word", "english"),
    {
        "configuração": "configuration",
        "requête": "request",
        "función": "function",
        "clé": "key",
        "usuário": "user",
    }.items(),
)
def test_accents_tell_a_word_that_code_has_without_them(word, english):
    found = translated(word)
    assert found is not None and english in found.text.split()
    assert translated(f"parse {word}") is None


@pytest.mark.parametrize("word", ["naïve", "résumé", "façade", "rôle", "cliché"])
def test_words_that_english_writes_with_accents_are_english(word):
    assert translated(word) is None
    assert translated(f"{word} parser") is None


def test_accents_say_which_language_a_word_is_of():
    found = translated("système")
    assert found is not None and found.text == "system"


def test_a_word_in_two_languages_follows_the_question():
    lexicon = shipped_lexicon()
    assert lexicon is not None
    assert latin_language(lexicon, "wo ist die Datei".split()) == "de"
    assert latin_language(lexicon, "dónde está el archivo".split()) == "es"
    assert latin_language(lexicon, "onde está o arquivo".split()) == "pt"
    assert latin_language(lexicon, "où est le fichier".split()) == "fr"
    assert latin_language(lexicon, "where is the file".split()) is None


@pytest.mark.parametrize(
    ("language", "hit"), [("zh", "证书"), ("de", "datei"), ("=", "fichier"), ("ru", "файл")]
)
def test_the_file_is_sorted_and_every_line_is_found(language, hit):
    lexicon = shipped_lexicon()
    assert lexicon is not None
    key = f"{language}{hit}" if language == "=" else f"{language}·{hit}"
    assert lexicon._value(key) is not None
    assert lexicon._value(key + "x") is None


def test_lookup_by_halving_finds_all_lines_and_no_other(tmp_path):
    path = tmp_path / "words.tsv"
    keys = sorted((f"zh·{chr(0x4E00 + n)}" for n in range(300)), key=str.encode)
    path.write_bytes(b"".join(f"{key}\tword{n}=100\n".encode() for n, key in enumerate(keys)))
    lexicon = Lexicon(path)
    for n, key in enumerate(keys):
        assert lexicon.translations(key) == ((f"word{n}", 1.0),)
    assert lexicon.translations("aa·x") is None
    assert lexicon.translations("zz·x") is None
    assert lexicon.translations("zh·") is None
    path.write_bytes(b"")
    assert Lexicon(path).translations("zh·") is None


def test_the_shipped_file_is_sorted():
    lexicon = shipped_lexicon()
    assert lexicon is not None
    lines = bytes(lexicon._lines).splitlines(keepends=True)
    assert lines == sorted(lines)
    assert len(bytes(lexicon._lines)) < 8_000_000
    keys = [line.partition(b"\t")[0] for line in lines]
    assert len(set(keys)) == len(keys)


def test_segmentation_prefers_long_words_and_covers_the_run():
    lexicon = shipped_lexicon()
    assert lexicon is not None
    words = words_of_run(lexicon, ("zh",), "环境变量")
    assert [word for word, _ in words] == ["环境变量"]
    run = "𠀀证书𠀀"
    words = words_of_run(lexicon, ("zh",), run)
    assert "".join(word for word, _ in words) == run
    assert ("证书", "zh·证书") in words


def test_compounds_are_cut_into_known_nouns():
    lexicon = shipped_lexicon()
    assert lexicon is not None
    assert parts_of_compound(lexicon, "dateiname") == ("de·datei", "de·nam")
    assert parts_of_compound(lexicon, "xqzzwvvkkjjhh") is None
    assert parts_of_compound(lexicon, "x" * 10_000) is None


def test_long_and_hostile_text_takes_no_long_time():
    for text in ("证书" * 6_000, "ä" * 15_000, "ä " * 7_000, "datei" * 3_000, "а́" * 5_000):
        parse_query(text)


def test_a_missing_lexicon_is_no_error(monkeypatch):
    import c2llm.search.translation.translate as module

    monkeypatch.setattr(module, "shipped_lexicon", lambda: None)
    assert module.translated("证书") is None


def test_by_another_lexicon(tmp_path):
    path = tmp_path / "words.tsv"
    lines = ["=zeug\tde", "de·zeug\tstuff=100 things=20", "zh·东西\tstuff=100"]
    path.write_bytes(b"".join(sorted(f"{line}\n".encode() for line in lines)))
    lexicon = Lexicon(path)
    found = translate(lexicon, "Zeug")
    assert found is not None
    assert found.text == "stuff"
    assert found.understood == {"Zeug": ("stuff",)}
    found = translate(lexicon, "x 东西")
    assert found is not None
    assert found.text == "x stuff"


def test_half_a_character_in_a_question_is_no_failure() -> None:
    for text in ("wo wird die \udce9Datei gelesen", "Datei\ud800 laden", "файл \udc80 читается"):
        assert parse_query(text).terms


def test_a_damaged_lexicon_translates_what_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "words.tsv"
    file.write_bytes(
        "=datei\tde\nde·baum\ttree\nde·datei\tfile=100 a=x b=101 c=² d\nde·haus\t".encode()
        + b"\xff=9\n"
    )
    lexicon = Lexicon(file)
    assert lexicon.translations("de·datei") == (("file", 1.0),)
    assert lexicon.translations("de·baum") == ()
    assert lexicon.translations("de·haus") == (("\ufffd", 0.09),)


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_lexicon_that_was_cut_off_ends_every_look(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "words.tsv"
    whole = "=baum\tde\n=datei\tde\n=wo\tde\nde·datei\tfile=100\nde·wo\t\n".encode()
    file.write_bytes(whole[: len(whole) - cut])
    lexicon = Lexicon(file)
    for key in ("de·datei", "de·wo", "de·zz", "a", "\uffff"):
        assert lexicon.translations(key) in (None, (), (("file", 1.0),))
    assert lexicon.languages("baum") in (("de",), ())
