"""Comments in other languages: found by their own words, and by questions in English."""

from __future__ import annotations

import pytest

from c2llm import CodeIndex
from c2llm.search.request import SearchRequest

JAPANESE = {
    "m1.py": ("接続をキャンセルする", "cancel the connection"),
    "m2.py": ("パスワードを暗号化して保存する", "encrypt the password"),
    "m3.py": ("ファイルの権限を確認する", "file permission"),
    "m4.py": ("期限切れのセッションを削除する", "delete expired session"),
    "m5.py": ("画像のサイズを変更する", "image size"),
    "m6.py": ("メッセージキューに送信する", "send to the message queue"),
}
RUSSIAN = {
    "m1.py": ("проверяет права пользователя и не меняет их", "user"),
    "m2.py": ("шифрует пароль для сохранения", "password encryption"),
    "m3.py": ("проверяет подпись и дату сертификата", "verify certificate signature"),
    "m4.py": ("удаляет временные файлы", "delete temporary files"),
    "m5.py": ("изменяет размер изображения", "image size"),
    "m6.py": ("отправляет сообщение в очередь", "message queue"),
}
CHINESE = {
    "m1.py": ("校验输入的参数", "validate the parameter"),
    "m2.py": ("对用户的密码进行加密", "encrypt password"),
    "m3.py": ("检查令牌是否已经过期", "token expired"),
    "m4.py": ("删除缓存里的旧数据", "delete old cache"),
    "m5.py": ("把消息放到消息队列中", "message queue"),
    "m6.py": ("计算两个坐标的距离", "distance"),
}
TREES = {"ja": JAPANESE, "ru": RUSSIAN, "zh": CHINESE}


@pytest.fixture(scope="module", params=TREES)
def tree(request, tmp_path_factory):
    """The files of a language and an index of them, words alone."""
    root = tmp_path_factory.mktemp(request.param)
    for number, (name, (comment, _)) in enumerate(TREES[request.param].items()):
        (root / name).write_text(
            f"def f{number}(a, b):\n    # {comment}\n    return g{number}(a) + b\n", encoding="utf-8"
        )
    with CodeIndex.open(root, embed="none") as index:
        yield request.param, index


def best(index: CodeIndex, query: str) -> str:
    hits = index.search(query, mode="lexical")
    return hits[0].path if hits else ""


def test_a_phrase_is_found_as_grep_would_find_it(tree):
    language, index = tree
    for name, (comment, _) in TREES[language].items():
        assert best(index, comment) == name
        part = comment[: len(comment) * 2 // 3]
        assert best(index, part) == name


def test_a_question_in_english_finds_the_comment(tree):
    language, index = tree
    for name, (_, question) in TREES[language].items():
        assert best(index, question) == name, question


def test_an_english_tree_is_searched_as_if_there_were_no_other_language(tmp_path):
    for number in range(40):
        (tmp_path / f"m{number}.py").write_text(f"def read_config_{number}(): pass\n")
    (tmp_path / "other.py").write_text("# 删除缓存里的旧数据\ndef x(): pass\n", encoding="utf-8")
    with CodeIndex.open(tmp_path, embed="none") as index:
        assert index.search("删除缓存", mode="lexical")[0].path == "other.py"
        assert "other.py" not in {hit.path for hit in index.search("delete cache", mode="lexical")}


def test_a_foreign_question_finds_english_code_and_says_how(tmp_path):
    (tmp_path / "tls.py").write_text("def verify_certificate(chain):\n    return check(chain)\n")
    (tmp_path / "log.py").write_text("def write_log(line):\n    out.write(line)\n")
    (tmp_path / "own.py").write_text("def 证书_own():\n    return 1\n", encoding="utf-8")
    with CodeIndex.open(tmp_path, embed="none") as index:
        answer = index.answer(SearchRequest("如何校验证书", mode="lexical"))
        assert {hit.path for hit in answer.hits} == {"tls.py", "own.py"}
        assert answer.understood["证书"] == ("certificate",)
        assert "证书 as certificate" in answer.reading
        english = index.answer(SearchRequest("verify certificate", mode="lexical"))
        assert not english.understood
        assert english.reading == ""


@pytest.mark.parametrize("query", ["默认值如何从环境变量中解析", "如何校验证书", "configuração", "шифрование"])
def test_a_question_without_spaces_is_no_name_that_is_missing(tmp_path, query):
    (tmp_path / "a.py").write_text("def parse_default(environment):\n    return environment\n")
    with CodeIndex.open(tmp_path, embed="none") as index:
        told = index.answer(SearchRequest(query, mode="lexical"))
        assert told.understood
        assert not any("contains" in note for note in told.notes)
        missing = index.answer(SearchRequest("HttpKonfiguration", mode="lexical"))
        assert any("HttpKonfiguration" in note for note in missing.notes)
