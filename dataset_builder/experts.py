"""Recorded episodes for supervised training: the reference teacher, and the agents that need no model.

A trajectory is the problem's prompt, then for each turn a message of the assistant with structured
`tool_calls` and one message of the role `tool` per call, in the order of the calls. Its content is the
`observation` of that call in `Step.info["results"]`. With one call, as in nearly all turns, this is, letter
for letter, what an agent is answered, the line with the turns left included; with several calls, that line
stands in the last of them, as in the step's joined text, whose headings (`Call 1:`) the messages replace.
"""

from dataclasses import replace
from random import Random

from dataset_builder.model import REFERENCE, Trajectory
from dataset_builder.reference_teacher.plan import plan, scene
from dataset_builder.reference_teacher.play import Call, Player
from dsl_debug.episode import DSLDebugEnv, messages
from dsl_debug.episode.prompts import DEFAULT_PROMPT, MAX_TURNS
from dsl_debug.episode.tools import call_block
from dsl_debug.episode.transcript import Chat, answers, said
from dsl_debug.evaluation import job_seed, trace_row
from dsl_debug.policies.agents import play_job
from dsl_debug.policies.base import Job, Setup
from dsl_debug.problem import DslProblem, Row


class Failed(ValueError):
    """A teacher's episode that did not earn the full reward; its text says why."""


def reference_trajectory(problem: DslProblem, rng: Random, max_turns: int = MAX_TURNS) -> Trajectory:
    """An episode of the teacher that knows the fix and works like a careful debugger.

    The same problem and state of `rng` give the same messages. Raises Failed where the episode is not worth
    1.0 (the correct program of the problem is then none), or where its prompt cannot be read back.
    """
    recorder = _Recorder(problem, max_turns)
    try:
        setting = scene(problem, recorder.chat[-1]["content"])
    except ValueError as error:
        raise Failed(f"problem {problem.id}: {error}") from None
    Player(setting, rng, recorder.send).play(plan(setting, rng, max_turns))
    env = recorder.env
    if not env.done or env.reward != 1.0:
        raise Failed(f"problem {problem.id}: the episode of its own correct program earned {env.reward}")
    return Trajectory(problem.id, REFERENCE, tuple(recorder.chat), env.turns, env.reward)


def recorded(agent_name: str, problem: DslProblem, seed: int) -> Row:
    """The trace of one of `dsl_debug.agents.AGENTS`: the episode that `dsl-debug eval` plays with this seed.

    The time that it took is left out: the same seed gives the same bytes. Raises policies.base.Unusable for
    an unknown name.
    """
    episode = play_job(agent_name, Setup(), Job(problem, 0, job_seed(seed, problem.id, 0)))
    return trace_row(problem, replace(episode, seconds=0.0), agent_name, DEFAULT_PROMPT)


class _Recorder:
    """A real episode, and the chat that it becomes."""

    def __init__(self, problem: DslProblem, max_turns: int) -> None:
        self.env = DSLDebugEnv(max_turns)
        self.env.reset(problem)
        self.chat: Chat = [dict(message) for message in messages(problem, max_turns)]

    def send(self, remark: str, calls: list[Call]) -> list[str]:
        """Take a turn, through the text that a model would write; the answer to each call."""
        blocks = [call_block(name, arguments) for name, arguments in calls]
        step = self.env.step("\n".join([remark, *blocks]))
        self.chat += [said(remark, calls), *answers(step)]
        return [result["observation"] for result in step.info["results"]]
