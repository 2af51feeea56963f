"""What files were written in before UTF-8 is read as it was written."""

from __future__ import annotations

import random

import pytest

from c2llm.codebase.files.decoding import decode, readable_head

# Comments as people write them, and the encodings that they were written in.
COMMENTS: dict[str, tuple[str, str]] = {
    "latin": (
        "cp1252 iso8859-1",
        """
        Größe des Puffers prüfen, Überlauf verhindern
        Gibt die Länge der Straße zurück
        Öffnet die Datei für den Zugriff
        Prüft, ob der Benutzer berechtigt ist
        Fügt einen Schlüssel hinzu
        Vérifie que l'utilisateur est authentifié
        Calcule la différence entre deux éléments du tableau
        Crée une nouvelle fenêtre à partir du modèle
        Le numéro de série doit être unique
        ¿Está vacío el archivo de configuración?
        Devuelve el tamaño máximo de la sección
        Añade un índice para la búsqueda
        Número de años desde la última actualización
        Função que retorna a posição do próximo cartão
        Não há conexão com o servidor
        Inicialização do módulo de autenticação
        La velocità è calcolata più avanti
        Ritorna il numero di unità già presenti
        Räknar ut vägen från början till målet
        Lägger till en användare i kön
        Beregner størrelsen på køen
        Åpner filen og leser første blåbær
        Palauttaa käyttäjän nimen
        naïve approach, see Müller
        © 2003 José García
        Température en °C
        Preis in € inklusive Gebühr
        “smart quotes” – and an ellipsis…
        """,
    ),
    "cp1250": (
        "cp1250 iso8859-2",
        """
        Sprawdza, czy użytkownik jest zalogowany
        Zwraca długość ścieżki między węzłami
        Błąd podczas łączenia z bazą danych
        Usuń wszystkie pliki z katalogu źródłowego
        Obliczanie średniej ważonej
        Vrátí délku řetězce včetně mezer
        Načte všechny soubory z adresáře
        Ověří, že heslo je správné
        Příliš žluťoučký kůň
        Visszaadja a felhasználó nevét és jelszavát
        A következő elem törlése a listából
        Túl hosszú útvonal, hiba történt
        """,
    ),
    "cyr": (
        "cp1251 koi8-r cp866 iso8859-5",
        """
        Проверка пароля пользователя
        Возвращает длину списка
        Открыть файл для чтения
        Функция вычисляет среднее значение
        Удаляет все временные файлы
        Ошибка при соединении с базой данных
        Инициализация модуля
        Добавить новый элемент в очередь
        Настройки по умолчанию
        Разбор конфигурационного файла
        """,
    ),
    "greek": (
        "cp1253 iso8859-7",
        """
        Ελέγχει αν ο χρήστης είναι συνδεδεμένος
        Επιστρέφει το μήκος της λίστας
        Άνοιγμα αρχείου για ανάγνωση
        Σφάλμα σύνδεσης με τη βάση
        """,
    ),
    "turk": (
        "cp1254",
        """
        Kullanıcının giriş yapıp yapmadığını kontrol eder
        Dosya açılamadı, lütfen tekrar deneyin
        Şifre değiştirme işlemi başarısız oldu
        Dizinin uzunluğunu döndürür
        """,
    ),
    "zh": (
        "gb18030",
        """
        解析配置文件 并返回结果
        检查缓冲区大小，防止溢出
        返回用户列表
        打开文件
        计算两个向量的距离
        初始化数据库连接
        删除所有临时文件
        错误
        如果参数为空则抛出异常
        线程安全的单例模式实现
        """,
    ),
    "zht": (
        "big5",
        """
        解析設定檔並回傳結果
        檢查緩衝區大小，防止溢位
        回傳使用者清單
        開啟檔案
        計算兩個向量的距離
        初始化資料庫連線
        刪除所有暫存檔案
        錯誤
        如果參數為空則拋出例外
        """,
    ),
    "ja": (
        "cp932 euc_jp",
        """
        設定ファイルを解析して結果を返す
        バッファの大きさを確認する
        ユーザー一覧を取得
        ファイルを開く
        データベース接続の初期化
        一時ファイルを全て削除します
        エラー処理
        引数が空の場合は例外を投げる
        文字列の長さ
        """,
    ),
    "ko": (
        "cp949",
        """
        설정 파일을 읽어서 결과를 반환한다
        버퍼 크기를 확인
        사용자 목록
        파일 열기
        데이터베이스 연결 초기화
        모든 임시 파일을 삭제합니다
        오류 처리
        인자가 비어 있으면 예외를 던진다
        """,
    ),
}
FORMS = (
    "/* {} */\nint check_{}(const char *p) {{ return 0; }}\n",
    "# {}\ndef f{}(a):\n    return a + 1\n",
    "static void init_module(struct ctx *c)\n{{\n    // {}\n    c->n = {};\n}}\n",
    'print("{}", {})\n',
)
HARD = 20
"""Of all the files so many may be read in another way: a word of two signs says little."""


