"""How many planted anomalies `c2llm drift --history` finds at a given rate of false alarms.

Commits are planted into the histories of real repositories: an operator flipped, a guard removed, a
call deleted, a function of another repository put in. Each is planted alone, as a commit of its
own, and hidden in the real commit that changed the file, with the author and the time of a real
commit. They lie in a scratch repository that borrows the objects of the real one, and are read and
judged as any other commit, against what lies before them.

    python benchmarks/unusual_commits.py read repos/* --keep features/
    python benchmarks/unusual_commits.py report features/ --write weights.json

Repositories are bare ones. `read` writes the features of each into a file; `report` chooses weights
on every second repository and measures them on the others. Intervals of 95 % draw repositories.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import random
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c2llm.analysis.clones.forms.lexing import words_of
from c2llm.analysis.history.alarms import Alarms
from c2llm.analysis.history.commits import Commit, FileEdit, Repository
from c2llm.analysis.history.past import FEATURES, Past
from c2llm.analysis.history.reading import LEAST_PAST, Facts, file_starts, read_facts
from c2llm.analysis.history.weights import Weights
from c2llm.codebase.git import Git

KINDS = ("operator", "guard", "call", "foreign")
SETTINGS = ("alone", "hidden")
PLANTED_AT = 40
"""Commits of a repository that are planted at."""
MOST_BYTES = 300_000
LEAST_REAL = 150
"""Edits with a past, below which a repository tells nothing."""
MOST_LOOKED_AT = 60
"""Files of a repository that functions are taken from."""
GENTLE = {"gap": 0.05, "author": 0.1, "hour": 0.1, "large": 0.05, "many_files": 0.05}
"""The least weights of what planted commits cannot teach: they have authors and times of others."""
RIDGE, STEPS = 0.003, 2_000
_FLIPS = {
    **{"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "===": "!=="},
    **{"&&": "||", "||": "&&", "and": "or", "or": "and", "+": "-", "-": "+", "+=": "-="},
    **{"-=": "+=", "*": "/", "!==": "===", "~=": "==", "/=": "=="},
}
_FLIPPED = re.compile(
    rf"(?<=[\w\)\]] )({'|'.join(map(re.escape, sorted(_FLIPS, key=len, reverse=True)))})"
    r"(?= [\w(\-\"'&!])"
)
_COMMENT = re.compile(r"\s*(#|//|\*|/\*|--|;|%|\"\"\")")
_GUARD = re.compile(r"(\s*)(?:if|unless|guard)\b.*")
_LEAVES = re.compile(r"\b(return|raise|throw|panic|abort|exit|break|continue|die|fail\w*|error)\b")
_CALL = re.compile(r"\s+(?:await )?[A-Za-z_@$][\w.:>@$!?-]*\([^#]*\)\s*;?\s*$")
_NO_CALL = re.compile(
    r"\s*(if|for|while|return|raise|throw|def|fn|func|function|case|switch|catch|elif|assert|when|else"
    r"|unless|until|class|new|import|from|with|fun|public|private|protected|static|void|int)\b"
)
_BEGINS = re.compile(
    r"\s*[\w\s]*\b(def|fn|func|function|fun|sub)\b|^\w[\w\s*&:<>,]*\([^;]*\)\s*\{$"
)


def flip(lines: list[str], language: str, chance: random.Random) -> list[str] | None:
    places = [
        (number, found)
        for number, line in enumerate(lines)
        if not _COMMENT.match(line)
        for found in _FLIPPED.finditer(line[:300])
    ]
    chance.shuffle(places)
    for number, found in places[:20]:
        line = lines[number]
        changed = line[: found.start()] + _FLIPS[found[0]] + line[found.end() :]
        if words_of(line, language) != words_of(changed, language):
            return [*lines[:number], changed, *lines[number + 1 :]]
    return None


def unguard(lines: list[str], language: str, chance: random.Random) -> list[str] | None:
    places = []
    for number, line in enumerate(lines):
        found = _GUARD.fullmatch(line)
        if not found or _COMMENT.match(line):
            continue
        indent, end = len(found[1].expandtabs()), number + 1
        while end < len(lines) and end - number < 7 and _indent(lines[end]) > indent:
            end += 1
        body = lines[number + 1 : end]
        if end < len(lines) and lines[end].strip() in ("}", "end", "fi", "};"):
            end += 1
        follows = lines[end].strip() if end < len(lines) else ""
        if (
            1 <= len(body) <= 4
            and _LEAVES.search("\n".join(body))
            and not follows.startswith(("el", "} el"))
        ):
            places.append((number, end))
    if not places:
        return None
    start, end = chance.choice(places)
    return lines[:start] + lines[end:]


def uncall(lines: list[str], language: str, chance: random.Random) -> list[str] | None:
    places = [
        number
        for number, line in enumerate(lines)
        if _CALL.fullmatch(line[:300])
        and not _NO_CALL.match(line)
        and not _COMMENT.match(line)
        and line.count("(") == line.count(")")
        and (
            number == 0
            or not lines[number - 1].rstrip().endswith((",", "(", "=", ".", "\\", "->", "=>"))
        )
    ]
    if not places:
        return None
    number = chance.choice(places)
    return lines[:number] + lines[number + 1 :]


def foreign_block(lines: list[str], chance: random.Random) -> list[str] | None:
    starts = [number for number, line in enumerate(lines) if _BEGINS.match(line[:200])]
    chance.shuffle(starts)
    for start in starts:
        end, indent = start + 1, _indent(lines[start])
        while (
            end < len(lines)
            and end - start < 40
            and (not lines[end].strip() or _indent(lines[end]) > indent)
        ):
            end += 1
        if end < len(lines) and lines[end].strip() in ("}", "end", "};"):
            end += 1
        if 6 <= end - start <= 40:
            return lines[start:end]
    return None


def insert(lines: list[str], block: Sequence[str], chance: random.Random) -> list[str]:
    blanks = [n for n, line in enumerate(lines) if not line.strip()] or [len(lines)]
    place = chance.choice(blanks)
    return [*lines[:place], "", *block, *lines[place:]]


def _indent(line: str) -> int:
    wide = line.expandtabs()
    return len(wide) - len(wide.lstrip()) if wide.strip() else 1_000


@dataclasses.dataclass
class Plant:
    """An anomaly, and the commit that brings it."""

    kind: str
    setting: str
    at: int
    blob: str
    """Name of the content that has it."""
    commit: Commit


class Scratch:
    """A repository that borrows the objects of another, is at the same commit, and takes more.

    Objects are written as git keeps them; git itself only reads here.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self.root = folder / f"{source.name}.git"
        for part in ("objects/info", "refs/heads"):
            (self.root / part).mkdir(parents=True, exist_ok=True)
        alternates = self.root / "objects/info/alternates"
        alternates.write_text(f"{(source / 'objects').resolve()}\n")
        (self.root / "HEAD").write_text("ref: refs/heads/main\n")
        head = Git(source, bare=True).line("rev-parse", "HEAD")
        (self.root / "refs/heads/main").write_text(f"{head}\n")
        self.git = Git(self.root, bare=True)

    def write(self, kind: str, content: bytes) -> str:
        """Keep an object; its name."""
        whole = f"{kind} {len(content)}\0".encode() + content
        name = hashlib.sha1(whole).hexdigest()
        path = self.root / "objects" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(whole, 1))
        return name

    def with_file(self, tree: str, path: bytes, blob: str) -> str:
        """A tree in which a file has another content."""
        first, _, rest = path.partition(b"/")
        content = self.git.run("cat-file", "tree", tree)
        at = content.index(b" %s\0" % first) + len(first) + 2
        name = self.with_file(content[at : at + 20].hex(), rest, blob) if rest else blob
        return self.write("tree", content[:at] + bytes.fromhex(name) + content[at + 20 :])

    def commit(self, like: str, parent: str, path: bytes, content: bytes) -> str:
        """A commit with the tree of another, but for one file."""
        tree = self.git.line("rev-parse", f"{like}^{{tree}}") or ""
        tree = self.with_file(tree, path, self.write("blob", content))
        who = "P <p@example.org> 1700000000 +0000"
        text = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nplanted\n"
        return self.write("commit", text.encode())


