"""`records` as a user runs it, and searches by what was imported."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from c2llm.cli.main import main
from c2llm.errors import UsageError
from c2llm.search.code_index import CodeIndex
from c2llm.search.request import SearchRequest
from tests.index.conftest import home
from tests.serving.conftest import git, repository
from tests.trees import WordEncoder, write_tree

__all__ = ["home"]

REVERSION = '''class Reversion:
    """Buys what fell."""

    def run(self, prices):
        """Sell high and buy low."""
        return [-price for price in prices]

    def size(self):
        return 1
'''
TREND = '''def momentum(prices):
    """Follow the trend of prices."""
    return prices


def breakout(prices):
    """Follow the trend of prices after a breakout."""
    return max(prices)


def unmeasured(prices):
    """Follow the trend of prices, trend, trend."""
    return prices
'''
TREE = {"strategies/reversion.py": REVERSION, "strategies/trend.py": TREND, "other.py": TREND}
RESULTS = """file,function,sharpe,market,live,note
strategies/reversion.py,Reversion.run,1.5,fx,true,=HYPERLINK("x")
/ci/build/strategies/trend.py,momentum,0.7,equity,false,
strategies.trend,breakout,,fx,true,-1
strategies/trend.py,breakot,9,fx,true,
strategies/trnd.py,momentum,9,fx,true,
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], home: Path):
    def run(*arguments: object) -> Done:
        code = 0
        try:
            main(list(map(str, arguments)))
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = write_tree(tmp_path / "tree", TREE)
    (root / "results.csv").write_text(RESULTS)
    return root


@pytest.fixture
def imported(call, tree: Path) -> Path:
    assert call("records", "import", tree / "results.csv", tree, "--key", "file:function").code == 0
    return tree


def found(call, tree: Path, query: str, *options: str) -> list[dict[str, Any]]:
    done = call("search", query, tree, "--mode", "lexical", "--json", *options)
    assert done.code == 0, done.err
    return done.json["results"]


def symbols(results: list[dict[str, Any]]) -> list[str]:
    return [one["symbol"] for one in results]


def test_an_import_tells_what_it_joined_and_what_not(call, tree):
    done = call("records", "import", tree / "results.csv", tree, "--key", "file:function")
    assert "5 rows, 3 with code; 3 new or changed" in done.out
    assert "defines no breakot (the nearest is breakout)" in done.err
    assert "(the nearest is strategies/trend.py)" in done.err
    again = call("records", "import", tree / "results.csv", tree, "--json").json
    assert (again["changed"], again["records"], len(again["unmatched"])) == (0, 3, 2)
    listed = call("records", "list", tree, "--json").json
    assert [one["name"] for one in listed["imports"]] == ["results.csv"]
    assert [one["name"] for one in listed["columns"]] == ["sharpe", "market", "live", "note"]


def test_a_condition_is_met_by_every_hit(call, imported):
    hits = found(call, imported, "trend of prices", "--where", "market = 'fx'")
    assert sorted(symbols(hits)) == ["breakout", "run"]
    assert all(hit["record"]["values"]["market"] == "fx" for hit in hits)
    assert [hit["record"]["symbol"] for hit in hits if hit["symbol"] == "run"] == ["Reversion.run"]
    (only,) = found(call, imported, "trend", "--where", "sharpe > 1 and live")
    assert (only["start_line"], only["end_line"]) == (4, 6)
    assert found(call, imported, "trend", "--where", "sharpe > 99") == []


@pytest.mark.parametrize("granularity", ["chunk", "function", "class", "file"])
def test_every_granularity_keeps_to_the_condition(call, imported, granularity):
    options = ("--where", "sharpe > 1", "--granularity", granularity)
    hits = found(call, imported, "trend of prices", *options)
    assert [hit["path"] for hit in hits] == ["strategies/reversion.py"]
    assert hits[0]["record"]["values"]["sharpe"] == 1.5


def test_hits_are_sorted_and_grouped(call, imported):
    up = found(call, imported, "prices", "--sort", "sharpe")
    assert symbols(up) == ["momentum", "run"]
    down = found(call, imported, "prices", "--sort", "-Sharpe")
    assert symbols(down) == ["run", "momentum"]
    done = call("search", "prices", imported, "--mode", "lexical", "--group-by", "market", "--json")
    assert {one["value"]: one["results"] for one in done.json["groups"]} == {"fx": 2, "equity": 1}
    text = call("search", "prices", imported, "--mode", "lexical", "--group-by", "market").out
    assert "market = fx (2)" in text and "record: sharpe 1.5" in text


