"""What an installation changes in which file, worked out before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from c2llm.cli.install import instructions, json_edits, record, toml_edits
from c2llm.cli.install.clients import NAME, Client, Entry, Machine, Scope, is_ours
from c2llm.cli.install.edits import Edit, FormatError, apply, line_of
from c2llm.cli.install.text_file import TextFile, delete_file, read_file, write_file
from c2llm.errors import UsageError

_MODES = {"user": 0o600, "project": 0o666}
"""The rights of a file that is made; those of one that is there stay."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file and what is to become of it."""

    file: TextFile
    edits: tuple[Edit, ...]
    """Against the text that is there."""
    mode: int = _MODES["project"]
    made_container: bool = False
    puts_in: bool = True
    """False where it takes our lines out again."""
    deletes: record.Record | None = None
    """The installation that made the file, when nothing else is left in it."""

    @property
    def after(self) -> str:
        """The text that will be there."""
        return apply(self.file.text, self.edits)

    def pieces(self) -> list[tuple[int, str, str]]:
        """For each edit its line, what goes and what comes."""
        text = self.file.text
        return [
            (line_of(text, edit.start), text[edit.start : edit.end], edit.text)
            for edit in self.edits
        ]

    def carry_out(self) -> None:
        """Write it.

        Raises:
            C2LLMError: the file has been changed since, or cannot be written.
        """
        if self.deletes is not None:
            delete_file(self.file)
            for folder in reversed(self.deletes.folders):
                with suppress(OSError):  # somebody else's files are in it
                    Path(folder).rmdir()
            record.keep(self.file.target, None)
            return
        folders = write_file(self.file, self.after, mode=self.mode)
        known = record.recall(self.file.target)
        new = record.record_of(
            self.file.text,
            self.edits,
            made_container=self.made_container,
            made_file=not self.file.exists,
            folders=folders,
        )
        if new is None and known is not None:  # an entry of ours was brought up to date
            new = replace(known, checksum="", pieces=())
        record.keep(self.file.target, new if self.puts_in else None)


def chosen_file(
    client: Client, scope: Scope, machine: Machine, project: Path
) -> tuple[TextFile, tuple[str, ...]]:
    """The file of a client that has our entry, else the first that is there, else the first.

    Returns:
        The file, and the keys that lead to the client's servers in it.

    Raises:
        UsageError: the client has no file of this scope, or the file is none that is changed.
    """
    if scope == "user":
        files = [read_file(path) for path in client.user_files(machine)]
    elif client.project_files:
        files = [read_file(project / name, project) for name in client.project_files]
    else:
        raise UsageError(
            f"{client.title} has no configuration in a project; leave --scope project out."
        )
    there = [file for file in files if file.exists] or files[:1]
    for file in there:
        for container in client.containers:
            if _value(file, [*container, NAME]) is not None:
                return file, container
    for container in client.containers[:-1]:
        value = _value(there[0], container)
        if isinstance(value, dict) and "type" not in value:  # not a server of this name
            return there[0], container
    return there[0], client.containers[-1]


def install(
    file: TextFile, container: Sequence[str], entry: Entry, scope: Scope, *, force: bool
) -> Change:
    """What enters a server; no edits where it is entered already.

    Of an entry that is ours the command alone is changed, and what else its user has set stays.

    Raises:
        UsageError: another server has the name, or the file is not what its client reads.
    """
    path = [*container, NAME]
    old = _value(file, path)
    with _told(file):
        if old is None:
            made = _value(file, container) is None
            edits = _format(file).put(file.text, path, entry)
            return Change(file, tuple(edits), _MODES[scope], made_container=made)
        if is_ours(old):
            wanted = {key: value for key, value in entry.items() if old.get(key) != value}
            return Change(file, tuple(_format(file).put(file.text, path, wanted)))
        _require_force(file, force, "put c2llm's in its place")
        return Change(file, tuple(_format(file).replace(file.text, path, entry)))


def uninstall(file: TextFile, container: Sequence[str], *, force: bool) -> Change:
    """What takes the server out again; no edits where there is none.

    Raises:
        UsageError: another server has the name, or the file is not what its client reads.
    """
    path = [*container, NAME]
    old = _value(file, path)
    if old is None:
        return Change(file, ())
    if not is_ours(old):
        _require_force(file, force, "take it out all the same")
    known = record.recall(file.target)
    if known is not None and known.made_container and len(_value(file, container)) == 1:
        path = path[:-1]
    with _told(file):
        return _taken_out(file, _format(file).remove(file.text, path), known)


def install_instructions(file: TextFile) -> Change:
    """What makes an AGENTS.md hold the instructions.

    Raises:
        UsageError: the marks in it are not a pair.
    """
    return Change(file, tuple(instructions.put(file.text)))


def uninstall_instructions(file: TextFile) -> Change:
    """What takes the instructions out of an AGENTS.md.

    Raises:
        UsageError: the marks in it are not a pair.
    """
    edits = instructions.remove(file.text)
    return _taken_out(file, edits, record.recall(file.target)) if edits else Change(file, ())


def _taken_out(file: TextFile, edits: Sequence[Edit], known: record.Record | None) -> Change:
    """What takes our lines out: to the letter, where nobody has changed the file since."""
    if known is None:
        return Change(file, tuple(edits), puts_in=False)
    exact = record.undo(file.text, known)
    change = Change(file, tuple(edits if exact is None else exact), puts_in=False)
    if known.made_file and change.after.strip() in ("", "{}"):
        return replace(change, deletes=known)
    return change


def _format(file: TextFile) -> ModuleType:
    return toml_edits if file.path.suffix == ".toml" else json_edits


def _value(file: TextFile, path: Sequence[str]) -> Any:
    with _told(file):
        return _format(file).value_at(file.text, path)


def _require_force(file: TextFile, force: bool, otherwise: str) -> None:
    if not force:
        raise UsageError(
            f"{file.path} has a server {NAME!r} that does not start c2llm; give it another name, "
            f"or --force to {otherwise}."
        )


@contextmanager
def _told(file: TextFile) -> Iterator[None]:
    try:
        yield
    except FormatError as error:
        kind = "TOML" if file.path.suffix == ".toml" else "JSON"
        where = "" if error.offset is None else f" in line {line_of(file.text, error.offset)}"
        raise UsageError(
            f"{file.path} is not {kind} that can be added to: {error}{where}; put that right first."
        ) from error
