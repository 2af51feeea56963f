"""What every store must answer about records, held against plain evaluators in Python."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c2llm.errors import UsageError
from c2llm.index.store.chunk_store import ChunkStore
from c2llm.index.store.imported.condition import parse_condition
from c2llm.index.store.imported.record import Column, Key, Record, Row
from tests.index.store.conformance import FILES, SHARED, Fill, Import, cut_of, gone
from tests.index.store.imported.conditions import COLUMNS, conditions, values


def met(store: ChunkStore, condition: str) -> list[Record]:
    return store.recorded(parse_condition(condition))


def keys(records: list[Record]) -> list[str]:
    return sorted(str(one.key) for one in records)


SHARPE, MARKET = Column("sharpe", frozenset({"number"})), Column("market", frozenset({"text"}))
ROWS = (
    Row(Key("src/net/retry.py", "pause"), {"sharpe": 1.5, "market": "fx"}),
    Row(Key("src/net/retry.py", "retry_with_backoff"), {"sharpe": 0.5, "market": "fx"}),
    Row(Key("lib/client.py", "send"), {"market": "equity"}),
    Row(Key("client.py"), {"sharpe": 2}),
    Row(Key("gone.py", "run"), {"sharpe": 3}),
)
IMPORT = Import("results.csv", (SHARPE, MARKET), ROWS)


class RecordConformance:
    """The tests; a subclass gives `fill`."""

    def test_a_store_without_records_has_none(self, fill: Fill) -> None:
        store = fill(FILES)
        assert store.recorded(None) == [] and dict(store.record_columns()) == {}
        with pytest.raises(UsageError, match="No records are imported"):
            met(store, "sharpe > 1")

    def test_records_name_the_chunks_of_their_code(self, fill: Fill) -> None:
        store = fill(FILES, records=[IMPORT])
        (found,) = met(store, "sharpe > 1 and market = 'fx'")
        assert (found.path, found.symbol, found.start_line) == ("src/net/retry.py", "pause", 4)
        (chunk,) = store.chunks(found.chunks)
        assert "def pause" in chunk.chunk.text
        (whole,) = met(store, "sharpe = 2")
        assert [one.chunk.path for one in store.chunks(whole.chunks)] == ["client.py"]
        assert whole.start_line == 0
        (lost,) = met(store, "sharpe = 3")
        assert (lost.state, lost.path, lost.chunks) == ("lost", "", ())
        assert len(store.recorded(None)) == 5
        assert set(store.record_columns()) == {"sharpe", "market"}

    def test_a_missing_value_is_neither_this_nor_that(self, fill: Fill) -> None:
        store = fill(FILES, records=[IMPORT])
        assert keys(met(store, "sharpe > 1")) == keys(met(store, "not (sharpe <= 1)"))
        assert keys(met(store, "sharpe is null")) == ["lib/client.py:send"]
        assert len(met(store, "sharpe > 1 or market = 'equity'")) == 4

    def test_files_that_are_written_again_keep_their_records(self, fill: Fill) -> None:
        store = fill(FILES, records=[IMPORT])
        fill([cut_of("src/net/retry.py", "import time", "def pause(s):\n    return s")], into=store)
        (found,) = met(store, "sharpe = 1.5")
        (chunk,) = store.chunks(found.chunks)
        assert "def pause(s)" in chunk.chunk.text and found.start_line == 3
        (lost,) = met(store, "sharpe = 0.5")
        assert lost.state == "lost"
        fill([gone("src/net/retry.py")], into=store)
        assert met(store, "sharpe = 1.5")[0].state == "lost"

    def test_columns_of_several_imports_are_those_of_one_record(self, fill: Fill) -> None:
        latency = Import(
            "latency.json",
            (Column("p99", frozenset({"number"})), MARKET),
            (Row(ROWS[0].key, {"p99": 7, "market": "fx spot"}),),
        )
        store = fill(FILES, records=[IMPORT, latency])
        (found,) = met(store, "sharpe > 1 and p99 < 10")
        assert found.values == {"sharpe": 1.5, "market": "fx spot", "p99": 7}
        assert len(store.recorded(None)) == 5

    def test_what_is_said_of_the_code_is_true_of_its_runs(self, fill: Fill) -> None:
        key = ROWS[0].key
        runs = [
            Row(key._replace(run=run), {"sharpe": value}) for run, value in (("1", 0.1), ("2", 9))
        ]
        labels = Import("labels.csv", (MARKET,), (Row(key, {"market": "fx"}),))
        store = fill(FILES, records=[labels, Import("runs.csv", (SHARPE,), runs)])
        (found,) = met(store, "market = 'fx' and sharpe > 1")
        assert found.key.run == "2" and len(store.recorded(None)) == 2

    @pytest.mark.parametrize(
        ("condition", "told"),
        [
            ("sharp > 1", "do you mean sharpe"),
            ('market = "fx"', "single quotes"),
            ("market > 1", "market is text and 1 is a number"),
            ("sharpe = 'high'", "sharpe is a number and 'high' is text"),
            ("sharpe", "neither true nor false"),
            ("sharpe like '1%'", "is no text"),
            ("market + 1 > 2", "no number to calculate with"),
        ],
    )
    def test_what_cannot_be_asked_is_told(self, fill: Fill, condition: str, told: str) -> None:
        store = fill(FILES, records=[IMPORT])
        with pytest.raises(UsageError, match=told):
            met(store, condition)

    def test_a_column_is_found_whatever_its_case_where_it_is_the_only_one(self, fill: Fill) -> None:
        both = (Column("Sharpe", frozenset({"number"})), Column("SHARPE", frozenset({"number"})))
        rows = (Row(Key("client.py"), {"Sharpe": 1, "SHARPE": 2}),)
        store = fill(FILES, records=[Import("a", both, rows)])
        assert len(met(store, "Sharpe = 1 and SHARPE = 2")) == 1
        with pytest.raises(UsageError, match="SHARPE or Sharpe"):
            met(store, "sharpe = 1")
        assert len(met(fill(FILES, records=[IMPORT]), "SHARPE > 1")) == 3

    @settings(max_examples=8, suppress_health_check=[*SHARED])
    @given(
        rows=st.lists(values, min_size=1, max_size=6),
        asked=st.lists(conditions, min_size=8, max_size=12),
    )
    def test_conditions_mean_what_they_say(self, fill: Fill, rows, asked) -> None:
        written = [Row(Key(f"{n}.py"), row) for n, row in enumerate(rows)]
        store = fill([], records=[Import("all", COLUMNS, written)])
        for text, is_met in asked:
            expected = [f"{n}.py" for n, row in enumerate(rows) if is_met(row)]
            assert keys(met(store, text)) == expected, text