def test_as_many_hits_as_are_wanted_meet_the_condition(call, tmp_path):
    """Most code by far has more of the words, and none of what is asked for."""
    files = {f"loud{n}.py": f"def loud{n}():\n    '''trend trend'''\n" for n in range(300)}
    files |= {f"quiet{n}.py": f"def quiet{n}():\n    return {n}\n" for n in range(40)}
    root = write_tree(tmp_path / "many", files)
    rows = [{"file": f"quiet{n}.py", "f": f"quiet{n}", "x": n} for n in range(40)]
    (root / "r.json").write_text(json.dumps(rows))
    assert call("records", "import", root / "r.json", root, "--key", "file:f").code == 0
    hits = found(call, root, "trend", "--where", "x >= 10", "-k", "30")
    assert len(hits) == 30 and all(hit["record"]["values"]["x"] >= 10 for hit in hits)
    pages = [
        found(call, root, "trend", "--where", "x >= 10", "-k", "10", "--offset", str(at))
        for at in (0, 10, 20)
    ]
    assert {hit["path"] for page in pages for hit in page} == {hit["path"] for hit in hits}


@pytest.fixture
def many(call, tmp_path: Path) -> Path:
    """Code that the question "trend" finds last has the largest numbers."""
    files = {f"of{n}.py": f"def f{n}():\n    {'trend = ' * (40 - n)}{n}\n" for n in range(40)}
    root = write_tree(tmp_path / "many", files)
    rows = [{"file": f"of{n}.py", "f": f"f{n}", "x": n, "even": n % 2 == 0} for n in range(40)]
    (root / "r.json").write_text(json.dumps(rows))
    assert call("records", "import", root / "r.json", root, "--key", "file:f").code == 0
    return root


def test_sorted_are_all_that_may_answer(call, many):
    def numbers(*options: str) -> list[int]:
        hits = found(call, many, "trend", *options)
        return [hit["record"]["values"]["x"] for hit in hits]

    best = ("--where", "even", "--sort", "-x", "-k", "3")
    assert numbers(*best) == [38, 36, 34]
    assert numbers(*best, "--offset", "3") == [32, 30, 28]
    assert numbers(*best, "--granularity", "function") == [38, 36, 34]
    assert numbers(*best, "--include", "of2*.py") == [28, 26, 24]
    relevant = numbers("--where", "even", "-k", "5")
    assert numbers(*best, "--among", "5") == sorted(relevant, reverse=True)[:3] != [38, 36, 34]
    done = call("search", "trend", many, "--where", "even", "--among", "5")
    assert done.code == 2 and "name a column" in done.err


def test_equals_stand_as_the_question_finds_them(call, many):
    one, other = (found(call, many, name, "--sort", "even", "-k", "1")[0] for name in ("f7", "f31"))
    assert (one["symbol"], other["symbol"]) == ("f7", "f31")


def test_similar_code_is_sorted_among_the_most_alike(call, many):
    place = f"{many / 'of3.py'}:1"
    options = (place, "--in", many, "--mode", "lexical", "--json", "-k", "4")
    alike = call("similar", *options, "--records").json["results"]
    by_number = call("similar", *options, "--sort", "-x").json["results"]
    assert {one["path"] for one in by_number} == {one["path"] for one in alike}
    of_all = call("similar", *options, "--sort", "-x", "--among", "40").json["results"]
    assert of_all[0]["path"] == "of39.py"


def test_records_are_asked_without_a_question(call, many, monkeypatch):
    monkeypatch.chdir(many)
    best = ("--where", "even", "--sort", "-x", "-k", "2")
    assert call("search", *best, "-l").out.split() == ["of38.py", "of36.py"]
    assert "record: x 38" in call("search", "", many, *best).out
    assert len(call("search", "", many, "--group-by", "even", "--json").json["results"]) == 10
    for options in (("search",), ("search", "", many), ("search", "", "--symbol", *best)):
        assert call(*options).code == 2


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_every_mode_asks_the_records(imported, mode):
    with CodeIndex.open(imported, encoder=WordEncoder()) as index:
        for request in (
            SearchRequest("trend", mode=mode, where="market = 'fx'"),
            SearchRequest("trend", mode=mode, where="market = 'fx'", include="strategies"),
            SearchRequest("trend", mode=mode, where="market = 'fx'", pattern="return"),
        ):
            assert {hit.symbol for hit in index.search(request)} == {"run", "breakout"}
        assert index.search(SearchRequest("trend", mode=mode, records=True, exclude="*")) == []


def test_an_index_without_the_column_is_left_out(call, imported, tmp_path):
    other = write_tree(tmp_path / "other", {"trend.py": TREND})
    hits = found(call, imported, "trend", str(other), "--where", "market = 'fx'")
    assert {hit["repository"] for hit in hits} == {"tree"} and len(hits) == 2
    done = call("search", "trend", imported, other, "--mode", "lexical", "--where", "nothing = 1")
    assert done.code == 2 and "no column 'nothing'" in done.err


