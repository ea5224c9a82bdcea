"""What programs may do here: begin an episode, use its three tools, and submit. The same five functions are
the named API and the tools of the MCP server; their docstrings are what models read there.

An error is an answer with `error`, one line, and costs no turn: every client shows a model such an answer,
while exceptions reach it in as many forms as there are clients.
"""

from random import Random
from typing import Any

from dsl_debug.episode.dsl import DSLDebugEnv
from dsl_debug.episode.prompts import MAX_TURNS
from dsl_debug.episode.system_prompts import system_prompt
from dsl_debug.sessions import FINISHED_SECONDS, Full, Sessions, UnknownEpisode
from dsl_debug.visitors import LIMITS, MAX_CODE, MAX_WORDS, Refused, checked_argument, choose, step_answer
from space.library import Library

AT_ONCE = 1
"""Calls of agents that are carried out at the same time. More would not be faster, since they share one
interpreter, but people who play would wait longer."""

MAX_WAITING = 300
"""Calls of agents that may wait to be carried out."""

Answer = dict[str, Any]


class AgentApi:
    """The five functions over the problems of a library; `rng` chooses the problem of an episode.

    Whatever a caller sends is answered. Nothing of a problem leaves but what its environment says.
    """

    def __init__(self, library: Library, sessions: Sessions, rng: Random) -> None:
        self._library = library
        self._sessions = sessions
        self._rng = rng

    def start_episode(self, category: str = "", difficulty: str = "", problem_id: str = "") -> Answer:
        """Start an episode of debugging a program in a small dataflow language over tables. The answer has
        the episode_id that all other tools take, and in prompt the task: the language, the buggy program, the
        rows that it should give, and the tables. You have max_turns turns; every call of run, inspect,
        read_docs and submit takes one. Find what is wrong and submit the corrected program.

        Args:
            category: The kind of mistake: standard, nonlocal or intent_mismatch; empty for any
            difficulty: easy, medium or hard; empty for any
            problem_id: The id of one problem, instead of a category and a difficulty; empty for any
        """
        try:
            given = {"category": category, "difficulty": difficulty, "problem_id": problem_id}
            checked = {name: checked_argument(value, name) for name, value in given.items()}
            problem = choose(self._library.problems, **checked, rng=self._rng)
            env = DSLDebugEnv(limits=LIMITS)
            episode_id, task = self._sessions.start(env, problem)
        except (Refused, Full) as error:
            return {"error": str(error)}
        return {
            "episode_id": episode_id,
            "problem_id": problem.id,
            "category": problem.category,
            "difficulty": problem.difficulty,
            "max_turns": env.max_turns,
            "prompt": f"{system_prompt(problem)}\n\n{task}",
            "expires_in_seconds": round(self._sessions.idle_seconds),
        }

    def run(self, episode_id: str, code: str) -> Answer:
        """Run a program on the tables of an episode and see the rows that it emits, or what is wrong with it.
        Takes one turn.

        Args:
            episode_id: The id that start_episode gave
            code: The whole program
        """
        return self._call("run", episode_id, code=code)

    def inspect(self, episode_id: str, node_name: str, code: str = "") -> Answer:
        """See a table that a program names, even if later parts of that program fail, or a stored table.
        Takes one turn.

        Args:
            episode_id: The id that start_episode gave
            node_name: The name of a table of the program, or of a stored table
            code: The whole program to look into; empty for the buggy program
        """
        program = {} if code == "" else {"code": code}
        return self._call("inspect", episode_id, node_name=node_name, **program)

    def read_docs(self, episode_id: str, operation: str) -> Answer:
        """Read the page of the language reference about an operation, a function or a concept. Takes one
        turn.

        Args:
            episode_id: The id that start_episode gave
            operation: What the page is about; "overview" says what there is
        """
        return self._call("read_docs", episode_id, operation=operation)

    def submit(self, episode_id: str, code: str) -> Answer:
        """Hand in the corrected program, once. This ends the episode; the reward is 1.0 if the program is
        right on the tables that you know and on hidden ones, else 0.0.

        Args:
            episode_id: The id that start_episode gave
            code: The whole corrected program
        """
        return self._call("submit", episode_id, code=code)

    def _call(self, tool: str, episode_id: object, **arguments: object) -> Answer:
        try:
            checked = {name: checked_argument(value, name) for name, value in arguments.items()}
            step = self._sessions.call(checked_argument(episode_id, "episode_id"), tool, checked)
        except (Refused, UnknownEpisode) as error:
            return {"error": str(error)}
        return step_answer(step)


def limits(sessions: Sessions) -> dict[str, str]:
    """What callers have to keep to, as people read it."""
    return {
        "Turns of an episode": str(MAX_TURNS),
        "A program": f"{MAX_CODE:,} characters",
        "A name, a topic or an id": f"{MAX_WORDS:,} characters",
        "Rows of any one step of a run": f"{LIMITS.rows:,}",
        "Cells that all steps of a run make": f"{LIMITS.cells:,}",
        "Steps of a program": f"{LIMITS.steps:,}",
        "Time of a run": f"{LIMITS.seconds:g} s",
        "An episode expires": f"{_minutes(sessions.idle_seconds)} after its last call, "
        f"{_minutes(sessions.max_seconds)} after its start, {_minutes(FINISHED_SECONDS)} after its end",
        "Episodes at the same time": f"{sessions.capacity:,}, of all callers together",
        "Calls at the same time": f"{AT_ONCE}; {MAX_WAITING} more may wait",
    }


def _minutes(seconds: float) -> str:
    return "1 minute" if seconds == 60 else f"{seconds / 60:g} minutes"
