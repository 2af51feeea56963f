"""A planted bias is found and put down to its rule; where there is none, none is called."""

from __future__ import annotations

import json

import numpy as np

from c2llm.evaluation.fairness.report import fairness_markdown, fairness_report
from c2llm.evaluation.fairness.rules import ALL, NONE, VARIANTS

RULE = "demotion: test"


def question(rng, repository, at, *, score, lines, is_test=False, of_rule=0.0):
    """One row; what the rule adds is in every variant but the two that lack it."""
    scores = {
        name: score + (0.0 if name in (NONE, RULE) else of_rule * is_test) for name in VARIANTS
    }
    attributes = {
        "language": "python" if repository % 2 else "go",
        "comments": "English",
        "question": "English",
        "for": "test" if is_test else "production",
        "lines": lines,
        "importers": float(rng.integers(0, 4)),
        "age": float(rng.random()),
        "files": float(10 + repository),
        "position": None,
        "category": "semantic",
        "targets": 1.0,
        "words": float(rng.integers(2, 9)),
    }
    return {"question": f"q{at}", "attributes": attributes, "scores": scores}


def results(rng, *, of_rule=0.0, lines_worse=0.0, edits=(), repositories=12):
    made = []
    for number in range(repositories):
        hard = rng.normal(0.0, 0.15)
        rows = []
        for at in range(20):
            lines = float(rng.integers(10, 900))
            score = 0.6 + hard + lines_worse * (lines > 600) + rng.normal(0.0, 0.15)
            is_test = bool(at % 4 == 0)
            rows.append(
                question(
                    rng, number, at, score=score, lines=lines, is_test=is_test, of_rule=of_rule
                )
            )
        made.append(
            {
                "kind": "repositories",
                "repository": f"r{number}",
                "system": "lexical",
                "questions": rows,
                "edits": list(edits),
            }
        )
    return made


def called(report):
    [section] = report["sections"]
    return {f"{one['attribute']} {one['group']}" for one in section["groups"] if one["called"]}


def entry(report, attribute, group):
    [section] = report["sections"]
    [found] = [
        one
        for one in section["groups"]
        if one["attribute"] == attribute and one["group"].startswith(group)
    ]
    return found


def test_a_planted_rule_is_found_and_named():
    report = fairness_report(results(np.random.default_rng(1), of_rule=-0.3))
    assert called(report) == {"for test", "for production"}
    test = entry(report, "for", "test")
    assert -0.4 < test["effect"]["value"] < -0.2
    assert abs(test["without_rules"]["value"]) < 0.1
    assert test["by_rules"]["value"] == test["rules"][RULE]["value"]
    assert test["rules_p_holm"][RULE] < 0.05
    assert test["rules"]["coherence"]["value"] == 0.0
    page = fairness_markdown(report)
    assert f"| for: test       | {RULE} | -0.300 [-0.300, -0.300] | < 0.001 |".replace(
        " ", ""
    ) in page.replace(" ", "")


def test_a_bias_of_the_retrievers_is_not_put_down_to_the_rules():
    report = fairness_report(results(np.random.default_rng(2), lines_worse=-0.3))
    long = entry(report, "lines", "over")
    assert long["called"] and long["effect"]["value"] < -0.2
    assert long["by_rules"]["value"] == 0.0 and set(long["rules_p_holm"].values()) == {1.0}


def test_none_is_called_where_there_is_none():
    """At the level of 0.05 for the whole table, however small a gap is asked for."""
    found = [
        called(fairness_report(results(np.random.default_rng(seed)), smallest=0.0))
        for seed in range(100, 106)
    ]
    assert sum(map(bool, found)) <= 1


def test_a_gap_that_another_attribute_makes_vanishes_when_that_is_held():
    """Tests are short here, and short files are found less: tests themselves are not."""
    rng = np.random.default_rng(3)
    made = results(rng)
    for result in made:
        for row in result["questions"]:
            attributes = row["attributes"]
            is_test = bool(rng.random() < (0.8 if attributes["lines"] < 300 else 0.05))
            attributes["for"] = "test" if is_test else "production"
            for name in VARIANTS:
                row["scores"][name] += 0.15 * np.log(attributes["lines"])
    test = entry(fairness_report(made), "for", "test")
    assert test["plain"]["high"] < -0.1
    assert not test["called"] and test["effect"]["low"] < 0.0 < test["effect"]["high"]


def test_too_few_repositories_are_told_apart_by_nothing():
    made = results(np.random.default_rng(4))
    for result in made:
        for row in result["questions"]:
            alone = result["repository"] == "r0"
            row["attributes"]["language"] = "zig" if alone else "go"
            for name in VARIANTS:
                row["scores"][name] -= 0.5 * alone
    zig = entry(fairness_report(made), "language", "zig")
    assert zig["n"] == 20 and zig["mean"] < 0.4
    assert zig["effect"] is None and zig["plain"] is None and not zig["called"]


def edit_rows(rng, *, loss):
    """The question as it is, elsewhere and among tests, where the rule takes something."""
    rows = []
    for at in range(12):
        score = float(rng.choice([1.0, 0.63]))
        plain = dict.fromkeys(VARIANTS, score)
        among = {name: score - (0.0 if name in (NONE, RULE) else loss) for name in VARIANTS}
        scores = {"as it is": plain, "in another folder": plain, "among tests": among}
        rows.append({"question": f"q{at}", "scores": scores})
    return rows


def test_an_edit_is_compared_with_what_shares_all_else():
    rng = np.random.default_rng(5)
    made = results(rng, edits=edit_rows(rng, loss=0.4))
    [section] = fairness_report(made)["sections"]
    moved, among = section["edits"]
    assert (moved["edit"], moved["against"]) == ("in another folder", "as it is")
    assert not moved["called"] and moved["effect"]["value"] == 0.0
    assert among["called"] and among["against"] == "in another folder"
    assert among["effect"]["value"] < -0.3
    assert among["by_rules"]["value"] == among["rules"][RULE]["value"]
    none = fairness_report(results(rng, edits=edit_rows(rng, loss=0.0)))["sections"][0]
    assert not any(edit["called"] for edit in none["edits"])


def test_the_report_is_json_and_a_page_even_of_nothing():
    report = fairness_report(results(np.random.default_rng(6), repositories=2))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["sections"][0]["ndcg_at_10"].keys() == {ALL, NONE}
    empty = [{"kind": "functions", "repository": "r", "system": "s", "questions": [], "edits": []}]
    told = fairness_report(empty)
    assert "No question has its answer in the tree." in fairness_markdown(told)
    json.dumps(told, allow_nan=False)
