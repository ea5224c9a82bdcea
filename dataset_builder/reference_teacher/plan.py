"""What the reference teacher does in an episode, turn by turn: drawn before it begins, by kind of problem."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from dataset_builder.canonical import OPERATORS
from dataset_builder.reference_teacher.changes import Change, changes, differing, parsed
from dataset_builder.reference_teacher.evidence import Visible, evidence
from dsl_debug import lang
from dsl_debug.agents.seen import read_prompt
from dsl_debug.lang import STANDARD, DslError, Program
from dsl_debug.lang.dialect import WORDS
from dsl_debug.lang.nodes import (
    Aggregate,
    Compare,
    Condition,
    Filter,
    Literal,
    Load,
    Logic,
    Not,
    Value,
    references,
)
from dsl_debug.lang.table import RENDERED_ROWS
from dsl_debug.problem import DslProblem

MAX_PAGES = 2
# How often a table that shows the value to compare with is looked at, where there is one.
TELLING = 0.75


class Move(NamedTuple):
    """One turn: what is done, and with what (names of tables, a topic, the number of a change)."""

    kind: str
    names: tuple[str, ...] = ()
    number: int = 0


@dataclass(frozen=True)
class Scene:
    """A problem as its teacher sees it: what the prompt shows, and what only the teacher knows."""

    problem: DslProblem
    seen: Visible
    fixes: tuple[Change, ...]
    fails: bool
    nodes: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`error` for programs that do not run, otherwise the category."""
        return "error" if self.fails else self.problem.category

    @property
    def obvious(self) -> bool:
        """Whether the prompt alone shows what to change."""
        if self.fails:
            return any(fix.kind in ("pipe", "typo") for fix in self.fixes)
        return all(evidence(fix, self.seen) for fix in self.fixes)


def scene(problem: DslProblem, prompt: str) -> Scene:
    """What there is to know about a problem. Raises ValueError for a prompt that cannot be read."""
    task = read_prompt(prompt)
    program = parsed(problem.buggy_code, problem.dialect)
    fails = _fails(problem)
    return Scene(
        problem,
        Visible(task.goal, task.types, program),
        changes(problem),
        fails,
        tuple(_nodes(problem, program, fails)),
        tuple(_tables(problem, program)),
    )


def _fails(problem: DslProblem) -> bool:
    try:
        lang.run(problem.buggy_code, problem.tables, dialect=problem.dialect)
    except DslError:
        return True
    return False


def _nodes(problem: DslProblem, program: Program | None, fails: bool) -> Iterable[str]:
    """The tables between the stored ones and the result, as far as they can be made."""
    for statement in program.statements if program else ():
        stored = isinstance(statement.source, Load) and not statement.stages
        if stored or (program and statement.name == program.emit.name):
            continue
        if not fails or _works(problem, statement.name):
            yield statement.name


def _works(problem: DslProblem, name: str) -> bool:
    try:
        lang.inspect(problem.buggy_code, name, problem.tables, dialect=problem.dialect)
    except DslError:
        return False
    return True


def _tables(problem: DslProblem, program: Program | None) -> Iterable[str]:
    """Names under which `inspect` shows a stored table that the program reads."""
    taken = lang.node_names(problem.buggy_code, problem.dialect)
    for statement in program.statements if program else ():
        if isinstance(statement.source, Load) and statement.source.table in problem.tables:
            if not statement.stages:
                yield statement.name
            elif statement.source.table not in taken:
                yield statement.source.table
    if program is None:
        yield from (n for n in problem.tables if n not in taken and f'"{n}"' in problem.buggy_code)


def downstream(program: Program, names: Iterable[str]) -> set[str]:
    """The tables of a program that are made from one of some others, at any distance."""
    found = set(names)
    start = set(found)
    for _ in program.statements:  # as often as a chain can be long
        for statement in program.statements:
            if any(ref.name in found for ref in references(statement.source)):
                found.add(statement.name)
    return found - start


# How many turns, and what they are used for

