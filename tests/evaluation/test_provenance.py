"""Hashes change with what they stand for and with nothing else."""

from __future__ import annotations

import pytest

from c2llm.evaluation.provenance import hash_files, hash_source, short_hash


def test_names_and_contents_count_and_the_place_does_not(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_text("x")
        (tmp_path / folder / "b").write_text("y")

    def digest(folder):
        return hash_files(tmp_path / folder, (tmp_path / folder).iterdir())

    assert digest("one") == digest("two")
    (tmp_path / "two" / "b").rename(tmp_path / "two" / "c")
    assert digest("one") != digest("two")
    (tmp_path / "two" / "c").rename(tmp_path / "two" / "b")
    (tmp_path / "two" / "b").write_text("z")
    assert digest("one") != digest("two")


def test_source_of_modules_and_packages(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "hashed_package"
    (package / "inner").mkdir(parents=True)
    for path in (package / "__init__.py", package / "inner" / "__init__.py", package / "m.py"):
        path.write_text("x = 1\n")
    whole, module = hash_source("hashed_package"), hash_source("hashed_package.m")
    (package / "inner" / "__init__.py").write_text("x = 2\n")
    assert hash_source("hashed_package") != whole
    assert hash_source("hashed_package.m") == module
    with pytest.raises(ValueError, match="no_such_module"):
        hash_source("no_such_module")


def test_short_hashes_fit_a_file_name():
    assert short_hash("a") != short_hash("b")
    assert len(short_hash("a")) == 12
