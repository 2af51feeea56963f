"""What refreshes found out is kept, and is nothing that a damaged file may stand in the way of."""

from __future__ import annotations

from pathlib import Path

from c2llm.index.store.catalog.refresh_log import FILE_NAME, RefreshLog


def test_a_failure_keeps_what_the_last_success_said(tmp_path: Path) -> None:
    with RefreshLog(tmp_path / "org") as log:
        log.failed("acme/new", "It is away.", 5.0)
        log.succeeded("acme/api", "abc", "rules", 10.0)
        log.failed("acme/api", "It is away.", 20.0)
        log.set_files_failed("acme/api", {"a.py": "cannot be cut"})
    with RefreshLog(tmp_path / "org") as log:
        known = log.repositories()
        assert (known["acme/api"].revision, known["acme/api"].refreshed) == ("abc", 10.0)
        assert (known["acme/api"].tried, known["acme/api"].error) == (20.0, "It is away.")
        assert (known["acme/new"].revision, known["acme/new"].refreshed) == ("", 0.0)
        assert log.all_files_failed() == {"acme/api": {"a.py": "cannot be cut"}}
        log.set_files_failed("acme/api", {})
        log.forget(["acme/new"])
        assert log.all_files_failed() == {}
        assert set(log.repositories()) == {"acme/api"}


def test_what_is_no_source_is_known_by_the_rules_it_was_read_by(tmp_path: Path) -> None:
    keys = [number.to_bytes(16, "big") for number in range(1_200)]
    with RefreshLog(tmp_path / "org") as log:
        log.leave_out(dict.fromkeys(keys[:1_100], "binary"), "old")
        log.leave_out({keys[1_150]: "binary"}, "new")
        assert log.left_out(keys, "old") == set(keys[:1_100])
        assert log.left_out(keys, "new") == {keys[1_150]}


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    with RefreshLog(tmp_path / "org") as log:
        assert log.repositories() == {}  # and no file is made for that
        assert not (tmp_path / "org" / FILE_NAME).exists()
        log.succeeded("acme/api", "abc", "rules", 10.0)
    (tmp_path / "org" / FILE_NAME).write_bytes(b"no database, but something else" * 200)
    with RefreshLog(tmp_path / "org") as log:
        assert log.repositories() == {}
        log.succeeded("acme/web", "def", "rules", 11.0)
        assert set(log.repositories()) == {"acme/web"}