def planted(
    scratch: Scratch,
    commits: Sequence[Commit],
    blocks: dict[str, list[list[str]]],
    chance: random.Random,
) -> Iterator[Plant]:
    """Anomalies at random commits that change code with a past."""
    counts: dict[str, int] = {}
    possible: list[tuple[int, FileEdit]] = []
    for number, commit in enumerate(commits[:-1]):
        for edit in commit.edits:
            if edit.language is None or not edit.before or not edit.after:
                continue
            counts[edit.path] = counts.get(edit.old_path, 0) + 1
            if counts[edit.path] > LEAST_PAST + 1 and number > len(commits) // 4:
                possible.append((number, edit))
    chance.shuffle(possible)
    for number, edit in possible[:PLANTED_AT]:
        content = scratch.git.run("cat-file", "blob", edit.after)
        parent = scratch.git.line("rev-parse", f"{commits[number].id}^")
        if len(content) > MOST_BYTES or b"\0" in content or parent is None:
            continue
        language = str(edit.language)
        lines = content.decode("latin-1").split("\n")
        for kind, made in (
            ("operator", flip(lines, language, chance)),
            ("guard", unguard(lines, language, chance)),
            ("call", uncall(lines, language, chance)),
            ("foreign", None),
        ):
            if kind == "foreign":
                some = blocks.get(language) or [block for one in blocks.values() for block in one]
                made = insert(lines, chance.choice(some), chance)
            if made is None:
                continue
            new = "\n".join(made).encode("latin-1", "replace")
            name = blob_name(new)
            commit, following = commits[number], commits[number + 1]
            path = os.fsencode(edit.path)
            yield Plant(
                kind,
                "alone",
                number,
                name,
                dataclasses.replace(
                    following,
                    id=scratch.commit(commit.id, commit.id, path, new),
                    edits=(FileEdit(edit.path, edit.path, edit.after, name),),
                ),
            )
            changed = tuple(
                dataclasses.replace(one, after=name) if one == edit else one for one in commit.edits
            )
            planted_id = scratch.commit(commit.id, parent, path, new)
            hidden = dataclasses.replace(commit, id=planted_id, edits=changed)
            yield Plant(kind, "hidden", number, name, hidden)


