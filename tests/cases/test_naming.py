"""A hit is called by the definition in its chunk that answers, not by the first of several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from c2llm.search.answer import Hit
from c2llm.search.answering import answer
from c2llm.search.answers.snippets import snippet
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.trees import WordEncoder, write_tree

FILES = {
    "web/scaffold.py": '''class Setup:
    """What is known while an application starts."""

    def make_setup_state(self, app, options):
        """Create an instance of the state."""
        return (self, app, options)

    def register(self, blueprint, **options):
        """Register a blueprint on the application."""
        self.blueprints.append(blueprint)

    def iter_blueprints(self):
        """Iterate over all of them in order."""
        return iter(self.blueprints)
''',
    "web/use.py": "def start(app):\n    app.register(1)\n",
    "pool/pool.go": """package pool

// Reset clears the buffer.
func Reset(b *Buf) { b.n = 0 }

// closeIdle drops idle connections.
func closeIdle(p *Pool) { p.idle = nil }

// Grow makes room in the buffer.
func Grow(b *Buf, n int) { b.cap += n }
""",
    "ui/format.ts": """export function padLeft(text: string, width: number): string {
  return text.padStart(width);
}

/** Shortens a text and puts an ellipsis behind it. */
export function truncate(text: string, limit: number): string {
  return text.slice(0, limit) + "…";
}

export const toTitle = (text: string): string => text.toUpperCase();
""",
    "core/clock.rs": """pub fn now() -> u64 { 0 }

/// Rounds a duration up to whole seconds.
pub fn ceil_seconds(nanos: u64) -> u64 { nanos / 1_000_000_000 + 1 }

pub fn sleep(seconds: u64) {}
""",
    "Shop.java": """class Shop {
    int stock() { return stock; }

    /** Applies a voucher to the basket. */
    void redeem(Basket basket, String voucher) { basket.apply(voucher); }

    void close() { }
}
""",
    "lib/mail.rb": """class Mail
  def to_s
    subject
  end

  # Attaches a file to the message.
  def attach(path)
    parts << path
  end
end
""",
    "src/hash.c": """int hash_init(struct h *h) { return 0; }

/* Doubles the table and moves every entry. */
int rehash(struct h *h) { return grow(h); }

void hash_free(struct h *h) { }
""",
    "src/kana.py": '''def load(path):
    """設定を読み込む"""
    return path


def verify(token):
    """署名を検証する"""
    return token
''',
    "docs/guide.md": """# Guide

Welcome.

## Install

Use the package.

## Proxies

Set the address of the proxy in the environment.
""",
}
ASKED = [
    ("register a blueprint", "web/scaffold.py", "register", "function", 8),
    ("iterate over blueprints in order", "web/scaffold.py", "iter_blueprints", "function", 12),
    ("make_setup_state", "web/scaffold.py", "make_setup_state", "function", 4),
    ("what is known while an application starts", "web/scaffold.py", "Setup", "class", 1),
    ("drop idle connections", "pool/pool.go", "closeIdle", "function", 6),
    ("make room in the buffer", "pool/pool.go", "Grow", "function", 9),
    ("pool.go:10", "pool/pool.go", "Grow", "function", 9),
    ("shorten a text with an ellipsis", "ui/format.ts", "truncate", "function", 5),
    ("to title", "ui/format.ts", "toTitle", "function", 10),
    ("round a duration up to seconds", "core/clock.rs", "ceil_seconds", "function", 3),
    ("apply a voucher to the basket", "Shop.java", "redeem", "function", 4),
    ("attach a file to a message", "lib/mail.rb", "attach", "function", 6),
    ("move every entry to a doubled table", "src/hash.c", "rehash", "function", 3),
    ("sym:hash_free", "src/hash.c", "hash_free", "function", 6),
    ("署名を検証", "src/kana.py", "verify", "function", 6),
    ("address of the proxy", "docs/guide.md", "Proxies", "section", 9),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeIndex]:
    root = tmp_path_factory.mktemp("naming")
    write_tree(root / "tree", FILES)
    patch = pytest.MonkeyPatch()
    patch.setenv("C2LLM_HOME", str(root / "home"))
    with CodeIndex.open(root / "tree", encoder=WordEncoder(), embed="all") as opened:
        yield opened
    patch.undo()


def found(index: CodeIndex, query: str, path: str, mode: str, granularity: str) -> Hit:
    hits = index.search(query, 10, mode, granularity=granularity)  # type: ignore[arg-type]
    return next(hit for hit in hits if hit.path == path)


@pytest.mark.parametrize("mode", ["lexical", "hybrid"])
@pytest.mark.parametrize("granularity", ["chunk", "file"])
@pytest.mark.parametrize(("query", "path", "symbol", "kind", "line"), ASKED)
def test_the_definition_that_answers_names_the_hit(
    index: CodeIndex,
    query: str,
    path: str,
    symbol: str,
    kind: str,
    line: int,
    mode: str,
    granularity: str,
) -> None:
    hit = found(index, query, path, mode, granularity)
    assert (hit.symbol, hit.kind) == (symbol, kind)
    assert hit.start_line <= line <= hit.end_line
    assert hit.definition is not None and hit.definition[0] == line
    shown = snippet(hit, query)
    if ":" not in query or query.startswith("sym:"):
        assert hit.definition[0] <= shown.start_line <= hit.definition[1]
        assert shown.start_line + len(shown.lines) - 1 <= hit.definition[1]
    assert symbol in shown.text


def test_what_no_word_decides_keeps_the_name_of_the_chunk(index: CodeIndex) -> None:
    hit = next(h for h in index.search("zebra", 20, "dense") if h.path == "src/hash.c")
    assert hit.symbol == "hash_init"


def test_callers_are_those_of_the_name_that_is_shown(index: CodeIndex) -> None:
    request = SearchRequest("register a blueprint", 1, "lexical", callers=True)
    (hit,) = answer([index], request).hits
    assert hit.symbol == "register" and hit.callers is not None
    assert [(use.path, use.symbol) for use in hit.callers.callers] == [("web/use.py", "start")]


def test_a_chunk_that_ends_one_definition_and_begins_another(home: Path, tmp_path: Path) -> None:
    body = "\n".join(f"    total += weigh(item_{i}, scale_{i})" for i in range(60))
    tail = "    return total / penguins"
    source = f"def weighted_mean(items):\n    total = 0\n{body}\n{tail}\n\n\ndef other():\n    pass\n"
    root = write_tree(tmp_path / "tail", {"a.py": source})
    with CodeIndex.open(root, embed="none") as index:
        hit = index.search("penguins", 1, "lexical")[0]
        assert hit.symbol == "weighted_mean" and "penguins" in snippet(hit, "penguins").text
        assert index.search("other", 1, "lexical")[0].symbol == "other"
