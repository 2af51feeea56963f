"""Phrases of comments and names in any language are found by words alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from c2llm.search.code_index import CodeIndex
from tests.trees import write_tree

CASES = Path(__file__).parent
PHRASES = json.loads((CASES / "chinese/expected.json").read_text(encoding="utf-8"))

COMMENTS = {
    "zh_mixed.py": "# 解析JSON文件并返回配置",
    "zh_sentence.go": "// 当库存不足时取消订单，并通知仓库管理员",
    "zh_traditional.c": "/* 檢查使用者的權限 */",
    "ja_kana.py": "# ファイルを読み込んで設定を更新する",
    "ja_half.c": "/* ﾊﾟｽﾜｰﾄﾞを検証する */",
    "ja_kanji.rb": "# 請求書の合計金額を計算する",
    "ko.py": "# 사용자의 비밀번호를 확인하고 토큰을 발급한다",
    "ko_names.java": "// 결제내역조회",
    "th.py": "# ตรวจสอบรหัสผ่านของผู้ใช้",
    "lo.py": "# ກວດສອບລະຫັດຜ່ານ",
    "km.py": "# ពិនិត្យពាក្យសម្ងាត់",
    "my.py": "# စကားဝှက်ကို စစ်ဆေးပါ",
    "wide.py": "# ＴＯＫＥＮ＿ＬＩＭＩＴ を超えたら拒否",
    "ru_order.py": "# Отменяет заказы, которые не были оплачены вовремя",
    "ru_password.c": "/* проверка пароля пользователя */",
    "uk.py": "# Перевірка підписів документів",
    "el.py": "# Έλεγχος της εγκυρότητας του κωδικού πρόσβασης",
    "de_umlaut.py": "# Prüft die Gültigkeit der Währungen",
    "de_ascii.py": "# Storniert Rechnungen, die nicht bezahlt sind, und schreibt sie auf die Konten"
    " der Kunden",
    "de_short.py": "# Bestellungen anzeigen",
    "de_verb.py": "# Eingaben validieren",
    "de_digraph.c": "/* Groesse des Puffers, Ueberlauf vermeiden */",
    "de_street.c": "/* Straße und Hausnummer des Empfängers */",
    "fr.py": "# Vérifie les paramètres de la requête avant l'exécution des commandes",
    "es.py": "# Envía las notificaciones a los usuarios cuando se cancela la suscripción",
    "tr.py": "# SINIF listesini hazırlar, ışık ayarı İZİN ister",
    "vi.py": "# Kiểm tra mật khẩu của người dùng",
    "hi.py": "# उपयोगकर्ता का पासवर्ड जाँचता है",
    "ar.py": "# التحقق من كلمات المرور",
    "nfd.py": "# Cafe\u0301 re\u0301sume\u0301",
    "camel.py": "# вызов ПроверкаПодписи и GrößeBerechnen",
    "pl.py": "# Sprawdza zażółcone gęślą jaźnie",
}
ASKED = [
    ("JSON文件", "zh_mixed.py"),
    ("解析JSON文件", "zh_mixed.py"),
    ("json", "zh_mixed.py"),
    ("解析配置", "zh_mixed.py"),
    ("取消订单", "zh_sentence.go"),
    ("仓库管理员", "zh_sentence.go"),
    ("如何通知管理员", "zh_sentence.go"),
    ("權限", "zh_traditional.c"),
    ("權", "zh_traditional.c"),
    ("設定", "ja_kana.py"),
    ("ファイル", "ja_kana.py"),
    ("ﾌｧｲﾙ", "ja_kana.py"),
    ("読み込んで", "ja_kana.py"),
    ("パスワード", "ja_half.c"),
    ("合計金額", "ja_kanji.rb"),
    ("비밀번호", "ko.py"),
    ("토큰 발급", "ko.py"),
    ("내역", "ko_names.java"),
    ("รหัสผ่าน", "th.py"),
    ("ລະຫັດ", "lo.py"),
    ("សម្ងាត់", "km.py"),
    ("စကားဝှက်", "my.py"),
    ("token limit", "wide.py"),
    ("TOKEN_LIMIT", "wide.py"),
    ("отмена заказа отменять", "ru_order.py"),
    ("неоплаченные заказы", "ru_order.py"),
    ("заказ", "ru_order.py"),
    ("ПРОВЕРКИ ПАРОЛЕЙ", "ru_password.c"),
    ("пользователям", "ru_password.c"),
    ("підпису", "uk.py"),
    ("ΈΛΕΓΧΟΣ", "el.py"),
    ("ελεγχος", "el.py"),
    ("εγκυρότητα", "el.py"),
    ("Währung", "de_umlaut.py"),
    ("waehrung", "de_umlaut.py"),
    ("wahrung", "de_umlaut.py"),
    ("prüfen gültig", "de_umlaut.py"),
    ("Rechnung stornieren", "de_ascii.py"),
    ("Rechnung", "de_ascii.py"),
    ("Kunde", "de_ascii.py"),
    ("Größe des Puffers", "de_digraph.c"),
    ("Puffer", "de_digraph.c"),
    ("Bestellung", "de_short.py"),
    ("Validierung", "de_verb.py"),
    ("подписями", "camel.py"),
    ("Überläufe vermeiden", "de_digraph.c"),
    ("strasse", "de_street.c"),
    ("STRASSE", "de_street.c"),
    ("Empfaenger", "de_street.c"),
    ("vérifier paramètre", "fr.py"),
    ("requete", "fr.py"),
    ("commande", "fr.py"),
    ("notificación", "es.py"),
    ("suscripciones", "es.py"),
    ("usuario", "es.py"),
    ("sınıf", "tr.py"),
    ("sinif", "tr.py"),
    ("IŞIK", "tr.py"),
    ("izin", "tr.py"),
    ("mat khau", "vi.py"),
    ("mật khẩu", "vi.py"),
    ("पासवर्ड", "hi.py"),
    ("كلمة المرور", "ar.py"),
    ("café", "nfd.py"),
    ("resume", "nfd.py"),
    ("подпись", "camel.py"),
    ("größe berechnen", "camel.py"),
    ("GroesseBerechnen", "camel.py"),
    ("zazolcone", "pl.py"),
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeIndex]:
    root = tmp_path_factory.mktemp("comments")
    body = {".go": "func f{0}() {{}}", ".c": "int f{0}(void);", ".java": "class F{0} {{}}"}
    write_tree(
        root / "tree",
        {
            name: f"{comment}\n" + body.get(Path(name).suffix, "f{0} = {0}").format(number) + "\n"
            for number, (name, comment) in enumerate(COMMENTS.items())
        },
    )
    patch = pytest.MonkeyPatch()
    patch.setenv("C2LLM_HOME", str(root / "home"))
    with patch.context(), CodeIndex.open(root / "tree", embed="none") as index:
        yield index
    patch.undo()


@pytest.mark.parametrize(("query", "path"), ASKED)
def test_a_phrase_in_any_language_finds_its_comment(
    opened: CodeIndex, query: str, path: str
) -> None:
    assert opened.search(query, 3, "lexical")[0].path == path


def test_a_phrase_inside_of_a_chinese_comment_is_found(home: Path, tmp_path: Path) -> None:
    root = shutil.copytree(CASES / "chinese/src", tmp_path / "project/src")
    with CodeIndex.open(root.parent, embed="none") as index:
        for phrase, path in PHRASES.items():
            assert path in [hit.path for hit in index.search(phrase, 3, "lexical")], phrase


@pytest.mark.parametrize(
    ("query", "path"),
    [
        (
            "ErrCodeConditionalCheckFailedExceptionTransactionCanceledProvisionedThroughputExceeded",
            "src/consts.go",
        ),
        ("provisioned throughput exceeded", "src/consts.go"),
        ("transaction canceled", "src/consts.go"),
        (
            "shouldReturnForbiddenWhenTheInvoiceBelongsToAnotherTenantAndTheCallerIsNotAnAdministrator",
            "tests/InvoiceTest.java",
        ),
        ("invoice belongs to another tenant", "tests/InvoiceTest.java"),
        ("test_that_" + "a_very_" * 20 + "long_python_name_fails", "tests/test_long.py"),
        ("long python name fails", "tests/test_long.py"),
        ("ЭтоОченьДлинноеИмя" * 5, "src/ru.py"),
        ("длинное имя", "src/ru.py"),
    ],
)
def test_long_names_are_found_whole_and_by_their_parts(
    home: Path, tmp_path: Path, query: str, path: str
) -> None:
    root = shutil.copytree(CASES / "long_names", tmp_path / "project")
    long_name = "test_that_" + "a_very_" * 20 + "long_python_name_fails"
    more = {
        "tests/test_long.py": f"def {long_name}():\n    pass\n",
        "src/ru.py": f"{'ЭтоОченьДлинноеИмя' * 5} = 1\n",
    }
    write_tree(root, more)
    with CodeIndex.open(root, embed="none") as index:
        assert index.search(query, 3, "lexical")[0].path == path


def test_one_comment_in_another_language_does_not_answer_every_question(
    home: Path, tmp_path: Path
) -> None:
    english = {
        f"a{i}.py": f"def f{i}(lists):\n    # filter the list of strings\n    return lists\n"
        for i in range(30)
    }
    spanish = "def g(lista):\n    # filtra los elementos de una lista cuando son strings\n    pass\n"
    other = "# envía los avisos a una lista cuando se cancela la suscripción\n"
    root = write_tree(tmp_path / "english", {**english, "es.py": spanish, "es2.py": other})
    with CodeIndex.open(root, embed="none") as index:
        hits = index.search("filter a list of strings", 20, "lexical")
        assert not any(hit.path.startswith("es") for hit in hits)
        assert index.search("suscripciones", 3, "lexical")[0].path == "es2.py"