# Kind of problem -> weights of 2, 3, ... 8 turns.
TURN_WEIGHTS: dict[str, tuple[int, ...]] = {
    "error": (24, 34, 22, 12, 5, 2, 1),
    "standard": (14, 22, 25, 20, 11, 6, 3),
    "nonlocal": (2, 10, 24, 27, 19, 11, 7),
    "intent_mismatch": (3, 12, 22, 25, 19, 11, 8),
}
# Kind of problem -> weights of the moves between the first run and the last.
MOVE_WEIGHTS: dict[str, dict[str, int]] = {
    "error": {"docs": 3, "table": 2, "node": 2, "part": 4, "probe": 1},
    "standard": {"docs": 2, "table": 2, "node": 4, "guess": 3, "part": 4, "probe": 1},
    "nonlocal": {"docs": 1, "table": 2, "node": 7, "guess": 2, "part": 4, "probe": 2},
    "intent_mismatch": {"docs": 1, "table": 2, "node": 4, "guess": 2, "part": 7, "probe": 1},
}


def plan(scene: Scene, rng: Random, max_turns: int) -> list[Move]:
    """The moves of an episode, one per turn, at most `max_turns`; the last one submits."""
    wanted = min(_wanted(scene, rng), max_turns)
    first = [Move("docs", (topic,)) for topic in _needed_pages(scene)][: max(wanted - 2, 0)]
    last = [Move("final"), Move("submit")][-min(wanted, 2) :]
    room = wanted - len(first) - len(last)
    if room <= 0:
        return [*first, *last]
    between = _between(scene, rng, room - 1, [m.names[0] for m in first])
    probe = [move for move in between if move.kind == "probe"]
    parts = [move for move in between if move.kind == "part"]
    looks = [move for move in between if move.kind not in ("probe", "part")]
    middle = _with_run(looks, rng)
    for part in sorted(parts, key=lambda move: move.number):
        start = next(
            (i + 1 for i, m in enumerate(middle) if m.number == part.number - 1 and m.kind == "part"), 1
        )
        start = max(start, 1 + middle.index(Move("run")))
        middle.insert(rng.randint(max(start, len(middle) - 1), len(middle)), part)
    return [*first, *_paired(middle, rng), *probe, *last]


def _wanted(scene: Scene, rng: Random) -> int:
    turns = rng.choices(range(2, 9), TURN_WEIGHTS[scene.kind])[0]
    if scene.problem.dialect != STANDARD:
        return min(max(turns, 3) + 1, 8)
    return turns if scene.obvious else max(turns, 3)


def _with_run(looks: list[Move], rng: Random) -> list[Move]:
    """The run of the buggy program among the looks: mostly first, and always before a guess."""
    rng.shuffle(looks)
    early = looks and looks[0].kind == "look" and rng.random() < 0.2
    return [looks[0], Move("run"), *looks[1:]] if early else [Move("run"), *looks]


def _paired(moves: list[Move], rng: Random) -> list[Move]:
    """Now and then two looks, one after the other, in one message."""
    for i in range(len(moves) - 1):
        if moves[i].kind == moves[i + 1].kind == "look" and rng.random() < 0.2:
            pair = Move("look", moves[i].names + moves[i + 1].names)
            return [*moves[:i], pair, *moves[i + 2 :]]
    return moves


def _between(scene: Scene, rng: Random, room: int, read: list[str]) -> list[Move]:
    stock = _stock(scene, rng, read)
    chosen: list[Move] = []
    telling = _telling(scene)
    if telling and room and rng.random() < TELLING:
        chosen.append(Move("look", (telling[0],)))
        stock["table"] = [move for move in stock["table"] if move.names[0] != telling[0]]
    while room > len(chosen):
        kinds = [kind for kind in MOVE_WEIGHTS[scene.kind] if stock.get(kind)]
        if not kinds:
            break
        kind = rng.choices(kinds, [MOVE_WEIGHTS[scene.kind][kind] for kind in kinds])[0]
        chosen.append(stock[kind].pop(0))
    return chosen


