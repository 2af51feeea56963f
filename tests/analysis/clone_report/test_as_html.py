"""One page that stands alone, whatever the code says."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

from c2llm.analysis.clone_report.as_html import page
from c2llm.analysis.clone_report.selection import select
from tests.analysis.clone_report.reports import CHANGED, FIRST, OTHER, clone, member, report, tree

HOSTILE = (
    "def load(user):\n    x = '</style><script>alert(1)</script>'\n"
    '    y = "<img src=x onerror=1>"\n'
    "    z = '\x1b[31m\u202e'\n    return user\n"
)
VOID = {"meta", "col"}


class Checked(HTMLParser):
    """Elements that are closed in order, and what they say."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def checked(html: str) -> Checked:
    parser = Checked()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def test_a_page_says_what_differs_side_by_side(tmp_path: Path) -> None:
    files = {"src/a.py": FIRST, "src/b.py": CHANGED, "lib/c.py": OTHER, "lib/d.py": OTHER}
    code = tree(tmp_path, files)
    classes = [
        clone([member("src/a.py", symbol="load"), member("src/b.py", 1, 7)], 3, id="1"),
        clone([member("lib/c.py", 1, 4), member("lib/d.py", 1, 4)], 1, id="2"),
    ]
    found = select(report(classes, [clone([member("t.py")] * 2, role="test")]), since="main")
    html = page(found, code, ["2 new classes of duplicates."])
    parser = checked(html)
    text = " ".join("".join(parser.text).split())
    assert "What is new since main." in text and "2 new classes of duplicates." in text
    assert "Set apart: 1 of test." in text and "user → customer" in text
    assert '<td class="no r">6</td><td class="in">    log(total)</td>' in html
    assert "lib/d.py:1-4 is the same" in text
    links = [dict(a)["href"] for tag, a in parser.seen if tag == "a"]
    targets = {f"#{a['id']}" for tag, a in parser.seen if a.get("id")}
    assert links and set(links) <= targets
    assert not {tag for tag, _ in parser.seen} & {"script", "link", "img", "iframe"}


def test_hostile_code_and_names_stay_text(tmp_path: Path) -> None:
    name = "<b onmouseover=x>&quot;.py"
    code = tree(tmp_path, {name: HOSTILE, "b.py": HOSTILE.replace("user", "other")})
    places = [member(name, 1, 5, "<i>f</i>"), member("b.py", 1, 5)]
    html = page(select(report([clone(places)]), since="<u>x</u>"), code, [])
    parser = checked(html)
    assert not {tag for tag, _ in parser.seen} & {"script", "img", "i", "u"}
    assert not [a for _, attrs in parser.seen for a in attrs if a.startswith("on")]
    text = "".join(parser.text)
    assert "<script>alert(1)</script>" in text and name in text
    assert "\x1b" not in html and "\u202e" not in html


def test_the_page_allows_itself_its_own_style_alone(tmp_path: Path) -> None:
    html = page(select(report([])), tree(tmp_path, {}), [])
    [style] = re.findall(r"<style>(.*?)</style>", html, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]+)"', html)
    assert f"style-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    assert " style=" not in html and "://" not in html
    assert "No duplicates." in html
    assert "prefers-color-scheme: dark" in style
    checked(html)


def test_a_page_has_bounds(tmp_path: Path) -> None:
    long = "".join(f"step_{n}(a)\n" for n in range(700))
    code = tree(tmp_path, {f"{n}/a.py": long.replace("(a)", f"({n})") for n in range(20)})
    classes = [clone([member(f"{n}/a.py", 1, 700) for n in range(20)])]
    html = page(select(report(classes)), code, [])
    assert len(html) < 3_000_000 and "7 more are not laid beside it" in html
    checked(html)
    assert "4 more classes are not on this page" in page(
        select(report([*classes, *classes, *classes, *classes, *classes]), limit=1), code, []
    )