def test_legacy_encodings_are_told_apart() -> None:
    wrong: list[tuple[str, str]] = []
    count = 0
    for encodings, comments in COMMENTS.values():
        for number, comment in enumerate(filter(None, map(str.strip, comments.split("\n")))):
            for encoding in encodings.split():
                for form in FORMS:
                    text = form.format(comment, number)
                    try:
                        content = text.encode(encoding)
                    except UnicodeEncodeError:  # a sign that this one lacks
                        continue
                    count += 1
                    if decode(content) != text:
                        wrong.append((encoding, comment))
    assert count > 650 and len(wrong) <= HARD, wrong


UNICODE = "utf-8-sig utf-16 utf-32 utf-16-le utf-16-be utf-32-le utf-32-be utf-8".split()


@pytest.mark.parametrize("encoding", UNICODE)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_unicode_with_and_without_a_mark(encoding: str, end: str) -> None:
    text = "-- Größe der Tabelle\nCREATE TABLE sizes (id int);\n"
    content = text.replace("\n", end).encode(encoding)
    assert decode(content) == text
    head = readable_head(content)
    assert head is not None and b"CREATE TABLE sizes (id int);\n" in head


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("koi8-r", "# -*- coding: koi8-r -*-\n# да\n"),
        ("cp1251", "#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\n# я\n"),
        ("iso8859-2", "<?xml version='1.0' encoding='iso-8859-2'?>\n<a>ťž</a>\n"),
        ("cp1250", "<html>\n<head><meta charset=windows-1250>\n<p>Příliš</p>\n"),
        ("iso8859-15", '@charset "iso-8859-15";\na::before { content: "€" }\n'),
        ("euc-jp", "# encoding: euc-jp\n# エラー\n"),
        ("euc-jp", "use encoding 'euc-jp';\n# エラー\n"),
        ("latin-1", "(* -*- coding: latin-1-unix -*- *)\n(* é *)\n"),
        ("gbk", "% -*- coding: gbk -*-\n% 错误\n"),
        ("big5", "; -*- mode: lisp; coding: big5 -*-\n; 錯誤\n"),
        ("cp866", "x = 1\n" * 3_000 + "# ошибка\n# vim: fenc=cp866\n"),
        ("iso2022_jp", "# エラー処理\n"),
        ("mac-roman", "{ été, procédure très longue }\rbegin\r"),
    ],
)
def test_declared_and_other_ones(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text.replace("\r", "\n")


@pytest.mark.parametrize(
    "line",
    [
        'open(path, encoding="cp1251")',
        ") DEFAULT CHARSET=cp1251;",
        "# -*- coding: no-such-codec -*-",
        "# -*- coding: rot13 -*-",
        "# -*- coding: utf-16 -*-",
        "# -*- coding: utf-8 -*-",
    ],
)
def test_what_is_no_declaration_or_a_wrong_one(line: str) -> None:
    text = f"{line}\n# Größe prüfen, Überlauf verhindern\n"
    assert decode(text.encode("latin-1")) == text


def test_some_broken_bytes_do_not_make_it_another_encoding() -> None:
    text = "# Größe, Überlauf, Länge\nx = 1\n"
    assert decode(text.encode() + b"# \xff\n") == text + "# \ufffd\n"


@pytest.mark.parametrize(
    "content",
    [b"ab\0cd", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(256)) * 8, b"\0" * 64, b"\0\1" * 64],
)
def test_bytes_that_are_no_text(content: bytes) -> None:
    assert readable_head(content) is None


def test_anything_at_all_is_read() -> None:
    for size in (1, 3, 17, 1_000, 100_000):
        content = random.Random(size).randbytes(size)
        assert isinstance(decode(content), str)
        readable_head(content)
