"""Tasks made from repositories: the comment asks, and is nowhere to be found in the answer."""

from __future__ import annotations

import pytest

from c2llm.errors import DataError, UsageError
from c2llm.evaluation.retrieval.granularity_task import BEYOND, WITHIN, bucket, granularity_tasks

MODULE = '''"""Reading and writing."""


class Mailbox:
    """Holds messages until somebody asks for them."""

    def send(self, message):
        """Hand a message to the server and wait for its receipt."""
        self.server.put(message)
        return self.server.get()


def retry(call):
    """Repeat a failing request with growing pauses in between."""
    for pause in (1, 2, 4):
        call(pause)
'''


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "demo"
    (folder / "tests").mkdir(parents=True)
    (folder / "mail.py").write_text(MODULE, encoding="utf-8")
    (folder / "grüße.py").write_text("# é\n" * 30 + MODULE.replace("message", "Grüße"), "utf-8")
    (folder / "tests" / "test_mail.py").write_text(MODULE, encoding="utf-8")
    return folder


def by_name(roots, **options):
    return {task.name: task for task in granularity_tasks(roots, **options)}


def test_each_kind_is_asked_for_among_its_own(root):
    tasks = by_name([root])
    assert set(tasks) == {"function", "class", "file"}
    function = tasks["function"]
    texts = {query.text for query in function.queries}
    assert "Repeat a failing request with growing pauses in between." in texts
    for task in tasks.values():
        for query, gains in zip(task.queries, task.relevance, strict=True):
            (position,) = gains
            assert query.text not in task.documents[position].text
    assert {document.id for document in tasks["file"].documents} == {
        "demo/mail.py",
        "demo/grüße.py",
    }
    assert all(d.text.startswith("class Mailbox") for d in tasks["class"].documents)


def test_an_answer_beyond_the_window_is_told(root):
    def reach(text):
        return text.index("def retry")

    task = by_name([root], reach=reach)["file_window"]
    groups = {query.text.split()[0]: query.group for query in task.queries}
    assert groups["Hand"] == WITHIN
    assert groups["Repeat"] == BEYOND
    assert "file_window" not in by_name([root], reach=len)


def test_the_choice_is_the_same_each_time_and_bounded(root):
    first = by_name([root], per_repository=1)["function"]
    again = by_name([root, root], per_repository=1)["function"]
    assert len(first.queries) == 1
    assert first.digest() == again.digest()


def test_lengths_are_grouped_at_their_bounds():
    lines = {99: "below 100 lines", 100: "100 to 500 lines", 501: "above 500 lines"}
    assert {count: bucket("\n" * (count - 1)) for count in lines} == lines


def test_what_cannot_ask_is_refused(tmp_path, root):
    with pytest.raises(UsageError, match="is not a directory"):
        granularity_tasks([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no function or class there has a comment"):
        granularity_tasks([tmp_path / "empty"])
    (tmp_path / "other" / "demo").mkdir(parents=True)
    with pytest.raises(UsageError, match="have the same name"):
        granularity_tasks([root, tmp_path / "other" / "demo"])