def test_what_is_asked_wrongly_is_told(call, imported):
    for condition, told in (
        ("sharp > 1", "do you mean sharpe"),
        ("sharpe >", "cannot be read"),
        ("market > 1", "cannot be compared"),
        ("load_extension('x')", "is no function here"),
    ):
        done = call("search", "trend", imported, "--mode", "lexical", "--where", condition)
        assert done.code == 2 and told in done.err and not done.out
    assert "do you mean sharpe" in call("search", "x", imported, "--sort", "sharp").err
    with pytest.raises(UsageError, match="cannot be read"):
        SearchRequest("x", where="a >")
    with pytest.raises(UsageError, match="sort must be"):
        SearchRequest("x", sort="-")


def test_records_follow_their_code_and_tell_what_is_stale(call, imported):
    state = {"strategies/reversion.py": "current", "strategies/trend.py": "current"}

    def states() -> dict[str, str]:
        shown = call("records", "show", imported, "--json").json["records"]
        return {one["path"] + ":" + one["symbol"]: one["state"] for one in shown}

    assert set(states().values()) == set(state.values())
    moved = imported / "moved"
    moved.mkdir()
    (imported / "strategies/reversion.py").rename(moved / "reversion.py")
    trend = imported / "strategies/trend.py"
    trend.write_text("import time\n\n\n" + TREND.replace("max(prices)", "min(prices)"))
    assert states() == {
        "strategies/reversion.py:Reversion.run": "moved",
        "strategies/trend.py:momentum": "current",
        "strategies/trend.py:breakout": "stale",
    }
    (hit,) = found(call, imported, "sell", "--where", "sharpe > 1")
    assert hit["path"] == "moved/reversion.py" and hit["record"]["state"] == "moved"
    stale = call("records", "show", imported, "--where", "stale").out
    assert "breakout" in stale and "changed since" in stale and "momentum" not in stale
    trend.write_text(TREND.replace("def momentum", "def following"))
    assert states()["strategies/trend.py:momentum"] == "moved"
    # The same results again are of the code that was measured, not of today's.
    trend.write_text(TREND.replace("max(prices)", "min(prices)"))
    call("records", "import", imported / "results.csv", imported, "--key", "file:function")
    assert states()["strategies/trend.py:breakout"] == "stale"
    trend.write_text(TREND + "\n")
    options = ("--key", "file:function", "--replace")
    call("records", "import", imported / "results.csv", imported, *options)
    assert states()["strategies/trend.py:breakout"] == "current"
    trend.rename(imported / "other.py")
    assert states()["strategies/trend.py:momentum"] == "moved"
    (imported / "other.py").unlink()
    assert states()["strategies/trend.py:momentum"] == "lost"


def test_a_revision_says_which_code_was_measured(call, tmp_path):
    root = repository(tmp_path / "repo", {"a.py": TREND})
    first = git(root, "rev-parse", "HEAD").strip()
    (root / "a.py").write_text(TREND.replace("max(", "min("))
    rows = [
        {"key": f"a.py:{name}@{revision}", "x": 1}
        for name in ("momentum", "breakout")
        for revision in (first, "0" * 40, "--help")
    ]
    (root / "r.json").write_text(json.dumps(rows))
    done = call("records", "import", root / "r.json", root, "--json")
    assert done.code == 0 and done.json["unknown_revisions"] == 2
    shown = call("records", "show", root, "--json").json["records"]
    states = {(one["symbol"], one.get("revision", "")[:4]): one["state"] for one in shown}
    assert states["momentum", first[:4]] == "current"
    assert states["breakout", first[:4]] == "stale"
    assert states["breakout", "0000"] == "unknown"


def test_runs_are_kept_apart_where_a_column_tells(call, tree):
    rows = [{"f": "strategies/trend.py", "run": n, "x": n} for n in range(3)]
    (tree / "runs.json").write_text(json.dumps(rows))
    last = call("records", "import", tree / "runs.json", tree, "--key", "f", "--json").json
    assert (last["records"], last["repeated"]) == (1, 2)
    options = ("--key", "f", "--run", "run", "--replace", "--json")
    every = call("records", "import", tree / "runs.json", tree, *options).json
    assert (every["records"], every["repeated"]) == (3, 0)
    (hit,) = found(call, tree, "trend", "--where", "x < 2", "--sort", "-x")
    assert hit["record"]["run"] == "1" and hit["records"] == 2


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("fil:function", "do you mean file"),
        ("{file}:{funktion}", "do you mean function"),
        ("nothing", "no column 'nothing'"),
    ],
)
def test_a_key_of_no_column_is_told(call, tree, key, told):
    done = call("records", "import", tree / "results.csv", tree, "--key", key)
    assert done.code == 2 and told in done.err