def _stock(scene: Scene, rng: Random, read: list[str]) -> dict[str, list[Move]]:
    """The moves that make sense for a problem, by kind, the most useful ones first."""
    nodes = sorted(scene.nodes, key=lambda name: (_distance(scene, name), rng.random()))
    tables = rng.sample(scene.tables, len(scene.tables))
    pages = [page for page in _pages(scene) if page not in read][:MAX_PAGES]
    last = scene.fixes[-1]
    inner = scene.seen.program is not None and last.statement in scene.nodes
    return {
        "node": [Move("look", (name,)) for name in nodes],
        "table": [Move("look", (name,)) for name in dict.fromkeys(tables)],
        "docs": [Move("docs", (page,)) for page in pages],
        "guess": [] if scene.seen.program is None or scene.fails or scene.obvious else [Move("guess")] * 2,
        "part": [Move("part", number=n) for n in range(len(scene.fixes) - 1) if _is_part(scene, n)],
        "probe": [Move("probe")] if inner else [],
    }


def _telling(scene: Scene) -> list[str]:
    """Stored tables whose first rows show a text that a filter should compare with."""
    problem, program = scene.problem, scene.seen.program
    texts = [value for value in wanted_values(scene.fixes) if isinstance(value, str)]
    found = []
    for name in scene.tables:
        statement = program.find(name) if program else None
        stored = statement.source.table if statement and isinstance(statement.source, Load) else name
        shown = [v for values in problem.tables[stored].columns.values() for v in values[:RENDERED_ROWS]]
        if any(text in shown for text in texts):
            found.append(name)
    return found


def wanted_values(fixes: Iterable[Change]) -> list[Value]:
    """The values that filters compare with after some changes, and not before."""
    found: list[Value] = []
    for fix in fixes:
        match fix.before, fix.after:
            case Filter(a), Filter(b):
                pair = differing(a, b)
                sides = (pair[1].left, pair[1].right) if pair and fix.kind == "value" else ()
                found += [side.value for side in sides if isinstance(side, Literal)]
            case None, Filter(condition):
                found += _literals(condition)
    return found


def _literals(condition: Condition) -> list[Value]:
    match condition:
        case Compare(_, left, right):
            return [side.value for side in (left, right) if isinstance(side, Literal)]
        case Not(part):
            return _literals(part)
        case Logic(_, parts):
            return [value for part in parts for value in _literals(part)]


def _distance(scene: Scene, name: str) -> int:
    """0 for tables that a change makes, 1 for those made from them, 2 for the others."""
    changed = [fix.statement for fix in scene.fixes]
    if name in changed:
        return 0
    return 1 if scene.seen.program and name in downstream(scene.seen.program, changed) else 2


def _is_part(scene: Scene, number: int) -> bool:
    """Whether after this change and those before it the program still does not give the rows expected."""
    problem = scene.problem
    try:
        given = lang.run(scene.fixes[number].code, problem.tables, dialect=problem.dialect)
    except DslError:
        return True
    return not given.matches(problem.expected_output)


def _pages(scene: Scene) -> list[str]:
    """The pages about what the changes are about, in standard words."""
    found = []
    for fix in scene.fixes:
        if fix.kind in ("function", "aggregate") and isinstance(fix.after, Aggregate):
            old = fix.before.aggregations if isinstance(fix.before, Aggregate) else ()
            found += [item.function for item in fix.after.aggregations if item not in old]
        page = OPERATORS.get(type(fix.after or fix.before))
        found += [page] if page else []
    return list(dict.fromkeys(found))


def _needed_pages(scene: Scene) -> list[str]:
    """In a dialect: the overview, and pages with words of the correction that the overview does not tell."""
    dialect = scene.problem.dialect
    if dialect == STANDARD:
        return []
    told = lang.read_docs("overview", dialect) + scene.problem.buggy_code
    wanted = [
        w for w in WORDS if _has(scene.fixes[-1].code, dialect.word(w)) and not _has(told, dialect.word(w))
    ]
    pages = {
        "asc": "sort_by",
        "desc": "sort_by",
        "and": "expressions",
        "or": "expressions",
        "not": "expressions",
    }
    return ["overview", *dict.fromkeys(pages.get(word, "aggregate") for word in wanted)]


def _has(text: str, word: str) -> bool:
    return word in "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
