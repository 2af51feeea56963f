from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c2llm.codebase.doccomments import clean_comment, summary


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ('"""Does it.\n\n    Twice.\n    """', "Does it.\n\nTwice."),
        ("r'''Raw.'''", "Raw."),
        ("/** Does it. */", "Does it."),
        ("/**\n * Does it.\n *\n *   indented\n */", "Does it.\n\n  indented"),
        ("/*! Doxygen. */", "Doxygen."),
        ("// One.\n// Two.", "One.\nTwo."),
        ("/// One.\n//! Two.", "One.\nTwo."),
        ("# One.\n#\n# Two.", "One.\n\nTwo."),
        ("#: sphinx", "sphinx"),
        ("-- | Haddock.\n-- More.", "Haddock.\nMore."),
        ("{- | Block. -}", "Block."),
        ("--- Lua.\n-- More.", "Lua.\nMore."),
        ("--[[ Lua block. ]]", "Lua block."),
        ('@doc """\nElixir.\n"""', "Elixir."),
        ('@doc ~S"""\n  Raw.\n  """', "Raw."),
        ('@moduledoc "Short."', "Short."),
        ("// ----------\n// Title\n// ----------", "Title"),
        ("", ""),
    ],
)
def test_markers_go_and_words_stay(raw: str, cleaned: str) -> None:
    assert clean_comment(raw) == cleaned


@pytest.mark.parametrize(
    ("doc", "said"),
    [
        ("Opens a file.\nIn any mode.\n\nDetails.", "Opens a file. In any mode."),
        ("Opens a file.\n\nArgs:\n    path: where", "Opens a file."),
        ("Opens a file.\n@param path where\n@return it", "Opens a file."),
        ("Opens a file.\n:param path: where", "Opens a file."),
        (
            "Opens the :class:`~io.File` if\n:attr:`name` is set.",
            "Opens the io.File if name is set.",
        ),
        (
            '<summary>\nOpens a <see cref="T:IO.File"/>.\n</summary>\n<param>x</param>',
            "Opens a IO.File.",
        ),
        ("Opens a {@link File} or {@code null}.\n<p>More.", "Opens a File or null."),
        ("Opens `a` **file**, see [docs](https://x.y/z).", "Opens a file, see docs."),
        ("@brief Opens a file.", "Opens a file."),
        ("Opens either:\n- a file\n- a folder", "Opens either"),
        ("Opens a file. >>> open()", "Opens a file. >>> open()"),
        ("Use e.g. a file. Or not.", "Use e.g. a file. Or not."),
        ("", ""),
    ],
)
def test_summary_is_the_first_paragraph_in_words(doc: str, said: str) -> None:
    assert summary(doc) == said


def test_summary_ends_with_a_whole_sentence() -> None:
    doc = "First sentence is here. " + "Second one is much longer " * 10 + "in total."
    assert summary(doc, max_words=20) == "First sentence is here."


@given(st.text(alphabet="/*#-{}|\"'@<> \nabc[]=()\\", max_size=200))
def test_any_comment_gives_some_text(raw: str) -> None:
    assert "\n" not in summary(clean_comment(raw))
