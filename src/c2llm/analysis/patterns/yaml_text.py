"""YAML as a pattern is written in it: plain data, small, and nothing that stands for more.

Anybody may have written the file. What YAML can do beyond lists, mappings and scalars is refused:
aliases, by which a page names a thousand times itself, tags, several documents, keys given twice.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from c2llm.errors import DataError

if TYPE_CHECKING:
    import yaml

MOST_BYTES = 64_000
_DEEPEST = 12


def read_yaml(content: bytes, source: str) -> object:
    """What a file says.

    Args:
        content: Its bytes.
        source: Its name, for messages.

    Raises:
        DataError: It is too large, or not YAML of the plain kind.
    """
    if len(content) > MOST_BYTES:
        raise DataError(
            f"{source} has {len(content):,} bytes; a pattern has at most {MOST_BYTES:,}."
        )
    import yaml

    try:
        text = content.decode("utf-8-sig")
        return yaml.load(text, _loader())  # a SafeLoader that knows less
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8; save it in that encoding.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark is not None else ""
        why = " ".join((error.problem or "it cannot be read").split())[:200]
        raise DataError(f"{source} is no YAML that a pattern can have{line}: {why}.") from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        why = (str(error) or type(error).__name__).partition("\n")[0][:200]
        raise DataError(f"{source} is no YAML that a pattern can have: {why}.") from error


@cache
def _loader() -> type[yaml.SafeLoader]:
    import yaml

    class PlainLoader(yaml.SafeLoader):
        """Reads scalars, lists and mappings, a few levels of them."""

        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()  # type: ignore[no-untyped-call]
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise yaml.composer.ComposerError(
                    None, None, "anchors and aliases are not read", event.start_mark
                )
            if getattr(event, "tag", None):
                raise yaml.composer.ComposerError(None, None, "tags are not read", event.start_mark)
            self.depth += 1
            if self.depth > _DEEPEST:
                raise yaml.composer.ComposerError(
                    None, None, f"it nests deeper than {_DEEPEST} levels", event.start_mark
                )
            try:
                return super().compose_node(parent, index)
            finally:
                self.depth -= 1

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            known: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.value in known:
                    raise yaml.constructor.ConstructorError(
                        None, None, "a key is given twice, or is no text", key.start_mark
                    )
                known.add(key.value)
            return super().construct_mapping(node, deep)

    # A date is text, as is `<<`, and a `y` or an `on` is what it looks like.
    kept = {"tag:yaml.org,2002:" + name for name in ("bool", "int", "float", "null")}
    PlainLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in rows if tag in kept]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return PlainLoader
