"""Commits of a folder or a file, each judged against what lies before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from c2llm.analysis.history.alarms import Alarms
from c2llm.analysis.history.commits import MOST_COMMITS, Commit, Repository
from c2llm.analysis.history.explain import reasons
from c2llm.analysis.history.past import Past, Surprise
from c2llm.analysis.history.reading import LEAST_PAST, Facts, file_starts, read_facts
from c2llm.analysis.history.weights import Weights, default_weights
from c2llm.progress import ProgressBar, no_progress


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of one commit."""

    commit: Commit
    path: str
    """The file for which it is unusual."""
    score: float
    """Only for comparison with other commits of the repository."""
    p_value: float | None
    """The share of earlier commits that are as unusual; None where too few can be compared."""
    is_alarm: bool
    reasons: tuple[str, ...]
    """Sentences, the strongest first."""
    earlier: int
    """Earlier commits of the file."""


@dataclass(frozen=True, slots=True)
class HistoryReport:
    """The commits that were asked for, the most unusual first."""

    judgements: tuple[Judgement, ...]
    """Those of which something can be told."""
    cannot_tell: int
    """Commits that change code, of which nothing can be told: too little lies before them."""
    no_code: int
    """Commits that change no code, or only comments and layout."""
    alarm_rate: float
    notes: tuple[str, ...]
    """What was not read, and what it would take."""

    @property
    def alarms(self) -> int:
        """How many of the commits raise an alarm."""
        return sum(one.is_alarm for one in self.judgements)


def unusual_commits(
    path: Path,
    *,
    since: str | None = None,
    alarm_rate: float = 0.01,
    progress: ProgressBar = no_progress,
) -> HistoryReport:
    """Judge the commits of a repository, a folder of it, or a file.

    Args:
        path: A folder, a bare repository, or a file.
        since: Only commits that are not in the past of this revision; older ones are the past.
        alarm_rate: The most false alarms, as a share of the commits that are judged.
        progress: Shows how many commits are read.

    Raises:
        UsageError: There is no such path, repository or revision.
        DataError: Git does not read the repository.
    """
    repository = Repository(path)
    wanted = None if since is None else repository.since(since)
    commits = repository.commits()
    names: frozenset[str] | None = None
    if repository.file is not None:
        own = repository.commits_of_file()
        names = frozenset(edit.path for one in own for edit in one.edits) | {repository.file}
        known = {commit.id for commit in commits}
        commits += [commit for commit in own if commit.id not in known]
    commits.reverse()
    facts = read_facts(repository, commits, file_starts(commits), progress)
    judging = _Judging(facts, default_weights(), Alarms(alarm_rate), names)
    for commit in commits:
        judging.take(commit, told=wanted is None or commit.id in wanted)
    ranked = sorted(
        judging.judgements,
        key=lambda one: (not one.is_alarm, one.p_value is None, -one.score, one.commit.id),
    )
    return HistoryReport(
        tuple(ranked),
        judging.cannot_tell,
        judging.no_code,
        alarm_rate,
        tuple(_notes(repository, commits, facts, judging)),
    )


class _Judging:
    """Goes through a history from its beginning."""

    def __init__(
        self, facts: Facts, weights: Weights, alarms: Alarms, names: frozenset[str] | None
    ) -> None:
        self.judgements: list[Judgement] = []
        self.cannot_tell = 0
        self.no_code = 0
        self.alarms = alarms
        self._facts = facts
        self._weights = weights
        self._names = names
        self._past = Past(facts)

    def take(self, commit: Commit, *, told: bool) -> None:
        """Judge a commit, then count it as past."""
        surprises = self._past.surprises(commit)
        # Of many edits one is odd by chance: the odds are shared among those of a commit.
        shared = math.log(max(1, len(surprises))) if self._names is None else 0.0
        scores = [self._weights.score(one.values) - shared for one in surprises]
        own = [
            (score, number)
            for number, score in enumerate(scores)
            if self._names is None or surprises[number].path in self._names
        ]
        if told:
            if own:
                score, number = max(own)
                self.judgements.append(self._judgement(commit, surprises[number], score))
            elif self._changes_code(commit):
                self.cannot_tell += 1
            elif self._names is None or any(edit.path in self._names for edit in commit.edits):
                self.no_code += 1
        # Of a file each edit is compared with single edits, of a folder with the oddest of each.
        for score in scores if self._names is not None else [max(scores)] if scores else []:
            self.alarms.learn(score)
        self._past.learn(commit)

    def _judgement(self, commit: Commit, surprise: Surprise, score: float) -> Judgement:
        p_value = None if self.alarms.missing else self.alarms.p_value(score)
        return Judgement(
            commit,
            surprise.path,
            score,
            p_value,
            p_value is not None and p_value <= self.alarms.rate,
            reasons(commit, surprise, self._weights.shares(surprise.values)),
            surprise.counts["commits"],
        )

    def _changes_code(self, commit: Commit) -> bool:
        return any(
            (self._names is None or edit.path in self._names)
            and edit.language is not None
            and edit.before != edit.after
            and ((facts := self._facts.of(edit)) is None or not facts.is_cosmetic)
            for edit in commit.edits
        )


def _notes(
    repository: Repository, commits: Sequence[Commit], facts: Facts, judging: _Judging
) -> list[str]:
    notes = []
    if judging.alarms.missing:
        notes.append(
            f"At an alarm rate of {judging.alarms.rate:g} no alarm can be told before "
            f"{judging.alarms.least} commits with a past; {judging.alarms.missing} are missing."
        )
    if judging.cannot_tell:
        notes.append(
            f"Of {judging.cannot_tell} commits nothing can be told: their files had fewer than "
            f"{LEAST_PAST} earlier commits."
        )
    if facts.unread:
        notes.append(
            f"git lacks the contents of {facts.unread} edits; in a partial clone fetch them first "
            "(git fetch --refetch)."
        )
    if facts.left_out:
        notes.append(f"{facts.left_out:,} edits were too many to be read and count for nothing.")
    if repository.is_shallow():
        notes.append("The clone is shallow: what is older cannot count (git fetch --unshallow).")
    elif len(commits) >= MOST_COMMITS:
        notes.append(f"The newest {len(commits):,} commits were read, older ones do not count.")
    return notes
