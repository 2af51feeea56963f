"""`c2llm search -i`: type and see; the answers on the left, the code of the chosen one beside them.

Typing is answered by words alone, at once; when the typing rests, the vectors join in. One thread
searches, so the index is never asked twice at a time, and only for the last text that was typed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from c2llm.cli.output import print_line
from c2llm.errors import C2LLMError, UsageError
from c2llm.printable import printable
from c2llm.search.answers.citation import also_in, elsewhere, place

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    from c2llm.search.answer import Hit
    from c2llm.search.asked_index import AskedIndex
    from c2llm.search.request import Mode, SearchRequest

_REST_SECONDS = 0.35
"""After this long without a key the vectors join in."""
_MOST_PREVIEW = 400
"""Lines."""


def browse(
    paths: Sequence[str],
    request: SearchRequest,
    model: str,
) -> None:
    """Search while the user types, until an answer is chosen or the user leaves.

    Args:
        paths: What to search; a first one that is no directory is the text to begin with.
        request: How to answer; its query is what is typed, its mode counts when the typing rests.
        model: Name of the model.

    Raises:
        UsageError: there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("-i needs a terminal; leave it out, or use --json.")
    if os.environ.get("TERM") in ("dumb", "unknown"):
        raise UsageError("-i needs a terminal that can be drawn on; TERM says it cannot.")
    from c2llm.cli.search_targets import opened

    text = ""
    if paths and not Path(paths[0]).expanduser().is_dir() and not paths[0].startswith("@"):
        text, paths = paths[0], paths[1:]
    with opened(paths, model, request.mode, quiet_afterwards=True) as indexes:
        session = Session(indexes, request)
        session.ask(text)
        chosen = session.run(text)
    if chosen is not None:
        hit, root = chosen
        if root is None:  # of a catalog: there is no file to open
            print_line(place(hit))
        else:
            _open(root / hit.path, hit)


