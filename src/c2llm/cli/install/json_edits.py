"""A server of a JSON file with comments, put in and taken out by its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from c2llm.cli.install import jsonc
from c2llm.cli.install.edits import Edit, FormatError, apply, between


def value_at(text: str, path: Sequence[str]) -> Any:
    """The value that keys lead to; None where one of them is not there.

    Raises:
        FormatError: the text is no JSON, or has one of the keys twice.
    """
    value = jsonc.parse(text)
    for key in path:
        found = None if value is None else jsonc.member(value, key)
        value = None if found is None else found.value
    return None if value is None else value.data


def put(text: str, path: Sequence[str], entry: Mapping[str, object]) -> list[Edit]:
    """What makes the object of a path have these members; others that it has stay.

    Raises:
        FormatError: the text is no JSON, or has something else there than objects.
    """
    root = jsonc.parse(text)
    if root is None:
        nested: Mapping[str, object] = entry
        for key in reversed(path):
            nested = {key: nested}
        gap = "" if not text.strip() or text.endswith("\n") else "\n"
        blank = len(text) if text.strip() else 0
        return [Edit(blank, len(text), gap + jsonc.document(nested))]
    parent = root
    for index, key in enumerate(path):
        _require_object(text, parent, path[:index])
        found = jsonc.member(parent, key)
        if found is None:
            nested = entry
            for inner in reversed(path[index + 1 :]):
                nested = {inner: nested}
            return jsonc.insert(text, root, parent, key, nested)
        parent = found.value
    _require_object(text, parent, path)
    after = text
    for key, data in entry.items():
        after = apply(after, _set(after, path, key, data))
    return between(text, after)


def replace(text: str, path: Sequence[str], entry: Mapping[str, object]) -> list[Edit]:
    """What puts an object in the place of what is there.

    Raises:
        FormatError: the text is no JSON.
    """
    root, value = _at(text, path)
    return jsonc.replace(text, root, value, entry)


def remove(text: str, path: Sequence[str]) -> list[Edit]:
    """What takes a member out.

    Raises:
        FormatError: the text is no JSON.
    """
    _, parent = _at(text, path[:-1])
    found = jsonc.member(parent, path[-1])
    return [] if found is None else jsonc.remove(text, parent, found)


def _at(text: str, path: Sequence[str]) -> tuple[jsonc.Value, jsonc.Value]:
    """The root, and the value that keys lead to, which is there."""
    root = jsonc.parse(text)
    assert root is not None
    value = root
    for key in path:
        found = jsonc.member(value, key)
        assert found is not None
        value = found.value
    return root, value


def _set(text: str, path: Sequence[str], key: str, data: object) -> list[Edit]:
    root, parent = _at(text, path)
    found = jsonc.member(parent, key)
    if found is None:
        return jsonc.insert(text, root, parent, key, data)
    return [] if found.value.data == data else jsonc.replace(text, root, found.value, data)


def _require_object(text: str, value: jsonc.Value, path: Sequence[str]) -> None:
    if not isinstance(value.data, dict):
        what = ".".join(path) or "the whole"
        raise FormatError(f"{what} is no object", value.start)
