"""The arena episode: a buggy Python function, its tests, a few attempts, and four signals.

Candidates run in the sandbox only (see `dsl_debug.sandbox` for what it guards). An observation shows visible
tests; of hidden ones an agent learns nothing but the one word at the end.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from dsl_debug import sandbox
from dsl_debug.episode.base import Environment
from dsl_debug.episode.python_code import is_same_code, is_well_formed, parse_candidate, tampering
from dsl_debug.episode.python_prompts import MAX_ATTEMPTS, call_text, expectation_text, python_user_prompt
from dsl_debug.episode.tools import Tool, describe
from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import Limits, Sandbox, TestReport, TestResult
from dsl_debug.scoring import ArenaOutcome, signals

DEFAULT_LIMITS = Limits()
MAX_SHOWN_FAILURES = 5
MAX_SHOWN_OUTPUT = 400


class PythonTools:
    """The tools over one problem; their docstrings are what models read. `verdict` is set by `submit`."""

    def __init__(
        self, problem: PythonProblem, tests: Sequence[dict[str, Any]], box: Sandbox, limits: Limits
    ) -> None:
        self._problem = problem
        self._tests = tests
        self._box = box
        self._limits = limits
        self.tampered: dict[str, None] = {}
        self.verdict: ArenaOutcome | None = None

    def run_tests(self, code: str) -> str:
        """Run the visible tests on a version of the function and see which of them fail, and how.

        Args:
            code: The whole function, with the imports that it needs
        """
        self.tampered |= dict.fromkeys(tampering(parse_candidate(code)))
        report = self._box.run_tests(code, self._problem.function, self._tests, self._limits)
        return report_text(self._problem.function, self._tests, report)

    def submit(self, code: str) -> str:
        """Hand in the corrected function; this ends the episode.

        Args:
            code: The whole corrected function, with the imports that it needs
        """
        self.verdict = judge_python(self._problem, code, self._box, self._limits)
        return "Correct." if self.verdict.visible_match and all(self.verdict.hidden_matches) else "Incorrect."


PYTHON_TOOLS: dict[str, Tool] = describe(PythonTools)


class PythonDebugEnv(Environment):
    """Arena episodes: `reset(problem)`, then `step(text)` or `call(tool, **arguments)` until `done`.

    A message is an attempt; there are `max_turns` of them. The reward is the sum of the four signals;
    `signals` gives them apart. `limits` hold for every run; `box` is the sandbox, by default one that all
    episodes of this process share. Raises SandboxError, from `step` and `call`, when the sandbox itself fails
    or is refused: such an episode is neither solved nor failed.
    """

    tools: ClassVar[dict[str, Tool]] = PYTHON_TOOLS
    turn_word: ClassVar[str] = "attempt"
    unused: ClassVar[str] = (
        "That was the last attempt and nothing was submitted: the episode is over, unsolved."
    )
    _toolbox: PythonTools | None

    def __init__(
        self,
        max_turns: int = MAX_ATTEMPTS,
        limits: Limits = DEFAULT_LIMITS,
        box: Sandbox | None = None,
    ) -> None:
        super().__init__(max_turns)
        self.limits = limits
        self._box = box or sandbox.default()
        self._problem: PythonProblem | None = None

    def reset(self, problem: PythonProblem, seed: int | None = None, hint: bool = False) -> str:
        """Begin an episode; the text that the agent starts from (after the system prompt).

        With a `seed` the visible tests come in an order drawn from it, so that rollouts of one problem do not
        all see the same failures first. `hint` adds the problem's hint.
        """
        self._problem = problem
        tests = list(problem.tests)
        if seed is not None:
            Random(seed).shuffle(tests)
        self._begin(PythonTools(problem, tests, self._box, self.limits))
        return python_user_prompt(problem, tests, self.max_turns, hint)

    @property
    def problem(self) -> PythonProblem:
        """The problem of this episode. Raises RuntimeError before the first `reset`."""
        if self._problem is None:
            raise RuntimeError("call reset(problem) first")
        return self._problem

    @property
    def outcome(self) -> ArenaOutcome:
        """The facts about the episode so far; nothing is submitted before `submit`."""
        found = (self._toolbox.verdict if self._toolbox else None) or ArenaOutcome()
        before = tuple(self._toolbox.tampered) if self._toolbox else ()
        all_tampering = tuple(dict.fromkeys((*before, *found.tampering)))
        return replace(found, turns=self.turns, calls=dict(self._calls), tampering=all_tampering)

    @property
    def signals(self) -> dict[str, float]:
        """The four signals r1 to r4 of the episode so far."""
        return signals(self.outcome)

    def _score(self) -> float:
        return sum(self.signals.values())


# Judgement


def judge_python(
    problem: PythonProblem, code: str, box: Sandbox, limits: Limits = DEFAULT_LIMITS
) -> ArenaOutcome:
    """What a function is worth on visible and hidden tests; turns and calls are left at nothing.

    `improved` compares it with the buggy function, which is run as well: passing what passed anyway is no
    merit.
    """
    tests = (*problem.tests, *problem.hidden_tests)
    tree = parse_candidate(code)
    same_text = code.strip() == problem.buggy_code.strip()
    unchanged = same_text or is_same_code(tree, parse_candidate(problem.buggy_code))
    report = box.run_tests(code, problem.function, tests, limits)
    passed = tuple(result.passed for result in report.results)
    before = passed if unchanged else _passed_before(problem, box, limits)
    visible, hidden = passed[: len(problem.tests)], passed[len(problem.tests) :]
    return ArenaOutcome(
        submitted=code,
        visible_match=all(visible),
        hidden_matches=tuple(all(visible) and ok for ok in hidden),
        row_share=sum(visible) / len(visible),
        error=_first_error(report.results[: len(problem.tests)]),
        unchanged=unchanged,
        passed=passed,
        improved=any(now and not then for now, then in zip(passed, before, strict=True)),
        well_formed=is_well_formed(tree, problem.function),
        tampering=tampering(tree),
    )


def _passed_before(problem: PythonProblem, box: Sandbox, limits: Limits) -> tuple[bool, ...]:
    tests = (*problem.tests, *problem.hidden_tests)
    report = box.run_tests(problem.buggy_code, problem.function, tests, limits)
    return tuple(result.passed for result in report.results)


def _first_error(results: Sequence[TestResult]) -> str | None:
    """The first way in which the candidate failed other than by a wrong value."""
    wrong = ("", "wrong value", "did not raise")
    return next((f"{r.reason}: {r.error}".rstrip(": ") for r in results if r.reason not in wrong), None)


# Observations


def report_text(function: str, tests: Sequence[dict[str, Any]], report: TestReport) -> str:
    """What an agent sees of a run: how many visible tests pass, the first failures, and printed output."""
    failed = [(test, result) for test, result in zip(tests, report.results, strict=True) if not result.passed]
    lines = [f"{report.passed} of {len(tests)} visible tests pass."]
    lines += [failure_text(function, test, result) for test, result in failed[:MAX_SHOWN_FAILURES]]
    if len(failed) > MAX_SHOWN_FAILURES:
        lines.append(f"(and {len(failed) - MAX_SHOWN_FAILURES} more)")
    printed = next((result.output for _, result in failed if result.output.strip()), "")
    if printed:
        lines.append(
            f"The first failing test that prints anything printed:\n{printed[:MAX_SHOWN_OUTPUT].rstrip()}"
        )
    return "\n".join(lines)


def failure_text(function: str, test: dict[str, Any], result: TestResult) -> str:
    """One failed test in a line: the call, what came of it, what was expected."""
    what = result.error or result.reason
    if result.shown:
        what = f"gave {result.shown}"
    where = f" (line {result.line})" if result.line and not result.shown else ""
    return f"FAILED {call_text(function, test)}: {what}{where}; expected {expectation_text(test)}"
