"""SARIF that the official schema takes, with paths that code scanning finds."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from c2llm.analysis.clone_report.as_sarif import sarif
from c2llm.analysis.clone_report.selection import select
from c2llm.analysis.clones.clone_class import CloneClass
from tests.analysis.clone_report.reports import clone, member, report

HOSTILE = [
    member("dir/with space/a#b?.py", 1, 6, "evil](http://x)"),
    member(os.fsdecode(b"raw\xff%41.py")),
    member("c:drive.py"),
    member("line\nbreak[1].py", symbol="\x1b[31mred"),
]


def log(*classes: CloneClass, prefixes: Mapping[str, str] = {"": ""}) -> dict[str, Any]:
    found = sarif(select(report(classes)), prefixes)
    assert json.loads(json.dumps(found)) == found
    return found


def all_types() -> dict[str, Any]:
    return log(
        *(clone(HOSTILE, kind, id=f"{kind}", similarity=0.9) for kind in (1, 2, 3, 4)),
        clone([member("a.py", label="api"), member("b.py", label="w/eb")], id="5"),
    )


def test_the_model_of_the_schema_takes_it() -> None:
    model = pytest.importorskip("pydantic_sarif.model")
    for found in (all_types(), log()):
        model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(found)
    broken = all_types()
    broken["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    with pytest.raises(ValueError, match="startLine"):
        model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate(broken)


def test_the_schema_itself_takes_it() -> None:
    """It is in the npm package @microsoft/jest-sarif; the environment names its file."""
    jsonschema = pytest.importorskip("jsonschema")
    if not (named := os.environ.get("C2LLM_SARIF_SCHEMA")):
        pytest.skip("C2LLM_SARIF_SCHEMA names no schema")
    schema = json.loads(Path(named).read_text(encoding="utf-8"))
    check = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    for found in (all_types(), log()):
        check.validate(found)


def test_a_class_is_one_result_with_the_other_places_beside_it() -> None:
    [run] = log(clone([member("a.py"), member("b.py", 3, 9)], 3, id="f00d"))["runs"]
    [result] = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"] == "duplicate-type-3"
    assert rule["defaultConfiguration"]["level"] == result["level"] == "note"
    assert result["partialFingerprints"] == {"cloneClass/v1": "f00d"}
    [first], [other] = result["locations"], result["relatedLocations"]
    assert first["physicalLocation"]["region"] == {"startLine": 1, "endLine": 6}
    assert other["physicalLocation"]["region"] == {"startLine": 3, "endLine": 9}
    assert f"[b.py:3-9]({other['id']})" in result["message"]["text"]


def uris(found: dict[str, Any]) -> list[tuple[str, str]]:
    result = found["runs"][0]["results"][0]
    places = [*result["locations"], *result["relatedLocations"]]
    files = [place["physicalLocation"]["artifactLocation"] for place in places]
    return [(file["uriBaseId"], file["uri"]) for file in files]


def test_paths_are_uris_below_the_root() -> None:
    assert [uri for _, uri in uris(log(clone(HOSTILE)))] == [
        "dir/with%20space/a%23b%3F.py",
        "raw%FF%2541.py",
        "c%3Adrive.py",
        "line%0Abreak%5B1%5D.py",
    ]
    below = log(clone([member("a.py"), member("b.py")]), prefixes={"": "libs/core/"})
    assert uris(below) == [("%SRCROOT%", "libs/core/a.py"), ("%SRCROOT%", "libs/core/b.py")]


def test_several_trees_are_told_apart() -> None:
    both = clone([member("a.py", label="api"), member("a.py", label="web")])
    one_tree = log(both, prefixes={"api": "api/", "web": "src/web/"})
    assert uris(one_tree) == [("%SRCROOT%", "api/a.py"), ("%SRCROOT%", "src/web/a.py")]
    two = log(both, prefixes={})
    bases = two["runs"][0]["originalUriBaseIds"]
    assert [bases[base]["uri"] + uri for base, uri in uris(two)] == ["api/a.py", "web/a.py"]


def test_what_is_added_is_where_the_result_is() -> None:
    places = [member("a.py"), member("b.py"), member("c.py")]
    found = select(report([clone(places)]), added_to=lambda one: frozenset(places[1:2]))
    assert [uri for _, uri in uris(sarif(found, {"": ""}))] == ["b.py", "a.py", "c.py"]


def test_what_is_hostile_breaks_no_link() -> None:
    text = log(clone(HOSTILE))["runs"][0]["results"][0]["message"]["text"]
    assert r"line\\nbreak\[1\].py:1-6](3)" in text and "\n" not in text


def test_very_many_places_are_not_all_named() -> None:
    [result] = log(clone([member(f"{n}.py") for n in range(3_000)]))["runs"][0]["results"]
    assert len(result["relatedLocations"]) == 100 and "and 2994 more" in result["message"]["text"]