class Session:
    """The state of the view: what is typed, what was found, what is chosen."""

    def __init__(self, indexes: Sequence[AskedIndex], request: SearchRequest) -> None:
        self.hits: list[Hit] = []
        self.chosen = 0
        self.status = ""
        self._indexes = indexes
        self._request = request
        self._mode: Mode = request.mode
        self._wanted = ""
        self._changed = threading.Condition()
        self._over = False
        self._application: Application[int | None] | None = None

    # -- searching -------------------------------------------------------------------------------

    def ask(self, text: str) -> None:
        """Have the answers to this text shown as soon as they are there."""
        with self._changed:
            self._wanted = text
            self._changed.notify_all()

    def search(self, text: str, mode: Mode) -> None:
        """Search now, and keep what is found."""
        from c2llm.search.answering import answer

        if not text.strip():
            self.hits, self.status = [], ""
            return
        try:
            request = replace(self._request, query=text, mode=mode)
            # While somebody types, what is there answers.
            found = answer(self._indexes, request, read=mode == self._mode)
            self.hits = list(found.hits)
            self.status = f"{len(self.hits)} answers, {mode}"
            if found.unread:
                self.status += f"; {found.unread:,} files are not read yet"
        except C2LLMError as error:
            self.hits, self.status = [], str(error)
        self.chosen = min(self.chosen, max(0, len(self.hits) - 1))

    def _work(self) -> None:
        done: tuple[str, str] | None = None
        while True:
            with self._changed:
                while not self._over and done is not None and done[0] == self._wanted:
                    rested = not self._changed.wait(
                        None if done[1] == self._mode else _REST_SECONDS
                    )
                    if rested:
                        break
                if self._over:
                    return
                text = self._wanted
            again = done is not None and done[0] == text
            if not again:
                self.chosen = 0
            mode: Mode = self._mode if again else "lexical"
            self.search(text, mode)
            done = (text, mode)
            if self._application is not None:
                self._application.invalidate()

    # -- the view --------------------------------------------------------------------------------

    def run(self, text: str) -> tuple[Hit, Path | None] | None:
        """Show the view until the user leaves; the answer that was chosen, and its root.

        What a catalog keeps has no root.
        """
        from prompt_toolkit.application import Application
        from prompt_toolkit.buffer import Buffer
        from prompt_toolkit.document import Document
        from prompt_toolkit.layout import HSplit, Layout, VSplit, Window
        from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
        from prompt_toolkit.layout.processors import BeforeInput
        from prompt_toolkit.styles import Style

        typed = Buffer(
            document=Document(text), multiline=False, on_text_changed=lambda b: self.ask(b.text)
        )
        view = Window(
            FormattedTextControl(self.list_fragments, show_cursor=False),
            width=lambda: max(30, shutil.get_terminal_size().columns * 2 // 5),
            wrap_lines=False,
        )
        layout = HSplit(
            [
                Window(BufferControl(typed, [BeforeInput("› ", "class:prompt")]), height=1),
                Window(height=1, char="─", style="class:line"),
                VSplit(
                    [
                        view,
                        Window(width=1, char="│", style="class:line"),
                        Window(FormattedTextControl(self.preview_fragments), wrap_lines=False),
                    ]
                ),
                Window(FormattedTextControl(self.status_fragments), height=1, style="class:status"),
            ]
        )
        style = Style.from_dict(
            {
                "prompt": "bold ansicyan",
                "line": "ansibrightblack",
                "status": "reverse",
                "chosen": "bold reverse",
                "path": "ansicyan",
                "label": "ansigreen",
                "dim": "ansibrightblack",
                "match": "bold",
                "pygments.comment": "ansibrightblack",
                "pygments.literal.string": "ansigreen",
                "pygments.keyword": "ansimagenta",
                "pygments.literal.number": "ansicyan",
                "pygments.name.function": "ansiblue bold",
                "pygments.name.class": "ansiyellow bold",
                "pygments.name.decorator": "ansiyellow",
            }
        )
        self._application = Application(
            layout=Layout(layout),
            key_bindings=self._keys(),
            style=style,
            include_default_pygments_style=False,
            full_screen=True,
        )
        worker = threading.Thread(target=self._work, name="c2llm-search", daemon=True)
        worker.start()
        try:
            number = self._application.run()
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()
            worker.join()
        if number is None or number >= len(self.hits):
            return None
        hit = self.hits[number]
        source = next(index.source for index in self._indexes if index.has(hit.repository))
        return hit, source if isinstance(source, Path) else None

    def _keys(self) -> KeyBindings:
        from prompt_toolkit.key_binding import KeyBindings

        keys = KeyBindings()

        def move(step: int) -> None:
            self.chosen = max(0, min(len(self.hits) - 1, self.chosen + step))

        @keys.add("down")
        @keys.add("c-n")
        def _down(event: KeyPressEvent) -> None:
            move(1)

        @keys.add("up")
        @keys.add("c-p")
        def _up(event: KeyPressEvent) -> None:
            move(-1)

        @keys.add("pagedown")
        def _page_down(event: KeyPressEvent) -> None:
            move(5)

        @keys.add("pageup")
        def _page_up(event: KeyPressEvent) -> None:
            move(-5)

        @keys.add("enter")
        def _enter(event: KeyPressEvent) -> None:
            event.app.exit(result=self.chosen if self.hits else None)

        @keys.add("escape", eager=True)
        @keys.add("c-c")
        @keys.add("c-d")
        def _leave(event: KeyPressEvent) -> None:
            event.app.exit(result=None)

        return keys

    def list_fragments(self) -> StyleAndTextTuples:
        """The answers, two lines each, scrolled so that the chosen one is seen."""
        rows = max(1, (shutil.get_terminal_size().lines - 4) // 2)
        first = max(0, min(self.chosen - rows // 2, len(self.hits) - rows))
        found: StyleAndTextTuples = []
        for number, hit in enumerate(self.hits[first : first + rows], first):
            chosen = number == self.chosen
            label = " ".join(part for part in (hit.kind, hit.symbol) if part)
            found.append(
                ("class:chosen" if chosen else "class:path", f" {printable(place(hit))}\n")
            )
            found.append(("class:label", f"   {printable(label)}"))
            others = len(hit.also) + len(hit.places)
            copies = f"  +{others}" if others else ""
            found.append(("class:dim", f"  {hit.score:.2f}{copies}\n"))
        return found

    def preview_fragments(self) -> StyleAndTextTuples:
        """The code of the chosen answer, in colours, with the lines' numbers."""
        hits, chosen = self.hits, self.chosen
        if not hits:
            return []
        hit = hits[min(chosen, len(hits) - 1)]
        found: StyleAndTextTuples = [("class:dim", f" {printable('; '.join(hit.why.reasons))}\n")]
        if hit.places:
            found.append(("class:dim", f" {printable(elsewhere(hit))}\n"))
        if hit.also:
            found.append(("class:dim", f" {printable(also_in(hit))}\n"))
        found.append(("", "\n"))
        lines = hit.text.split("\n")[:_MOST_PREVIEW]
        colored = code_fragments([printable(line).expandtabs(4) for line in lines], hit.language)
        for number, fragments in enumerate(colored, hit.start_line):
            found.append(("class:dim", f"{number:>6} │ "))
            found += fragments
            found.append(("", "\n"))
        return found

    def status_fragments(self) -> StyleAndTextTuples:
        """One line of what was found and which keys there are."""
        keys = "↑↓ choose · enter open · esc leave"
        return [("", f" {printable(self.status)}  ·  {keys}" if self.status else f" {keys}")]


def code_fragments(lines: Sequence[str], language: str) -> list[StyleAndTextTuples]:
    """Each line of code as styled pieces of prompt_toolkit."""
    from prompt_toolkit.formatted_text import PygmentsTokens, split_lines, to_formatted_text
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return [[("", line)] for line in lines]
    tokens = PygmentsTokens(list(lexer.get_tokens("\n".join(lines))))
    return list(split_lines(to_formatted_text(tokens)))[: len(lines)]


def _open(file: Path, hit: Hit) -> None:
    """Open the editor at the answer, or print its place where there is none."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        print_line(f"{file}:{hit.start_line}")
        return
    command = shlex.split(editor)
    name = Path(command[0]).name if command else ""
    if name in ("code", "codium", "cursor"):
        command += ["--goto", f"{file}:{hit.start_line}"]
    elif name in ("subl", "zed", "hx", "helix"):
        command.append(f"{file}:{hit.start_line}")
    else:
        command += [f"+{hit.start_line}", str(file)]
    try:
        subprocess.run(command, check=False)
    except OSError as error:
        raise C2LLMError(
            f"The editor {editor!r} cannot be started ({error.strerror}); set EDITOR."
        ) from error
