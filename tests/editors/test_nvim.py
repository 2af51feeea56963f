"""The Neovim plugin, driven by keys in a real Neovim without a screen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trees import PROJECT, write_tree

ROOT = Path(__file__).parents[2]
NVIM = shutil.which("nvim")
pytestmark = pytest.mark.skipif(NVIM is None, reason="nvim is not installed")
MESSAGES = "vim.fn.execute('messages')"
QUICKFIX = "#vim.fn.getqflist() > 0"
ENTRIES = """vim.tbl_map(function(one)
    return vim.fn.fnamemodify(vim.fn.bufname(one.bufnr), ':p:.') .. ':' .. one.lnum
end, vim.fn.getqflist())"""
AT = "vim.fn.expand('%:t') .. ':' .. vim.fn.line('.')"
LIST = "vim.api.nvim_buf_get_lines(0, 0, -1, false)"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = write_tree(tmp_path / "a project", dict(PROJECT))
    (folder / ".git").mkdir()
    return folder


def drive(folder: Path, *steps: tuple[str, str], command: list[str] | None = None) -> list[Any]:
    """What the `get` steps say of an editor that was started in a folder."""
    options = {
        "command": command or [sys.executable, "-m", "c2llm"],
        "arguments": ["--mode", "lexical"],
        "delay": 1,
    }
    setup = f"require('c2llm').setup(vim.fn.json_decode({json.dumps(json.dumps(options))}))"
    answers = folder.parent / "answers.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "C2LLM_HOME": str(folder.parent / "home"),
        "HOME": str(folder.parent),
        "PLUGIN": str(ROOT / "editors" / "nvim"),
        "STEPS": json.dumps([("lua", setup), *steps]),
        "ANSWERS": str(answers),
    }
    driver = str(Path(__file__).with_name("drive.lua"))
    assert NVIM is not None
    done = subprocess.run(
        [NVIM, "--headless", "-u", "NONE", "-i", "NONE", "-c", f"luafile {driver}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert answers.exists(), done.stderr
    found = json.loads(answers.read_text())
    assert "error" not in found, found["error"]
    answered = found["answers"]
    assert isinstance(answered, list)
    return answered


def test_answers_come_into_the_quickfix_list(project: Path) -> None:
    entries, at, title, word = drive(
        project,
        ("type", ':C2llm what\'s retried with "backoff" | $(touch oops)<CR>'),
        ("until", QUICKFIX),
        ("get", ENTRIES),
        ("get", AT),
        ("get", "vim.fn.getqflist({title = 0}).title"),
        ("get", "vim.fn.expand('<cword>')"),
    )
    assert entries[0] == "src/net/retry.py:4" and at == "retry.py:4"
    assert title.endswith("$(touch oops)") and not (project / "oops").exists()
    assert word == "retry_with_backoff"


def test_it_asks_the_repository_of_the_file_from_any_directory(project: Path) -> None:
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    file = project / "src/config/settings.go"
    root, entries = drive(
        elsewhere,
        ("lua", f"vim.cmd('edit ' .. vim.fn.fnameescape({json.dumps(str(file))}))"),
        ("get", "require('c2llm').root()"),
        ("type", ":C2llm retry with backoff<CR>"),
        ("until", QUICKFIX),
        ("get", "vim.fn.fnamemodify(vim.fn.bufname(vim.fn.getqflist()[1].bufnr), ':p')"),
    )
    assert root == str(project)
    assert entries == str(project / "src/net/retry.py")


def test_the_editor_is_free_while_it_searches(project: Path) -> None:
    script = project.parent / "slow"
    wait = "import sys, time, pathlib; p = pathlib.Path(sys.argv[1])\nwhile not p.exists(): pass\n"
    script.write_text(wait + "print('README.md:1:1:late')\n")
    gate = project.parent / "gate"
    typed, before, after = drive(
        project,
        ("type", ":C2llm anything<CR>ihello<Esc>"),
        ("until", f"{LIST}[1] == 'hello'"),
        ("get", f"{LIST}[1]"),
        ("get", "#vim.fn.getqflist()"),
        ("lua", f"vim.fn.writefile({{}}, {json.dumps(str(gate))})"),
        ("until", QUICKFIX),
        ("get", ENTRIES),
        command=[sys.executable, str(script), str(gate)],
    )
    assert (typed, before, after) == ("hello", 0, ["README.md:1"])


def test_a_newer_question_takes_the_place_of_an_older(project: Path) -> None:
    script = project.parent / "asked.py"
    script.write_text(
        "import sys\nquery = sys.argv[-1]\n"
        "while query == 'first': pass\nprint(f'README.md:1:1:{query}')\n"
    )
    texts, messages = drive(
        project,
        ("type", ":C2llm first<CR>:C2llm second<CR>"),
        ("until", QUICKFIX),
        ("get", "vim.tbl_map(function(one) return one.text end, vim.fn.getqflist())"),
        ("get", MESSAGES),
        command=[sys.executable, str(script)],
    )
    assert texts == ["second"] and "c2llm:" not in messages


def test_answers_are_shown_while_a_question_is_typed(project: Path) -> None:
    shown, window, first, moved, entries, at, left = drive(
        project,
        ("lua", "vim.cmd('edit README.md | normal! G')"),
        ("type", ":C2llm<CR>retry with backoff"),
        ("until", f"#{LIST} > 2"),
        ("get", LIST),
        ("get", "vim.fn.winnr('$')"),
        ("get", "vim.fn.getbufline(vim.fn.winbufnr(1), vim.fn.line('.', vim.fn.win_getid(1)))[1]"),
        ("type", "<Down>"),
        ("until", f"({LIST}[3] or ''):match('^>')"),
        ("get", f"{LIST}[3]"),
        ("type", "<Up><CR>"),
        ("until", QUICKFIX),
        ("get", ENTRIES),
        ("get", AT),
        ("get", "vim.fn.winnr('$') .. vim.fn.mode()"),
    )
    assert shown[0] == "retry with backoff" and shown[1].startswith("> src/net/retry.py:4")
    assert window == 2 and first == "def retry_with_backoff(call, attempts=3):"
    assert moved.startswith("> ")
    assert entries[0] == "src/net/retry.py:4" and at == "retry.py:4" and left == "1n"


def test_leaving_changes_nothing(project: Path) -> None:
    before, after, buffers, quickfix = drive(
        project,
        ("lua", "vim.cmd('edit README.md | normal! G')"),
        ("lua", "vim.api.nvim_buf_set_lines(0, -1, -1, false, {'not saved'})"),
        ("get", AT),
        ("type", ":C2llm<CR>settings toml"),
        ("until", f"#{LIST} > 2"),
        ("type", "<Esc>"),
        ("until", "vim.fn.winnr('$') == 1 and vim.fn.mode() == 'n'"),
        ("get", AT),
        ("get", "vim.tbl_map(vim.fn.bufname, vim.api.nvim_list_bufs())"),
        ("get", "#vim.fn.getqflist()"),
    )
    assert (before, buffers, quickfix) == (after, ["README.md"], 0)


def test_its_window_may_be_closed_by_other_means(project: Path) -> None:
    [windows, entries] = drive(
        project,
        ("type", ":C2llm<CR>settings<C-o>:quit<CR>"),
        ("until", "vim.fn.winnr('$') == 1"),
        ("get", "vim.fn.winnr('$')"),
        ("type", "<Esc>:C2llm settings toml<CR>"),
        ("until", QUICKFIX),
        ("get", ENTRIES),
    )
    assert windows == 1 and entries[0].startswith("src/config/settings.go:")


def test_selected_code_finds_code_like_it(project: Path) -> None:
    write_tree(project, {"lib/again.py": PROJECT["src/net/retry.py"].replace("pause", "rest")})
    for keys in ("4GV9j:C2llm<CR>", "5G:C2llmSimilar<CR>"):
        [entries] = drive(
            project,
            ("lua", "vim.cmd('edit src/net/retry.py')"),
            ("type", keys),
            ("until", QUICKFIX),
            ("get", ENTRIES),
        )
        assert "lib/again.py:4" in entries, keys


def test_unsaved_lines_are_what_is_compared(project: Path) -> None:
    [entries] = drive(
        project,
        ("type", "idef retry_with_backoff(call):<CR>return call<Esc>:%C2llm<CR>"),
        ("until", QUICKFIX),
        ("get", ENTRIES),
    )
    assert "src/net/retry.py:4" in entries


@pytest.mark.parametrize(
    ("command", "keys", "line"),
    [
        (["no-such-program"], ":C2llm x<CR>", "c2llm: no-such-program is not on the PATH"),
        (None, ":C2llm -k<CR>:C2llm zzzqqq<CR>", "c2llm: no result"),
        (
            [sys.executable, "-c", "import sys; sys.exit('note\\nError: It is broken.\\nmore')"],
            ":C2llm x<CR>",
            "c2llm: It is broken.",
        ),
        ([sys.executable, "-c", "import sys; sys.exit(3)"], ":C2llm x<CR>", "c2llm: it failed"),
    ],
)
def test_trouble_is_one_line(
    command: list[str] | None, keys: str, line: str, project: Path
) -> None:
    [messages] = drive(
        project,
        ("type", keys),
        ("until", f"{MESSAGES}:find('c2llm: ', 1, true)"),
        ("get", MESSAGES),
        command=command,
    )
    told = [one for one in messages.splitlines() if one.strip()]
    assert len(told) == 1 and told[0].startswith(line), messages


def test_lines_of_any_path_become_entries(project: Path) -> None:
    [entries] = drive(
        project,
        (
            "get",
            "require('c2llm').entries({'a b/ü:x.py:3:7: t', '/whole.c:1:2:', 'C:/w.c:5:6:t', 'no', "
            "'x:y'}, '/r')",
        ),
    )
    assert [(one["filename"], one["lnum"], one["col"]) for one in entries] == [
        ("/r/a b/ü:x.py", 3, 7),
        ("/whole.c", 1, 2),
        ("C:/w.c", 5, 6),
    ]
