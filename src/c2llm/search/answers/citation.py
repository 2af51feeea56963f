"""How answers are cited, for people and for agents."""

from __future__ import annotations

from c2llm.search.answer import Hit, Sibling

_MOST_SIBLINGS = 3


def place(hit: Hit | Sibling) -> str:
    """`path:start-end`, behind the repository's name where there are several."""
    where = f"{hit.path}:{hit.start_line}-{hit.end_line}".replace("\n", "\\n")
    return f"{hit.repository}/{where}" if hit.repository else where


def elsewhere(hit: Hit) -> str:
    """How many other places have the file of an answer, in one line; "" where none has."""
    number = len(hit.places)
    if not number:
        return ""
    named = ", ".join(one.whole.replace("\n", "\\n") for one in hit.places[:_MOST_SIBLINGS])
    rest = f" and {number - _MOST_SIBLINGS:,} more" if number > _MOST_SIBLINGS else ""
    return f"and in {number:,} other place{'s' if number > 1 else ''}: {named}{rest}"


def also_in(hit: Hit) -> str:
    """Where the near copies of an answer are, in one line; "" where it has none."""
    if not hit.also:
        return ""
    files = {(one.repository, one.path) for one in hit.also}
    elsewhere = len(files) == len(hit.also) and (hit.repository, hit.path) not in files
    number, noun = len(hit.also), "file" if elsewhere else "place"
    named = ", ".join(map(place, hit.also[:_MOST_SIBLINGS]))
    more = number - _MOST_SIBLINGS
    rest = f" and {more} more" if more > 0 else ""
    return f"also in {number} {noun}{'s' if number > 1 else ''}: {named}{rest}"
