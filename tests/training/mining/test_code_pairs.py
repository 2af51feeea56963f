from __future__ import annotations

from pathlib import Path

from c2llm.training.mining.comment_pairs import mine_pairs
from c2llm.training.mining.mined_pair import MinedPair

SOURCE = '''\
class Table:
    def read_csv(self, path):
        """Fill the table from a file."""
        with open(path) as file:
            for line in file:
                self.add(line.split(","))
        return self.read_csv

    def write_all_rows_out(self, path):
        rows = sorted(self.rows)
        total = 0
        with open(path, "w") as file:
            for row in rows:
                file.write(",".join(row))
                total += len(row)
        log(total)
        return total

    def close(self):
        self.file.close()
        self.file = None
        return self
'''


def mined(tmp_path: Path, *kinds: str) -> list[MinedPair]:
    (tmp_path / "table.py").write_text(SOURCE)
    return list(mine_pairs(tmp_path, kinds=kinds))


def test_a_name_asks_for_the_function_whose_name_is_hidden(tmp_path: Path) -> None:
    found = {pair.query: pair for pair in mined(tmp_path, "name")}
    # Two words say little without the class; one word says nothing.
    assert set(found) == {"read csv table", "write all rows out"}
    document = found["read csv table"].positive
    assert document.startswith("def _(self, path):")
    assert "Fill the table from a file." in document
    assert "read_csv" not in document
    assert found["read csv table"].header == ""


def test_the_first_half_of_a_long_function_asks_for_the_second(tmp_path: Path) -> None:
    (pair,) = mined(tmp_path, "continuation")
    assert pair.query.startswith("def write_all_rows_out") and pair.query.endswith("as file:")
    assert pair.positive.lstrip().startswith("for row in rows:")
    assert pair.positive.endswith("return total")


def test_they_are_mined_only_if_asked_for(tmp_path: Path) -> None:
    (tmp_path / "table.py").write_text(SOURCE)
    assert {pair.dataset for pair in mine_pairs(tmp_path)} == {"docstring"}
    both = mined(tmp_path, "name", "docstring")
    assert {pair.dataset for pair in both} == {"docstring", "name"}
