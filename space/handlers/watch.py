"""Somebody watches a policy play: what there is to choose, and the episode that was asked for."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from random import Random
from threading import BoundedSemaphore, Event
from typing import Any

from dsl_debug.agents import AGENTS
from dsl_debug.policies.base import ModelOptions
from dsl_debug.problem import DslProblem
from dsl_debug.visitors import fitting
from space.handlers.outbound import base_url, is_public
from space.handlers.player_model import sentence, without
from space.handlers.player_process import player_process
from space.handlers.watch_frames import BEAT, FAILED, STOPPED, THINKING, WAITING, Frame, begun, frames
from space.library import PLAYERS, Library, Trace

AGENT_SECONDS, MODEL_SECONDS = 60.0, 300.0
"""How long an agent and a model may play, the wait for a place not counted."""

AGENTS_AT_ONCE = 2
"""Agents that play at a time, for all visitors together: each keeps a processor busy."""

MODELS_AT_ONCE = 4
"""Models that play at a time, for all visitors together: fewer than the page watches at a time, for a model
may take minutes, and agents shall not wait for one. A further one is refused at once."""

MODEL_OPTIONS = ModelOptions(max_tokens=2_048, workers=1, timeout=60.0, retries=1)

HUGGING_FACE = "https://router.huggingface.co/v1"
"""Hugging Face Inference Providers; the key is a token of the visitor."""

MAX_NAME, MAX_KEY = 200, 500
"""Characters of the name of a model, and of a key."""

MOST_CHOICES = 300
"""Problems that are listed."""

MAX_TEXT = 1_000
"""Characters of anything that a form holds; the fields themselves allow less."""

SLOWEST = 5.0
"""Seconds from one turn to the next that a visitor may ask for."""

FIRST_CHOICE = "search"

HOSTED, ENDPOINT = "hosted", "endpoint"
MODELS = {
    HOSTED: ("a hosted model", "Hugging Face Inference Providers, with a token of yours."),
    ENDPOINT: ("your endpoint", "Any OpenAI-compatible server: vLLM, SGLang, llama.cpp, a provider."),
}
"""The players that are models: what they are called, and a line on each."""

_ONE_WORD = re.compile(r"[!-~]+")

# One place for each player that may play: it belongs to the machine, and no visitor's data is in it.
_PLACES = BoundedSemaphore(AGENTS_AT_ONCE)
_MODEL_PLACES = BoundedSemaphore(MODELS_AT_ONCE)


@dataclass(frozen=True)
class Wish:
    """What a visitor asks for: a player (an agent's name, or one of `MODELS`), where and by which key a model
    is asked, and seconds from one turn to the next."""

    player: str
    address: str = ""
    model: str = ""
    key: str = field(default="", repr=False)
    pace: float = 0.0


def wish(data: object) -> Wish:
    """Whatever a browser has posted, as a wish: what is missing or of another kind is left out."""
    given = data if isinstance(data, Mapping) else {}
    return Wish(
        player=_text(given.get("player")),
        address=_text(given.get("address")),
        model=_text(given.get("model")),
        key=_text(given.get("key")),
        pace=_pace(given.get("pace")),
    )


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _pace(value: object) -> float:
    return float(min(value, SLOWEST)) if isinstance(value, int | float) and value > 0 else 0.0


def agents() -> list[tuple[str, str]]:
    """The agents that need no model, each with a line on what it does."""
    return [(name, words) for name, words in PLAYERS.items() if name in AGENTS]


def choices(library: Library, category: str = "", difficulty: str = "") -> list[tuple[str, str]]:
    """Problems of a kind, as a line to read and an id; "" takes every kind. At most `MOST_CHOICES`."""
    found = fitting(library.problems.values(), category or None, difficulty or None)
    return [(_line(problem), problem.id) for problem in found[:MOST_CHOICES]]


def _line(problem: DslProblem) -> str:
    aim = problem.intent if len(problem.intent) <= 90 else f"{problem.intent[:90].rstrip()}..."
    return f"{aim or problem.id} ({problem.category.replace('_', ' ')}, {problem.difficulty})"


def surprise(library: Library, category: str, difficulty: str, but: object, rng: Random) -> str | None:
    """The id of any problem of a kind, another one than `but` if there is one; None if there is none."""
    found = [id for _, id in choices(library, category, difficulty)]
    return rng.choice([id for id in found if id != but] or found) if found else None


def watch(wish: Wish, problem: DslProblem, seed: int, stop: Event) -> Iterator[Frame]:
    """The episode that a visitor asks for."""
    if wish.player in MODELS:
        address = HUGGING_FACE if wish.player == HOSTED else wish.address
        return watch_model(address, wish.model, wish.key, problem, stop, seed=seed)
    return watch_agent(wish.player, problem, seed, wish.pace, stop)


def watch_agent(name: str, problem: DslProblem, seed: int, pace: float, stop: Event) -> Iterator[Frame]:
    """An episode of an agent, a turn every `pace` seconds at the most, until it is over or `stop` is set.

    The same seed gives the same episode.
    """
    trace = begun(problem, name)
    if name not in AGENTS:
        yield Frame(FAILED, trace, "There is no agent of this name.")
        return
    yield Frame(THINKING, trace)
    waiting = Frame(WAITING, trace, f"{AGENTS_AT_ONCE} agents are at work: this one waits for a place.")
    while not _PLACES.acquire(timeout=BEAT):
        if stop.is_set():
            yield Frame(STOPPED, trace, "Stopped before the first turn.")
            return
        yield waiting
    try:
        asked = {"agent": name, "problem": problem.to_row(), "seed": seed}
        yield from _played(asked, trace, stop, AGENT_SECONDS, pace)
    finally:
        _PLACES.release()


def watch_model(
    address: str,
    model: str,
    key: str,
    problem: DslProblem,
    stop: Event,
    options: ModelOptions = MODEL_OPTIONS,
    seed: int = 0,
) -> Iterator[Frame]:
    """An episode of a model behind an address, with the prompts, the tools and the turns of an evaluation.

    The key is for this address and this episode only. Whatever goes wrong is told in the last frame.
    """
    trace = without(begun(problem, f"openai:{model.strip()}"), key.strip())
    try:
        asked = _asked(address, model.strip(), key.strip())
    except ValueError as error:
        yield Frame(FAILED, trace, without(sentence(str(error)), key.strip()))
        return
    if not _MODEL_PLACES.acquire(blocking=False):
        words = f"{MODELS_AT_ONCE} models are playing, and no more may: please try again in a minute."
        yield Frame(FAILED, trace, words)
        return
    try:
        yield Frame(THINKING, trace)
        row = {"problem": problem.to_row(), "seed": seed, "options": asdict(options)}
        yield from _played({**asked, **row}, trace, stop, MODEL_SECONDS)
    finally:
        _MODEL_PLACES.release()


def _played(
    asked: Mapping[str, Any], trace: Trace, stop: Event, seconds: float, pace: float = 0.0
) -> Iterator[Frame]:
    """The episode of a player in a process of its own; a machine that has no room for one is told."""
    with ExitStack() as stack:
        try:
            said = stack.enter_context(player_process(asked))
        except OSError:
            yield Frame(FAILED, trace, "No player can be started now: please try again.")
            return
        yield from frames(trace, said, stop, seconds, pace)


def _asked(address: str, model: str, key: str) -> dict[str, str]:
    """What is asked for, as `player` takes it. Raises ValueError, in one line, for what cannot be asked."""
    if len(model) > MAX_NAME or not _ONE_WORD.fullmatch(model):
        raise ValueError("name the model as its server does, such as Qwen/Qwen3-8B")
    if len(key) > MAX_KEY or (key and not _ONE_WORD.fullmatch(key)):
        raise ValueError("a key is one word of letters, digits and signs")
    return {"address": base_url(address, is_public()), "model": model, "key": key}
