"""What the rows of a finished folder have in common: leaks between stages, copies, caps, and figures."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dsl_debug.problem import CATEGORIES

PROBLEM_CONFIGS = ("problems", "dialect_shift", "sft_problems")
MAX_SINGLE_ROW = 0.15
MAX_FAILING = 0.25
MAX_LISTED = 20


class Facts(NamedTuple):
    """What a problem may share with others, and what is capped. Long texts are kept as digests."""

    config: str
    split: str
    id: str
    digest: str
    category: str
    difficulty: str
    database: str
    single_row: bool
    fails: bool
    tables: tuple[str, ...]
    program: str
    pair: str

    @property
    def stage(self) -> str:
        """The stage of training or measuring that the row belongs to."""
        return f"SFT {self.split}" if self.config == "sft_problems" else self.split


@dataclass
class Checked:
    """What a job found: lines for the user, and facts about its rows."""

    rows: int = 0
    lines: list[str] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    others: list[tuple[str, ...]] = field(default_factory=list)
    """Of copies: id, digest. Of functions: id, family. Of trajectories: problem. Of traces: policy, problem,
    `1` or `0` for the robust and for the visible reward."""


Found = Mapping[tuple[str, str], Checked]
"""Config and split -> what was found in their files."""


def crosscheck(folder: Path, found: Found) -> Iterator[str]:
    """What is wrong with the rows taken together, one line each."""
    facts = [fact for checked in found.values() for fact in checked.facts]
    yield from leaks(facts)
    yield from repeated(facts)
    yield from caps(facts)
    yield from copies(found)
    yield from shifted(facts)
    yield from episodes(found)
    yield from families(found)
    yield from figures(folder, found)


def leaks(facts: Iterable[Facts]) -> Iterator[str]:
    """Databases, tables, programs and ids that two stages share."""
    shared: dict[str, dict[str, dict[str, str]]] = {
        name: {} for name in ("database", "table", "program", "id")
    }
    for fact in facts:
        if fact.config == "dialect_shift":  # the test split, printed again
            continue
        for what, value in _shareable(fact):
            shared[what].setdefault(value, {}).setdefault(fact.stage, fact.id)
    for what, places in shared.items():
        lines = []
        for value, stages in places.items():
            if len(stages) > 1:
                where = ", ".join(f"{stage} ({example})" for stage, example in sorted(stages.items()))
                name = f" {value.split()[0]}" if what in ("database", "table") else ""
                lines.append(f"leak: {what}{name} in {where}; deal it to one stage and build again")
        yield from _at_most(lines, f"leak: {what}")


def _shareable(fact: Facts) -> Iterator[tuple[str, str]]:
    yield "database", fact.database
    yield "program", fact.program
    yield "id", fact.id
    for table in fact.tables:
        yield "table", table


def _at_most(lines: list[str], what: str) -> list[str]:
    if len(lines) <= MAX_LISTED:
        return lines
    return [*lines[:MAX_LISTED], f"{what}: {len(lines) - MAX_LISTED} more of these"]


def repeated(facts: Iterable[Facts]) -> Iterator[str]:
    """The same problem twice: by id within a config, or by its programs within a split."""
    seen: dict[tuple[str, str, str], str] = {}
    for fact in facts:
        for what, value in (("id", fact.id), ("pair of programs", fact.pair)):
            key = (fact.config, what, value)
            if key in seen:
                where = f"{fact.config}/{fact.split}, {fact.id}"
                yield f"{where}: it has the {what} of {seen[key]}; leave one of them out"
            seen.setdefault(key, fact.id)


def caps(facts: Iterable[Facts]) -> Iterator[str]:
    """Single rows in at most 15% of a split, failing buggy programs in at most 25% of standard ones."""
    splits: dict[str, list[Facts]] = {}
    for fact in facts:
        if fact.config != "dialect_shift":
            splits.setdefault(f"{fact.config}/{fact.split}", []).append(fact)
    for where, members in splits.items():
        single = sum(fact.single_row for fact in members)
        if single > MAX_SINGLE_ROW * len(members):
            what = f"{single} of {len(members)} problems expect a single row, more than {MAX_SINGLE_ROW:.0%}"
            yield f"{where}: {what}; choose fewer of them"
        standard = [fact for fact in members if fact.category == "standard"]
        failing = sum(fact.fails for fact in standard)
        if failing > MAX_FAILING * len(standard):
            what = f"{failing} of {len(standard)} standard programs fail, more than {MAX_FAILING:.0%}"
            yield f"{where}: {what}; choose fewer of them"


def copies(found: Found) -> Iterator[str]:
    """The configs of the categories hold the rows of `problems`, no others, none changed."""
    for split in sorted({split for _, split in found}):
        whole = found.get(("problems", split), Checked())
        for category in CATEGORIES:
            wanted = sorted((f.id, f.digest) for f in whole.facts if f.category == category)
            there = sorted(found.get((category, split), Checked()).others)
            if [tuple(pair) for pair in there] != wanted:
                yield f"{category}/{split}: not the rows of problems/{split} of this category; build it again"


def shifted(facts: list[Facts]) -> Iterator[str]:
    """Problems in a dialect are problems of the test split, printed again."""
    test = {fact.pair for fact in facts if (fact.config, fact.split) == ("problems", "test")}
    for fact in facts:
        if fact.config == "dialect_shift" and fact.pair not in test:
            yield f"dialect_shift/test, {fact.id}: no problem of the test split says the same; build it again"


def episodes(found: Found) -> Iterator[str]:
    """What agents may earn on the test split, and one trajectory at most for a problem and a teacher."""
    wanted = {"constant_emitter": "0", "unchanged": "0", "reference": "1"}
    for policy, problem, robust, _ in found.get(("traces", "test"), Checked()).others:
        if wanted.get(policy, robust) != robust:
            what = f"the policy {policy} earns {robust}, not {wanted[policy]}"
            yield f"traces/test, {problem}: {what}; leave the problem out"


def families(found: Found) -> Iterator[str]:
    """No family of functions of the arena is in two splits, no function twice."""
    homes: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for (config, split), checked in sorted(found.items()):
        for name, family in checked.others if config == "arena" else ():
            seen[name] += 1
            if homes.setdefault(family, split) != split:
                yield f"arena/{split}, {name}: its family is in {homes[family]} too; deal it to one split"
    yield from (
        f"arena, {name}: it is there {count} times; keep one" for name, count in seen.items() if count > 1
    )


# Figures


def figures(folder: Path, found: Found) -> Iterator[str]:
    """The report and the card count what is in the files."""
    report = _report(folder)
    if report is None:
        yield "build_report.json: missing or no report; build it again"
        return
    counted = _counted(found)
    told = _told(report)
    for place in sorted({*counted, *told}):
        facts = counted.get(place, {})
        if not facts or {name: told.get(place, {}).get(name) for name in facts} != facts:
            what = f"its counts of {'/'.join(place)} are not those of the files"
            yield f"build_report.json: {what}; build it again"
    on_card = _card_rows(folder)
    for place in sorted({*counted, *on_card}):
        rows = counted.get(place, {}).get("rows", 0)
        if on_card.get(place, 0) != rows:
            what = f"it counts {on_card.get(place, 0)} rows of {'/'.join(place)}, and there are {rows}"
            yield f"README.md: {what}; build it again"
    if _agents(found) != _told_of_agents(report):
        yield "build_report.json: its figures of the agents are not those of the traces; build it again"


def _report(folder: Path) -> dict[str, Any] | None:
    try:
        report = json.loads((folder / "build_report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) else None


def _told(report: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Config and split -> what the report says of them."""
    contents = report.get("contents")
    return {
        (config, split): facts
        for config, splits in (contents if isinstance(contents, dict) else {}).items()
        for split, facts in (splits if isinstance(splits, dict) else {}).items()
        if isinstance(facts, dict)
    }


