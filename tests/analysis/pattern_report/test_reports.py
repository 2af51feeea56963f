"""Reports of patterns: SARIF that its schema takes, and a baseline that grows by what is new."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from c2llm.analysis.pattern_report.as_json import payload
from c2llm.analysis.pattern_report.as_sarif import sarif
from c2llm.analysis.pattern_report.baseline import Baseline, write
from c2llm.analysis.patterns.hit import Hit, PatternReport
from c2llm.errors import DataError
from tests.analysis.patterns.samples import MEANING, SWALLOWED, read

SWALLOW, LOOP = read(SWALLOWED), replace(read(MEANING), hint=True)
HIT = Hit(
    pattern=SWALLOW,
    repository="",
    path="src/a.py",
    language="python",
    start_line=3,
    end_line=4,
    start_column=5,
    end_column=9,
    symbol="save",
    lines=("    except:", "        pass"),
    score=0.9,
    margin=0.2,
    role="code",
    allowed=None,
    fingerprint="f00d",
)
HOSTILE = [
    replace(HIT, path="dir/with space/a#b?.py", symbol="evil](http://x)"),
    replace(HIT, path=os.fsdecode(b"raw\xff%41.py"), fingerprint="beef"),
    replace(HIT, path="line\nbreak[1].py", symbol="\x1b[31mred", pattern=LOOP),
    replace(HIT, repository="w/eb", path="c:drive.py"),
]
ALLOWED = replace(HIT, path="b.py", allowed="it is ours")


def report(*hits: Hit, apart: tuple[Hit, ...] = ()) -> PatternReport:
    return PatternReport((SWALLOW, LOOP), hits, apart, files=4, searched=2, notes=("a note",))


def log(*hits: Hit, apart: tuple[Hit, ...] = ()) -> dict[str, Any]:
    found = sarif(report(*hits, apart=apart), hits, {"": "sub/"})
    assert json.loads(json.dumps(found)) == found
    return found


def test_the_schema_takes_it() -> None:
    """The schema is in the npm package @microsoft/jest-sarif; the environment names its file."""
    jsonschema = pytest.importorskip("jsonschema")
    if not (named := os.environ.get("C2LLM_SARIF_SCHEMA")):
        pytest.skip("C2LLM_SARIF_SCHEMA names no schema")
    schema = json.loads(Path(named).read_text(encoding="utf-8"))
    check = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    for found in (log(), log(HIT, *HOSTILE, apart=(ALLOWED,))):
        check.validate(found)


def test_a_rule_helps_and_grades() -> None:
    [run] = log()["runs"]
    swallowed, loop = run["tool"]["driver"]["rules"]
    assert swallowed["id"] == "swallowed" and swallowed["help"]["text"].startswith("Handle it")
    assert "<https://example.org/swallowed>" in swallowed["help"]["markdown"]
    assert swallowed["defaultConfiguration"]["level"] == "error"
    assert swallowed["properties"]["security-severity"] == "8.0"
    assert "security" in swallowed["properties"]["tags"]
    assert loop["defaultConfiguration"]["level"] == "note"
    assert "security-severity" not in loop["properties"]


def test_a_result_has_its_place_and_its_print() -> None:
    [run] = log(HIT, HIT, apart=(ALLOWED, replace(HIT, role="test")))["runs"]
    first, second, allowed = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "sub/src/a.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "endLine": 4, "startColumn": 5, "endColumn": 9}
    prints = [one["partialFingerprints"]["patternHit/v1"] for one in (first, second)]
    assert prints == ["f00d:0", "f00d:1"]
    assert allowed["suppressions"] == [{"kind": "inSource", "justification": "it is ours"}]
    assert "suppressions" not in first


def test_json_counts_all_and_tells_some() -> None:
    told = payload(report(HIT, HIT, apart=(ALLOWED,)), [HIT], ["it failed"], 1.2345)
    assert (told["found"], len(told["hits"]), told["apart"]["allowed"]) == (2, 1, 1)
    assert told["by_pattern"] == {"swallowed": 2} and told["seconds"] == 1.234
    assert json.loads(json.dumps(told)) == told


def test_a_baseline_knows_as_many_as_it_had(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    assert write(path, [HIT, HIT, replace(HIT, path="b.py")]) == 3
    known = Baseline.read(path)
    assert known.new([HIT, HIT, replace(HIT, path="b.py")]) == []
    assert known.new([HIT, HIT, HIT]) == []  # b.py's has moved
    assert known.new([HIT] * 4) == [HIT]
    moved = replace(HIT, path="c.py", start_line=90)
    assert known.new([moved, HIT, HIT]) == []
    other = replace(HIT, fingerprint="beef")
    assert known.new([other, HIT]) == [other]
    assert write(path, []) == 0 and Baseline.read(path).new([HIT]) == [HIT]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"made_by": "c2llm clones", "version": 1, "hits": []}',
        '{"made_by": "c2llm patterns", "version": 2, "hits": []}',
        '{"made_by": "c2llm patterns", "version": 1, "hits": {}}',
        '{"made_by": "c2llm patterns", "version": 1, "hits": [{"path": "a"}]}',
        '{"made_by": "c2llm patterns", "version": 1, "hits": [1]}',
    ],
)
def test_what_is_no_baseline_is_told_in_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(DataError, match="--write-baseline"):
        Baseline.read(path)
