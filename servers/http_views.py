"""From problems and episodes to what the HTTP API sends. Whatever is not put in here stays on the server."""

from collections.abc import Mapping
from typing import Any

from dsl_debug.episode import DSLDebugEnv, Step, messages, schemas
from dsl_debug.episode.base import Environment
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.problem import DslProblem, PythonProblem
from servers.http_models import ChatMessage, EpisodeState, Offer, ProblemEntry, Started, StepAnswer, TurnTaken

Playable = DSLDebugEnv | PythonDebugEnv

NOTHING = "There is nothing of this environment among the problems here: give a dataset that has some."


def offer(problems: Mapping[str, DslProblem] | Mapping[str, PythonProblem], closed: tuple[str, ...]) -> Offer:
    """What there is to play in one environment; `closed` are the reasons why nothing may be."""
    return Offer(
        problems=len(problems),
        categories=list(dict.fromkeys(problem.category for problem in problems.values())),
        open=bool(problems) and not closed,
        closed_because=[*closed, *([] if problems else [NOTHING])],
    )


def entry(problem: DslProblem | PythonProblem) -> ProblemEntry:
    """What is told of a problem that nobody plays."""
    return ProblemEntry(
        id=problem.id,
        environment="dsl" if isinstance(problem, DslProblem) else "python",
        category=problem.category,
        difficulty=problem.difficulty,
        database=problem.database if isinstance(problem, DslProblem) else None,
        family=problem.family if isinstance(problem, PythonProblem) else None,
    )


def started(env: Playable, episode_id: str, idle_seconds: float) -> Started:
    """An episode that has just begun."""
    return Started(
        episode_id=episode_id,
        **_facts(env),
        prompt=_prompt(env),
        tools=schemas(env.tools),
        expires_in_seconds=round(idle_seconds),
    )


def answer_to(step: Step, env: Playable) -> StepAnswer:
    """What a turn led to."""
    return StepAnswer(
        **_taken(step).model_dump(),
        turns_left=step.info["turns_left"],
        done=step.done,
        reward=step.reward if step.done else None,
        signals=signals_of(env),
    )


def signals_of(env: Environment) -> dict[str, float]:
    """The four signals of an episode of the arena that is over; {} otherwise."""
    return env.signals if isinstance(env, PythonDebugEnv) and env.done else {}


def state_of(env: Playable, episode_id: str) -> EpisodeState:
    """How an episode stands, after the last turn that is answered: another may be under way."""
    turns = list(env.history)
    done = bool(turns) and turns[-1].step.done
    return EpisodeState(
        episode_id=episode_id,
        **_facts(env),
        turn=len(turns),
        turns_left=0 if done else env.max_turns - len(turns),
        done=done,
        reward=turns[-1].step.reward if done else None,
        history=[_taken(turn.step) for turn in turns],
    )


def _taken(step: Step) -> TurnTaken:
    return TurnTaken(
        turn=step.info["turn"],
        observation=_readable(step.observation),
        results=_readable(step.info["results"]),
    )


def _facts(env: Playable) -> dict[str, Any]:
    """What is always told of an episode."""
    return {
        "environment": "python" if isinstance(env, PythonDebugEnv) else "dsl",
        "problem_id": env.problem.id,
        "category": env.problem.category,
        "difficulty": env.problem.difficulty,
        "max_turns": env.max_turns,
    }


def _prompt(env: Playable) -> list[ChatMessage]:
    """The messages that an episode starts with."""
    if isinstance(env, PythonDebugEnv):
        told = python_messages(env.problem, env.max_turns)
    else:
        told = messages(env.problem, env.max_turns)
    return [ChatMessage.model_validate(message) for message in told]


def _readable(value: Any) -> Any:
    """A value without halves of surrogate pairs: a model's JSON may spell them, and no JSON can be sent that
    holds them."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value