def _told_of_agents(report: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    agents = report.get("agents")
    return {
        policy: (facts.get("robust"), facts.get("visible"))
        for policy, facts in (agents if isinstance(agents, dict) else {}).items()
        if isinstance(facts, dict)
    }


def _counted(found: Found) -> dict[tuple[str, str], dict[str, Any]]:
    """Config and split -> what the report should say of them."""
    counted: dict[tuple[str, str], dict[str, Any]] = {}
    for place, checked in found.items():
        counted[place] = {"rows": checked.rows}
        if place[0] in PROBLEM_CONFIGS:
            counted[place] |= _labels(checked.facts)
        elif place[0] in CATEGORIES:
            whole = found.get(("problems", place[1]), Checked())
            counted[place] |= _labels([f for f in whole.facts if f.category == place[0]])
    return counted


def _labels(facts: list[Facts]) -> dict[str, Any]:
    return {
        "category": dict(Counter(fact.category for fact in facts)),
        "difficulty": dict(Counter(fact.difficulty for fact in facts)),
        "databases": len({fact.database for fact in facts}),
        "single_row": sum(fact.single_row for fact in facts),
    }


def _card_rows(folder: Path) -> dict[tuple[str, str], int]:
    """Config and split -> rows, from the first table of the card."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return {}
    _, _, table = text.partition("| config | split | rows |")
    found = re.findall(r"^\| (\w+) \| (\w+) \| (\d+) \|", table.partition("\n\n")[0], re.MULTILINE)
    return {(config, split): int(rows) for config, split, rows in found}


def _agents(found: Found) -> dict[str, tuple[int, int]]:
    """Policy -> episodes that earned the robust reward, and the visible one."""
    earned: dict[str, tuple[int, int]] = {}
    for policy, _, robust, visible in found.get(("traces", "test"), Checked()).others:
        before = earned.get(policy, (0, 0))
        earned[policy] = (before[0] + int(robust), before[1] + int(visible))
    return earned