def test_an_import_without_any_code_fails(call, tree):
    (tree / "no.csv").write_text("file,x\nnone.py,1\n")
    done = call("records", "import", tree / "no.csv", tree, "--key", "file")
    assert done.code == 1 and "No row of no.csv has code" in done.err
    assert call("records", "show", tree).err.startswith("No records are imported")


def test_names_of_columns_may_be_anything(call, tree):
    names = ["select", 'a"b', "x; drop table cells", "a.b", "größe", "stale", "path", "--", "'"]
    row = {"file": "other.py"} | {name: n for n, name in enumerate(names)}
    (tree / "odd.json").write_text(json.dumps([row]))
    assert call("records", "import", tree / "odd.json", tree, "--key", "file").code == 0
    for n, name in enumerate(names):
        quoted = '"' + name.replace('"', '""') + '"'
        sort = "-" + name  # as an ending of what falls: a name may begin with it
        (hit,) = found(call, tree, "trend", "--where", f"{quoted} = {n}", f"--sort={sort}")
        assert hit["record"]["values"][name] == n


def test_an_export_is_read_again_and_runs_nothing(call, imported):
    rows = list(csv.DictReader(io.StringIO(call("records", "export", imported).out)))
    notes = {row["symbol"]: row["note"] for row in rows}
    assert notes["Reversion.run"] == '\'=HYPERLINK("x")' and notes["breakout"] == "'-1"
    assert {row["symbol"]: row["sharpe"] for row in rows}["momentum"] == "0.7"
    whole = call("records", "export", imported, "--format", "json").json["records"]
    assert {one["symbol"]: one.get("note") for one in whole}["Reversion.run"] == '=HYPERLINK("x")'
    lines = call("records", "export", imported, "--format", "jsonl", "--where", "sharpe > 1").out
    assert [json.loads(line)["symbol"] for line in lines.splitlines()] == ["Reversion.run"]


def test_an_export_keeps_the_key_beside_columns_of_its_names(call, tree):
    (tree / "own.csv").write_text("file,symbol,stale\nstrategies/trend.py,EURUSD,3\n")
    assert call("records", "import", tree / "own.csv", tree, "--key", "file").code == 0
    (row,) = csv.DictReader(io.StringIO(call("records", "export", tree).out))
    assert (row["path"], row["key.symbol"], row["symbol"]) == ("strategies/trend.py", "", "EURUSD")
    (row,) = call("records", "export", tree, "--format", "json").json["records"]
    assert (row["key.symbol"], row["symbol"], row["stale"]) == ("", "EURUSD", 3)


@pytest.mark.parametrize("key", ["strategies.trend.momentum", "strategies.reversion.Reversion.run"])
def test_a_dotted_name_is_that_of_a_module_and_what_is_in_it(call, tree, key):
    (tree / "dotted.csv").write_text(f"code,x\n{key},1\n")
    assert call("records", "import", tree / "dotted.csv", tree, "--key", "code").code == 0
    (one,) = call("records", "show", tree, "--json").json["records"]
    assert one["symbol"] == key.split(".", 2)[2]


def test_records_outlive_the_index_and_go_when_they_are_told_to(call, imported):
    assert call("index", imported, "--rebuild", "--model", "c2llm-nano").code == 0
    assert len(found(call, imported, "trend", "--where", "live")) == 2
    assert "its records stay" in call("clear", imported).err
    assert len(found(call, imported, "trend", "--where", "live")) == 2
    assert call("records", "remove", "nothing", "--of", imported).code == 2
    assert "removed results.csv" in call("records", "remove", "results.csv", "--of", imported).out
    assert call("records", "show", imported, "--json").json == {"count": 0, "records": []}
    call("records", "import", imported / "results.csv", imported, "--key", "file:function")
    assert "removed" in call("records", "remove", "--all", "--of", imported).out
    assert "no records to remove" in call("records", "remove", "--all", "--of", imported).out


def test_code_like_it_and_how_it_did(call, imported):
    place = f"{imported}/strategies/trend.py:2"
    options = ("--in", imported, "--records", "--model", "c2llm-nano")
    told = call("similar", place, *options, "--json").json
    assert symbols(told["results"])[0] == "breakout"
    assert told["guesses"]["sharpe"]["value"] is None
    assert told["own_records"][0]["values"]["sharpe"] == 0.7
    text = call("similar", place, *options).out
    assert "cannot tell" in text and "Measured of it itself: sharpe 0.7" in text


def test_a_damaged_file_of_records_is_told(call, imported, home):
    (file,) = (home / "indexes").glob("*.records")
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    done = call("search", "trend", imported, "--mode", "lexical", "--where", "live")
    assert done.code == 1 and "c2llm records remove --all" in done.err
    assert len(found(call, imported, "trend")) > 0
    assert call("records", "remove", "--all", "--of", imported).code == 0
