"""Conversations to learn from, played for real by messages that a test writes."""

from collections.abc import Sequence
from typing import Any

from dsl_debug.episode import TOOLS, DSLDebugEnv, messages, schemas
from dsl_debug.episode.tools import call_block
from dsl_debug.episode.transcript import transcript
from dsl_debug.problem import DslProblem

REMARK = "I run it."


def solution(problem: DslProblem) -> list[str]:
    """Two messages: the program is run, with a remark, then the right one is submitted."""
    first = call_block("run", {"code": problem.buggy_code})
    return [f"{REMARK}\n{first}", call_block("submit", {"code": problem.correct_code})]


def lesson(problem: DslProblem, texts: Sequence[str] | None = None) -> dict[str, Any]:
    """A row of a dataset to learn from: the episode in which these texts, or the solution, are said."""
    env = DSLDebugEnv()
    env.reset(problem)
    for text in solution(problem) if texts is None else texts:
        env.step(text)
    return {"messages": transcript(messages(problem), env.history), "tools": schemas(TOOLS)}
