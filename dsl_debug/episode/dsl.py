"""The debugging episode: four tools over one problem, and the judgement of what is submitted.

What this guards: nothing that an agent is told depends on the hidden tables but the one word whether the
submission was right. What it does not guard: code in the same process can read the problem, hidden tables and
correct program included; agents that are not trusted get the texts only.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

from dsl_debug import lang
from dsl_debug.episode.base import MAX_OBSERVATION, Environment
from dsl_debug.episode.prompts import MAX_TURNS, user_prompt
from dsl_debug.episode.tools import Tool, describe
from dsl_debug.lang import DslError, Limits, Table
from dsl_debug.lang.errors import did_you_mean, listed, quoted
from dsl_debug.lang.table import same_value
from dsl_debug.problem import DslProblem, Suite
from dsl_debug.scoring import Outcome, reward_function

DEFAULT_LIMITS = Limits()
MAX_KEPT_CELLS = 10_000


class DslTools:
    """The tools over one problem; their docstrings are what models read. `verdict` is set by `submit`."""

    def __init__(self, problem: DslProblem, limits: Limits = DEFAULT_LIMITS) -> None:
        self._problem = problem
        self._limits = limits
        self._last: tuple[str, Table] | None = None
        self.verdict: Outcome | None = None

    def run(self, code: str) -> str:
        """Run a program and see the rows it emits, or what is wrong with it.

        Args:
            code: The whole program
        """
        problem = self._problem
        try:
            table = lang.run(code, problem.tables, self._limits, problem.dialect)
        except DslError as error:
            return str(error)
        # The program that was run last is mostly the one that is submitted. Large tables are not held on to.
        self._last = (code, table) if table.length * len(table.columns) <= MAX_KEPT_CELLS else None
        return table_text(table)

    def inspect(self, node_name: str, code: str | None = None) -> str:
        """See a table that a program names, even if later parts of that program fail.

        Args:
            node_name: The name of a table of the program, or of a stored table
            code: The whole program to look into; without it, the buggy program
        """
        problem = self._problem
        code = problem.buggy_code if code is None else code
        names = lang.node_names(code, problem.dialect)
        if node_name not in names:
            if node_name in problem.tables:
                return _stored_table_text(problem, node_name)
            return _unknown_name(node_name, names, list(problem.tables))
        try:
            table = lang.inspect(code, node_name, problem.tables, self._limits, problem.dialect)
        except DslError as error:
            return str(error)
        stored = next((name for name, t in problem.tables.items() if t is table), None)
        return _stored_table_text(problem, stored) if stored else table_text(table)

    def read_docs(self, operation: str) -> str:
        """Read the page of the language reference about an operation, a function or a concept.

        Args:
            operation: What the page is about; "overview" says what there is
        """
        return lang.read_docs(operation, self._problem.dialect)

    def submit(self, code: str) -> str:
        """Hand in the corrected program; this ends the episode.

        Args:
            code: The whole corrected program
        """
        given = self._last[1] if self._last and self._last[0] == code else None
        self.verdict = judge(self._problem, code, self._limits, given)
        # The kind of reward does not change what is said: correct means right on every table.
        correct = self.verdict.visible_match and all(self.verdict.hidden_matches)
        answer = "Correct." if correct else "Incorrect."
        return f"{self.verdict.error}\n\n{answer}" if self.verdict.error else answer


TOOLS: dict[str, Tool] = describe(DslTools)


class DSLDebugEnv(Environment):
    """Debugging episodes: `reset(problem)`, then `step(text)` or `call(tool, **arguments)` until `done`.

    `limits` hold for every single run, hidden tables included. `reward_kind` is one of `scoring.REWARDS`;
    raises ValueError for another, and for less than one turn.
    """

    tools: ClassVar[Mapping[str, Tool]] = TOOLS
    _toolbox: DslTools | None

    def __init__(
        self, max_turns: int = MAX_TURNS, limits: Limits = DEFAULT_LIMITS, reward_kind: str = "robust"
    ) -> None:
        super().__init__(max_turns)
        self.limits = limits
        self.reward_kind = reward_kind
        self._reward_of = reward_function(reward_kind)
        self._problem: DslProblem | None = None

    def reset(self, problem: DslProblem) -> str:
        """Begin an episode; the text that the agent starts from (after the system prompt)."""
        self._problem = problem
        self._begin(DslTools(problem, self.limits))
        return user_prompt(problem, self.max_turns)

    @property
    def problem(self) -> DslProblem:
        """The problem of this episode. Raises RuntimeError before the first `reset`."""
        if self._problem is None:
            raise RuntimeError("call reset(problem) first")
        return self._problem

    @property
    def outcome(self) -> Outcome:
        """The facts about the episode so far; nothing is submitted before `submit`."""
        verdict = self._toolbox.verdict if self._toolbox else None
        return replace(verdict or Outcome(), turns=self.turns, calls=dict(self._calls))

    def _score(self) -> float:
        return self._reward_of(self.outcome)


# Judgement


def judge(
    problem: DslProblem, code: str, limits: Limits = DEFAULT_LIMITS, given: Table | None = None
) -> Outcome:
    """What a program is worth on the visible and the hidden tables; turns and calls are left at nothing.

    `given` is what it gives on the visible tables, for a caller that has just run it.
    """
    unchanged = _same_program(code, problem)
    try:
        if given is None:
            given = lang.run(code, problem.tables, limits, problem.dialect)
    except DslError as error:
        nowhere = (False,) * len(problem.hidden)
        return Outcome(code, hidden_matches=nowhere, error=str(error), unchanged=unchanged)
    visible = given.matches(problem.expected_output)
    return Outcome(
        submitted=code,
        visible_match=visible,
        hidden_matches=tuple(visible and _right_on(suite, code, problem, limits) for suite in problem.hidden),
        row_share=1.0 if visible else row_share(given, problem.expected_output),
        unchanged=unchanged,
    )


def _right_on(suite: Suite, code: str, problem: DslProblem, limits: Limits) -> bool:
    try:
        return lang.run(code, suite.tables, limits, problem.dialect).matches(suite.expected)
    except DslError:  # a division by zero that only these rows cause, or a limit
        return False


def _same_program(code: str, problem: DslProblem) -> bool:
    """Whether a program is the buggy one: the same tree or, where there is none, the same text."""
    if code.strip() == problem.buggy_code.strip():
        return True
    try:
        return lang.parse(code, problem.dialect) == lang.parse(problem.buggy_code, problem.dialect)
    except DslError:
        return False


def row_share(given: Table, expected: Table) -> float:
    """The share of right rows, position by position, of the rows given or expected, whichever are more.

    0 if the columns are not the expected ones; their order does not count.
    """
    if given.columns.keys() != expected.columns.keys():
        return 0.0
    longest = max(given.length, expected.length)
    if longest == 0:
        return 1.0
    right = [True] * min(given.length, expected.length)
    for name, values in expected.columns.items():
        pairs = zip(right, given.columns[name], values, strict=False)  # `right` is as long as the shorter
        right = [so_far and same_value(a, b) for so_far, a, b in pairs]
    return sum(right) / longest


# Observations


def table_text(table: Table, limit: int = MAX_OBSERVATION) -> str:
    """A table as an agent sees it: 20 rows, or as many as fit into `limit` characters, then their count."""
    text = table.render()
    if len(text) <= limit:
        return text
    room = limit - 50  # for the line that says how many rows are shown
    lines = text.split("\n")[:-1]
    shown = -2  # header and rule
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown += 1
    return table.render(max(shown, 1))


@lru_cache(maxsize=256)
def _stored_table_text(problem: DslProblem, name: str) -> str:
    """A stored table as an agent sees it. Cached: most rollouts of a problem look at its tables first."""
    return table_text(problem.tables[name])


def _unknown_name(name: str, names: list[str], tables: list[str]) -> str:
    hint = did_you_mean(name, [*names, *tables])
    return (
        f"unknown name {quoted(name)}{hint}\n"
        f"  names of the program: {listed(names) or 'none'}\n"
        f"  stored tables: {listed(tables)}"
    )
