"""Closed, full and cut streams, any encoding, a folder that is gone: a sentence or an answer."""

from __future__ import annotations

import codecs
import importlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from c2llm import failure
from c2llm.cli import streams
from c2llm.cli.main import VERBS, cli, main
from c2llm.cli.numbers import MOST
from tests.trees import write_tree

SOURCE = str(Path(__file__).parents[2] / "src")
COMMAND = f"'{sys.executable}' -P -m c2llm"
SEARCH = f"{COMMAND} search größe --mode lexical"
needs_posix = pytest.mark.skipif(os.name != "posix", reason="shell redirections")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))
    return write_tree(
        tmp_path / "tree", {"größe_😀.py": 'def größe_日本_😀():\n    return "\\ é"\n'}
    )


def shell(
    command: str, cwd: Path, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        ["bash", "-c", command],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": SOURCE, **environment},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


@needs_posix
@pytest.mark.parametrize(
    ("redirected", "code", "told"),
    [
        (">&-", 1, "Standard output takes no more: it is closed."),
        (">/dev/full", 1, "Standard output takes no more: No space left on device."),
        ("--json >/dev/full", 1, "No space left on device."),
        ("-l >/dev/full", 1, "No space left on device."),
        ("2>&-", 0, ""),
        ("<&-", 0, ""),
        ("2>/dev/full", 0, ""),
        ("<&- >&- 2>&-", 1, ""),
        (">/dev/full 2>/dev/full", 1, ""),
    ],
)
def test_streams_that_are_closed_or_full(tree: Path, redirected: str, code: int, told: str) -> None:
    if "/dev/full" in redirected and not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    done = shell(f"{SEARCH} {redirected}", tree)
    assert done.returncode == code
    assert told in done.stderr.decode()
    assert done.stderr.count(b"\n") == bool(told)


@needs_posix
@pytest.mark.parametrize("verb", ["--help", "--version", "status", "models", "search --help"])
def test_no_verb_is_silent_about_a_closed_output(tree: Path, verb: str) -> None:
    done = shell(f"{COMMAND} {verb} >&-", tree)
    assert done.returncode == 1
    assert done.stderr == b"Error: Standard output takes no more: it is closed.\n"


@needs_posix
def test_a_reader_that_has_seen_enough_is_no_failure(tree: Path) -> None:
    write_tree(
        tree, {f"m{n}.py": f"def größe_{n}():\n    return {'x' * 3000!r}\n" for n in range(90)}
    )
    done = shell(f"{SEARCH} -k 500 --jsonl | head -1; exit ${{PIPESTATUS[0]}}", tree)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["rank"] == 1


@needs_posix
@pytest.mark.parametrize("stdin", ["<&-", "</dev/null", "0>out"])
def test_a_query_from_a_stream_that_has_none(tree: Path, stdin: str) -> None:
    done = shell(f"{COMMAND} search - {stdin}", tree)
    assert done.returncode in (1, 2)
    assert done.stderr.count(b"\n") == 1


@needs_posix
@pytest.mark.parametrize(
    ("verb", "code"), [("search größe --mode lexical", 1), ("similar {tree}/größe_😀.py:1", 0)]
)
def test_a_working_directory_that_is_gone(tree: Path, tmp_path: Path, verb: str, code: int) -> None:
    command = verb.format(tree=tree)
    if code == 0:
        command += " --mode lexical"
    (tmp_path / "gone").mkdir()
    done = shell(f"cd ../gone && rmdir ../gone && {COMMAND} {command}", tree)
    assert done.returncode == code
    if code:
        assert done.stderr == (
            b"Error: The working directory is gone; change into one that is there.\n"
        )
    (tmp_path / "gone").mkdir()
    done = shell(f"cd ../gone && rmdir ../gone && {SEARCH} '{tree}'", tree)
    assert done.returncode == 0


@needs_posix
@pytest.mark.parametrize("limit", ["-n 8", "-n 12", "-v 60000"])
def test_limits_of_the_shell(tree: Path, limit: str) -> None:
    assert shell(SEARCH, tree).returncode == 0
    for more in ("", "-e 'return|x'", "--json"):
        done = shell(f"ulimit {limit} && {SEARCH} {more}", tree)
        assert done.returncode == 0 or done.stderr.count(b"\n") == 1, done.stderr.decode()


@needs_posix
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "cp437"},
    ],
)
def test_json_is_valid_in_every_locale(tree: Path, environment: dict[str, str]) -> None:
    done = shell(f"{SEARCH} --json", tree, **environment)
    assert done.returncode == 0, done.stderr.decode()
    encoding = environment.get("PYTHONIOENCODING", "utf-8").partition(":")[0]
    found = json.loads(done.stdout.decode(encoding))
    assert found["query"] == "größe"
    assert "größe_日本_😀" in found["results"][0]["snippet"]
    assert shell(f"{SEARCH} --explain", tree, **environment).returncode == 0