def blob_name(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def collect_blocks(
    roots: Sequence[Path], chance: random.Random
) -> dict[str, dict[str, list[list[str]]]]:
    """Functions of each repository by language."""
    found: dict[str, dict[str, list[list[str]]]] = {}
    for root in roots:
        own = found.setdefault(root.name, {})
        repository = Repository(root)
        edits = [edit for commit in repository.commits(100) for edit in commit.edits]
        for edit in edits[:MOST_LOOKED_AT]:
            if edit.language and edit.after:
                content = repository.git.run("cat-file", "blob", edit.after)
                block = foreign_block(content[:MOST_BYTES].decode("latin-1").split("\n"), chance)
                if block:
                    own.setdefault(edit.language, []).append(block)
    return found


def read(roots: Sequence[Path], keep: Path, most: int) -> None:
    chance = random.Random(23)
    blocks = collect_blocks(sorted(roots), chance)
    keep.mkdir(parents=True, exist_ok=True)
    for root in roots:
        target = keep / f"{root.name}.npz"
        if target.exists():
            continue
        begun = time.perf_counter()
        chance = random.Random(root.name)
        foreign: dict[str, list[list[str]]] = {}
        for name, own in blocks.items():
            for language, some in own.items():
                if name != root.name:
                    foreign.setdefault(language, []).extend(some)
        copy = Scratch(root, keep)
        commits = Repository(root).commits(most)[::-1]
        plants = list(planted(copy, commits, foreign, chance))
        everything = [*commits, *(plant.commit for plant in plants)]
        facts = read_facts(Repository(copy.root), everything, file_starts(commits))
        np.savez_compressed(target, **features(commits, plants, facts))
        seconds = time.perf_counter() - begun
        print(
            f"{root.name}: {len(commits)} commits, {len(plants)} plants, {seconds:.0f} s",
            flush=True,
        )


def features(
    commits: Sequence[Commit], plants: Sequence[Plant], facts: Facts
) -> dict[str, NDArray]:
    """Values of real and planted edits: rows (commit or plant, features)."""
    past = Past(facts)
    by_place: dict[tuple[int, str], list[int]] = {}
    for number, plant in enumerate(plants):
        by_place.setdefault((plant.at, plant.setting), []).append(number)
    real: list[tuple[int, NDArray[np.float64]]] = []
    fake: list[tuple[int, bool, NDArray[np.float64]]] = []

    def judge(numbers: Sequence[int]) -> None:
        for number in numbers:
            plant = plants[number]
            for one in past.surprises(plant.commit):
                is_it = any(
                    e.path == one.path and e.after == plant.blob for e in plant.commit.edits
                )
                fake.append((number, is_it, one.values))

    for at, commit in enumerate(commits):
        judge(by_place.get((at, "hidden"), []))
        real += [(at, one.values) for one in past.surprises(commit)]
        past.learn(commit)
        judge(by_place.get((at, "alone"), []))
    return {
        "real_at": np.array([at for at, _ in real]),
        "real": np.array([values for _, values in real]),
        "fake_of": np.array([number for number, _, _ in fake]),
        "fake_is_it": np.array([is_it for _, is_it, _ in fake]),
        "fake": np.array([values for *_, values in fake]),
        "kind": np.array([plant.kind for plant in plants]),
        "setting": np.array([plant.setting for plant in plants]),
        "at": np.array([plant.at for plant in plants]),
        "commits": np.array(len(commits)),
        "names": np.array(json.dumps(FEATURES)),
    }


@dataclasses.dataclass
class Read:
    """What was read of one repository."""

    name: str
    real: NDArray
    """(edits, features)"""
    real_at: NDArray
    """The commit of each, in order."""
    fake: NDArray
    fake_of: NDArray
    """The plant of each row; all edits of the commit have one."""
    is_it: NDArray
    """Whether the row is the edit with the anomaly."""
    kind: NDArray
    """Of each plant."""
    setting: NDArray
    at: NDArray


def load(folder: Path) -> list[Read]:
    found = []
    for path in sorted(folder.glob("*.npz")):
        kept = np.load(path)
        if len(kept["fake"]) == 0 or len(kept["real"]) < LEAST_REAL:
            continue
        if json.loads(str(kept["names"])) != list(FEATURES):
            raise SystemExit(f"{path} has other features; read it again.")
        names = "real real_at fake fake_of kind setting at".split()
        arrays = {name: kept[name] for name in names}
        found.append(Read(name=path.stem, is_it=kept["fake_is_it"], **arrays))
    return found


def choose(reads: Sequence[Read], kinds: Sequence[str] = KINDS) -> Weights:
    """One logistic regression for each kind and setting, all repositories weighing the same.

    No weight is negative: nothing that is rare makes a commit less unusual.
    """
    rows = [_fitted(reads, kind, setting) for kind in kinds for setting in SETTINGS]
    weights = Weights(np.array([row[:-1] for row in rows]), np.array([row[-1] for row in rows]))
    return _balanced(reads, weights, kinds)


def _balanced(reads: Sequence[Read], weights: Weights, kinds: Sequence[str]) -> Weights:
    """Other biases: regressions know nothing of each other, and all draw on one rate of alarms."""
    biases, best = weights.biases.copy(), _found_at_once(reads, weights, kinds)
    for step in (2.0, 2.0, 1.0, 0.5):
        for place in range(len(biases)):
            for change in (-step, step):
                tried = biases.copy()
                tried[place] += change
                found = _found_at_once(reads, Weights(weights.matrix, tried), kinds)
                if found > best + 1e-4:
                    best, biases = found, tried
    return Weights(weights.matrix, biases)


def _found_at_once(reads: Sequence[Read], weights: Weights, kinds: Sequence[str]) -> float:
    """The mean share found above the score that one real commit in a hundred has.

    What is hidden counts half: little of it can be found, and that should not cost the rest.
    """
    shares = []
    for read in reads:
        least = np.quantile(scored(read.real_at, read.real, weights)[1], 0.99)
        plants, scores = scored(read.fake_of, read.fake, weights)
        for setting, value in zip(SETTINGS, (1.0, 0.5), strict=True):
            for kind in kinds:
                chosen = (read.kind[plants] == kind) & (read.setting[plants] == setting)
                if chosen.any():
                    shares.append(value * float((scores[chosen] > least).mean()))
    return float(np.mean(shares))


def _fitted(reads: Sequence[Read], kind: str, setting: str) -> NDArray:
    values, labels, shares = [], [], []
    for read in reads:
        is_one = (
            read.is_it & (read.kind == kind)[read.fake_of] & (read.setting == setting)[read.fake_of]
        )
        if not is_one.any():
            continue
        for rows, label in ((read.real, 0.0), (read.fake[is_one], 1.0)):
            values.append(rows)
            labels.append(np.full(len(rows), label))
            shares.append(np.full(len(rows), 1 / len(rows)))
    x = np.column_stack([np.concatenate(values), np.ones(sum(map(len, values)))])
    y, share = np.concatenate(labels), np.concatenate(shares)
    share /= share.sum()
    step = 1 / (0.25 * np.linalg.eigvalsh((x * share[:, None]).T @ x)[-1] + RIDGE)
    ridge = np.append(np.full(x.shape[1] - 1, RIDGE), 0.0)
    floor = np.array([GENTLE.get(name, 0.0) for name in FEATURES])
    weights = ahead = np.zeros(x.shape[1])
    speed = 1.0
    for _ in range(STEPS):  # accelerated projected gradient
        error = share * (1 / (1 + np.exp(-(x @ ahead))) - y)
        new = ahead - step * (error @ x + ridge * ahead)
        new[:-1] = np.maximum(new[:-1], floor)
        new_speed = (1 + (1 + 4 * speed * speed) ** 0.5) / 2
        ahead = new + (speed - 1) / new_speed * (new - weights)
        weights, speed = new, new_speed
    return weights


def scored(at: NDArray, values: NDArray, weights: Weights) -> tuple[NDArray, NDArray]:
    """The commits, and of each the score that `judge.py` gives it."""
    scores = np.logaddexp.reduce(values @ weights.matrix.T + weights.biases, axis=1)
    commits, places = np.unique(at, return_inverse=True)
    most = np.full(len(commits), -np.inf)
    np.maximum.at(most, places, scores)
    return commits, most - np.log(np.bincount(places))


@dataclasses.dataclass
class Outcome:
    """What became of one repository."""

    false_alarms: int
    judged: int
    found: dict[tuple[str, str], list[bool]]
    areas: dict[tuple[str, str], float]
    """Under the ROC curve, of each kind and setting."""


def outcome(read: Read, weights: Weights, rate: float) -> Outcome:
    """Judge the real commits in their order, and the planted ones in their places."""
    commits, scores = scored(read.real_at, read.real, weights)
    planted_commits, planted_scores = scored(read.fake_of, read.fake, weights)
    result = Outcome(0, 0, {}, {})
    alarms = Alarms(rate)
    waiting = sorted(
        # What is alone comes after the commit that it follows, what is hidden in its place.
        (int(read.at[plant]), bool(read.setting[plant] == "alone"), number)
        for number, plant in enumerate(planted_commits)
    )

    def judge_until(commit: float, after: bool) -> None:
        while waiting and waiting[0][:2] <= (commit, after):
            number = waiting.pop(0)[2]
            plant = planted_commits[number]
            if not alarms.missing:
                key = str(read.kind[plant]), str(read.setting[plant])
                is_found = alarms.p_value(planted_scores[number]) <= rate
                result.found.setdefault(key, []).append(is_found)

    judged = []
    for commit, score in zip(commits.tolist(), scores.tolist(), strict=True):
        judge_until(commit - 1, after=True)
        judge_until(commit, after=False)
        if not alarms.missing:
            result.judged += 1
            result.false_alarms += alarms.p_value(score) <= rate
            judged.append(score)
        alarms.learn(score)
    judge_until(np.inf, after=True)
    for key in result.found:
        of_kind = (read.kind == key[0]) & (read.setting == key[1])
        result.areas[key] = area(planted_scores[of_kind[planted_commits]], np.array(judged))
    return result


def area(positives: NDArray, negatives: NDArray) -> float:
    """Under the ROC curve."""
    order = np.sort(negatives)
    below = np.searchsorted(order, positives, "left") + np.searchsorted(order, positives, "right")
    return float(below.mean() / (2 * len(order))) if len(order) else float("nan")


def report(folder: Path, rate: float, write: Path | None) -> None:
    reads = load(folder)
    chosen, held_out = reads[0::2], reads[1::2]
    weights = choose(chosen)
    for title, some in (("chosen on", chosen), ("measured on", held_out)):
        print(f"{title}: {', '.join(read.name for read in some)}")
        table([outcome(read, weights, rate) for read in some])
    print("without the kind among those that weights were chosen on (measured repositories)")
    for kind in KINDS:
        others = choose(chosen, [one for one in KINDS if one != kind])
        table([outcome(read, others, rate) for read in held_out], (kind,))
    print("every feature weighing the same (measured repositories)")
    flat = Weights(np.ones((1, len(FEATURES))), np.zeros(1))
    table([outcome(read, flat, rate) for read in held_out])
    if write is not None:
        names = [f"{kind}, {setting}" for kind in KINDS for setting in SETTINGS]
        told = {
            name: {
                "bias": round(float(bias), 3),
                "weights": {
                    feature: round(float(weight), 3)
                    for feature, weight in zip(FEATURES, row, strict=True)
                    if weight >= 0.005
                },
            }
            for name, row, bias in zip(names, weights.matrix, weights.biases, strict=True)
        }
        write.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def table(outcomes: Sequence[Outcome], kinds: Sequence[str] = KINDS) -> None:
    chance = np.random.default_rng(1)
    draws = chance.integers(0, len(outcomes), (1_000, len(outcomes)))
    alarms = np.array([(one.false_alarms, one.judged) for one in outcomes])
    print(f"  false alarms {_share(alarms, draws)} of {alarms[:, 1].sum():,} commits")
    for setting in SETTINGS:
        for kind in kinds:
            key = kind, setting
            found = np.array(
                [(sum(one.found.get(key, [])), len(one.found.get(key, []))) for one in outcomes]
            )
            areas = [one.areas[key] for one in outcomes if key in one.areas]
            print(
                f"  {kind:9s} {setting:7s} found {_share(found, draws)} of {found[:, 1].sum()}, "
                f"area {np.nanmean(areas):.3f}"
            )


def _share(counts: NDArray, draws: NDArray) -> str:
    """A share with its interval."""
    drawn = counts[draws].sum(axis=1)
    shares = drawn[:, 0] / np.maximum(drawn[:, 1], 1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return f"{counts[:, 0].sum() / max(counts[:, 1].sum(), 1):.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    reader = commands.add_parser("read")
    reader.add_argument("roots", nargs="+", type=Path)
    reader.add_argument("--keep", type=Path, required=True)
    reader.add_argument("--most", type=int, default=1000)
    reporter = commands.add_parser("report")
    reporter.add_argument("folder", type=Path)
    reporter.add_argument("--rate", type=float, default=0.01)
    reporter.add_argument("--write", type=Path)
    given = parser.parse_args()
    if given.command == "read":
        read(given.roots, given.keep, given.most)
    else:
        report(given.folder, given.rate, given.write)
