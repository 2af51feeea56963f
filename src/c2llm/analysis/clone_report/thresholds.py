"""What makes a run fail: duplicates at all, new ones, or a share of the lines, per path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from c2llm.analysis.clone_report.member_code import MemberCode
from c2llm.analysis.clone_report.selection import Selection, covered_lines, percent
from c2llm.errors import UsageError
from c2llm.search.query.globs import matching

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%?")


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of some files may be duplicated."""

    glob: str
    percent: float


@dataclass(frozen=True, slots=True)
class FailOn:
    """What `--fail-on` asks for."""

    any: bool = False
    new: bool = False
    percent: float | None = None


def parse_fail_on(values: Sequence[str], *, tells_new: bool) -> FailOn:
    """What the values of `--fail-on` mean together.

    Args:
        values: `any`, `new` or `N%`.
        tells_new: Whether there is something that new ones are told by.

    Raises:
        UsageError: A value is none of these, or nothing tells what is new.
    """
    is_any = is_new = False
    limit: float | None = None
    for value in values:
        word = value.strip().lower()
        if word == "any":
            is_any = True
        elif word == "new":
            is_new = True
        else:
            limit = _percent(word, f"--fail-on takes any, new or a share as 5%, not {value!r}.")
    if is_new and not tells_new:
        raise UsageError("--fail-on new needs --since REV or --baseline FILE, to tell what is new.")
    return FailOn(is_any, is_new, limit)


def parse_allowance(value: str) -> Allowance:
    """What a value of `--allow` means: `GLOB=PERCENT`.

    Raises:
        UsageError: It is not of this form.
    """
    glob, sign, share = value.rpartition("=")
    wrong = f"--allow takes GLOB=PERCENT, such as 'tests/**=40', not {value!r}."
    if not sign or not glob.strip():
        raise UsageError(wrong)
    return Allowance(glob.strip(), _percent(share.strip(), wrong))


def failures(
    selection: Selection,
    fail_on: FailOn,
    allowances: Sequence[Allowance],
    paths: Mapping[str, Sequence[str]],
    code: MemberCode,
) -> Iterator[str]:
    """Sentences with the reasons to fail, none where all is well.

    Files that an allowance names are judged by it, by the last one that does, and all others
    together by the share of `fail_on`. A class that lies wholly where all is allowed is none.

    Args:
        selection: What was found.
        fail_on: What is not wanted.
        allowances: What is allowed of some files.
        paths: For each label of an index its files.
        code: Reads files, whose lines are counted where allowances name some.
    """
    groups = _groups(allowances, paths)
    if fail_on.any or fail_on.new:
        count = sum(
            1
            for finding in selection.findings
            if not all(
                (group := groups.get((one.repository, one.path))) is not None
                and allowances[group].percent >= 100
                for one in finding.clone.members
            )
        )
        if count:
            new = "new " if fail_on.new or selection.since or selection.baseline else ""
            found = "class" if count == 1 else "classes"
            yield f"{count} {new}{found} of duplicates."
    yield from _shares(selection, fail_on, allowances, groups, code)


def _shares(
    selection: Selection,
    fail_on: FailOn,
    allowances: Sequence[Allowance],
    groups: Mapping[tuple[str, str], int],
    code: MemberCode,
) -> Iterator[str]:
    members = [member for finding in selection.findings for member in finding.clone.members]
    rest = selection.report.lines
    for number, allowance in enumerate(allowances):
        lines = sum(len(code.file(*key)) for key, group in groups.items() if group == number)
        rest -= lines
        covered = covered_lines(
            one for one in members if groups.get((one.repository, one.path)) == number
        )
        if (share := percent(covered, lines)) > allowance.percent:
            yield (
                f"{share:.1f} % of the lines of {allowance.glob} are duplicated, more than "
                f"{allowance.percent:g} %."
            )
    if fail_on.percent is not None:
        covered = covered_lines(one for one in members if (one.repository, one.path) not in groups)
        if (share := percent(covered, max(rest, covered))) > fail_on.percent:
            others = " of the other files" if allowances else ""
            yield (
                f"{share:.1f} % of the lines{others} are duplicated, more than "
                f"{fail_on.percent:g} %."
            )


def _groups(
    allowances: Sequence[Allowance], paths: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], int]:
    """For each file that an allowance names the number of the last one that does."""
    return {
        (label, path): number
        for number, allowance in enumerate(allowances)
        for label, files in paths.items()
        for path in matching(files, allowance.glob)
    }


def _percent(text: str, wrong: str) -> float:
    match = _PERCENT.fullmatch(text)
    if match is None or float(match[1]) > 100:
        raise UsageError(wrong)
    return float(match[1])