TEXT = "größe of the übertrag\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("latin-1"),
        TEXT.encode("cp1252"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("utf-32-le"),
        TEXT.encode("utf-32-be"),
        TEXT.replace("\n", "\r\n").encode(),
    ],
)
def test_text_in_any_encoding(content: bytes) -> None:
    assert streams.decoded(content) == TEXT


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff", b"\xff\xfe", b"a\0", bytes(range(256))])
def test_what_is_no_text_is_read_all_the_same(content: bytes) -> None:
    assert isinstance(streams.decoded(content), str)


def test_a_character_that_is_cut_is_left_out() -> None:
    assert streams.decoded("größe".encode()[:3]) == "gr"


@needs_posix
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-8-sig"])
def test_a_query_from_standard_input(tree: Path, encoding: str) -> None:
    done = shell(f"{COMMAND} search - --mode lexical -l", tree, "größe".encode(encoding))
    assert done.stdout.decode() == "größe_😀.py\n", done.stderr.decode()


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert streams.is_colored() is colored
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert not streams.is_colored()


# -- what nobody foresaw -------------------------------------------------------------------------


def test_what_nobody_foresaw_is_one_sentence_and_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))

    def broken(*_: object, **__: object) -> None:
        raise KeyError("a thing\nthat is missing")

    monkeypatch.setattr(cli, "main", broken)
    with pytest.raises(SystemExit) as left:
        main(["search", "x"])
    assert left.value.code == 1
    told = capsys.readouterr().err
    log = tmp_path / "home" / failure.LOG
    assert told.count("\n") == 1 and str(log) in told and "KeyError" in told
    assert "in broken" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 or os.name != "posix"
    assert [path.name for path in log.parent.iterdir()] == [failure.LOG]


def test_the_log_goes_to_the_temporary_folder_where_there_is_no_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(failure.tempfile, "tempdir", str(tmp_path))
    told = failure.sentence(ValueError("odd"))
    (log,) = tmp_path.glob("c2llm-error-*.log")
    assert str(log) in told and "ValueError: odd" in log.read_text()
    monkeypatch.setattr(failure.tempfile, "tempdir", str(tmp_path / "file"))
    assert "no log" in failure.sentence(ValueError("odd"))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "memory"),
        (OSError(12, "Cannot allocate memory"), "memory"),
        (ImportError("x.so: failed to map segment from shared object"), "memory"),
        (OSError(24, "Too many open files"), "ulimit -n"),
    ],
)
def test_limits_are_told_by_their_cure(error: Exception, told: str) -> None:
    assert told in failure.sentence(error)
    wrapped = RuntimeError("a library fails")
    wrapped.__cause__ = error
    if told == "memory":
        assert told in failure.sentence(wrapped)


# -- numbers -------------------------------------------------------------------------------------


def options(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield path, parameter
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = command.get_command(click.Context(command), name)
            assert below is not None
            yield from options(below, (*path, name))


def numeric() -> Iterator[tuple[str, click.Option]]:
    for path, option in options(cli):
        if isinstance(option.type, click.types.IntParamType | click.types.FloatParamType):
            yield " ".join((*path, option.opts[-1])), option


def test_every_number_on_the_command_line_has_bounds() -> None:
    assert len(VERBS) == len([importlib.import_module(module) for module, _ in VERBS.values()])
    found = dict(numeric())
    assert len(found) > 20
    for name, option in found.items():
        for value in ("1" + "0" * 20, "-1" + "0" * 20, "nan", "inf", "-inf", "1e400"):
            if name.endswith((" -k", " --offset", " --among")) and value.endswith("0"):
                continue  # what a request refuses
            with pytest.raises(click.BadParameter):
                option.type.convert(value, option, None)
    assert MOST < 2**31


@pytest.mark.parametrize("verb", ["search x", "similar a.py:1", "search x --offset"])
@pytest.mark.parametrize("k", ["0", "-1", "1" + "0" * 20, "10001", str(2**63)])
def test_a_number_of_results_out_of_bounds_is_wrong_use(
    verb: str,
    k: str,
    tree: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(write_tree(tree, {"a.py": "def a(): pass\n"}))
    with pytest.raises(SystemExit) as left:
        option = [] if verb.endswith("--offset") else ["-k"]
        k = "-2" if option == [] and k == "0" else k
        main([*verb.split(), *option, k, "--mode", "lexical"])
    assert left.value.code == 2
    assert " and at most 10,000" in capsys.readouterr().err
