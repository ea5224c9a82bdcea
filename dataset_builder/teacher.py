"""A model behind an OpenAI-compatible endpoint as a teacher: it plays real episodes, its successes are kept.

Episodes run side by side; each is a conversation whose requests are kept on disk, so that a run that was
stopped replays what it has and goes on. Trajectories come in the order of the problems, whichever episode
ends first.

A message with calls is one turn, however many calls it holds. Where an endpoint gives no structured calls,
they are read out of the text as in `DSLDebugEnv.step`, and recorded as structured ones all the same.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from dataset_builder.answers import CACHED, NO_TOOLS, SENT, SILENT, Answer, CallText, Usage, sound
from dataset_builder.endpoint import PATIENCE, Body, Endpoint, Settings, in_order
from dataset_builder.model import Progress, Trajectory
from dataset_builder.seeding import seeded
from dsl_debug.episode import TOOLS, DSLDebugEnv, Step, messages, schemas
from dsl_debug.episode.prompts import MAX_TURNS
from dsl_debug.episode.tools import CLOSE, OPEN
from dsl_debug.problem import DslProblem

TEMPERATURE = 0.7
AHEAD = 4
"""Episodes begun for each worker before the first of them has to be over."""

_THOUGHT = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_BARE_CALL = re.compile(r"^[ \t]*(```|[{\[])", re.MULTILINE)
_BAD_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")

# How models are told about tools where the endpoint does not do it: in the words of the Hermes format.
_TOOLS_IN_TEXT = """\


# Calls

You are provided with function signatures within <tools></tools> tags:
<tools>
{tools}
</tools>

For each function call, return a JSON object with function name and arguments within <tool_call></tool_call> \
tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""


@dataclass(frozen=True)
class Taught:
    """What came of it: the trajectories that were kept, in the order of the problems.

    `counts`: episodes, solved ones, kept ones, why the others were not, and requests; `sent` says how many of
    these were sent in this run, which is all that depends on what the cache holds.
    `solve_rate`: solved episodes of those that the endpoint let come to an end. `tokens_in` and `tokens_out`
    count answers from the cache too; `cost` is what all of them cost, in the currency of the prices, None
    without prices. `stopped`: why not all problems were played.
    """

    trajectories: list[Trajectory]
    counts: dict[str, int]
    tokens_in: int
    tokens_out: int
    solve_rate: float
    cost: float | None = None
    stopped: str = ""
    sent: int = 0


@dataclass
class Played:
    """One episode. `end` says how it ended: solved, or why not."""

    end: str
    problem_id: str
    usage: Usage
    trajectory: Trajectory | None = None
    solved: bool = False


@dataclass
class _Conversation:
    """An episode from two sides: what the endpoint reads, and what is recorded."""

    sent: list[dict[str, Any]]
    recorded: list[dict[str, Any]]
    in_text: bool = False
    clean: bool = True
    usage: Usage = field(default_factory=Usage)


def model_trajectories(
    settings: Settings,
    problems: Sequence[DslProblem],
    max_turns: int = MAX_TURNS,
    samples: int = 1,
    on_progress: Progress = lambda done, total: None,
) -> Taught:
    """Have a model play each problem `samples` times and keep the episodes with reward 1.

    Raises Unavailable, in one line and without the key, for an endpoint that cannot be used at all.
    """
    jobs = [(problem, sample) for problem in problems for sample in range(samples)]
    with Endpoint(settings) as endpoint:
        episodes = in_order(
            lambda job: play(endpoint, *job, max_turns), jobs, settings.workers, AHEAD * settings.workers
        )
        return _summary(settings, episodes, len(jobs), on_progress)


def _summary(settings: Settings, episodes: Iterable[Played], total: int, on_progress: Progress) -> Taught:
    """Count the episodes until they are over, or the endpoint has stopped to answer."""
    usage, ends = Usage(), Counter[str]()
    kept: dict[tuple[str, str], Trajectory] = {}
    done = silent = 0
    stopped = ""
    for done, played in enumerate(episodes, 1):
        usage.merge(played.usage)
        ends["solved"] += played.solved
        ends[_take(played, kept)] += 1
        on_progress(done, total)
        silent = silent + 1 if played.end in SILENT else 0
        if silent == PATIENCE:
            stopped = f"{PATIENCE} episodes in a row got no answer; the last one: {played.end}"
            break
    over = done - sum(ends[end] for end in SILENT)
    requests = usage.counts[SENT] + usage.counts[CACHED]
    return Taught(
        trajectories=list(kept.values()),
        counts={"episodes": done, **{end: n for end, n in ends.items() if n}, "requests": requests},
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        solve_rate=ends["solved"] / over if over else 0.0,
        cost=settings.cost(usage.tokens_in, usage.tokens_out),
        stopped=stopped,
        sent=usage.counts[SENT],
    )


def _take(played: Played, kept: dict[tuple[str, str], Trajectory]) -> str:
    """Keep the trajectory of an episode, if it has one that is new; how the episode is counted."""
    if played.trajectory is None:
        return played.end
    key = played.problem_id, json.dumps(played.trajectory.messages)
    if key in kept:
        return "solved as in an earlier sample"
    kept[key] = played.trajectory
    return "kept"


# One episode


def play(endpoint: Endpoint, problem: DslProblem, sample: int, max_turns: int = MAX_TURNS) -> Played:
    """One episode of the model. What the endpoint fails to answer ends it."""
    env = DSLDebugEnv(max_turns)
    env.reset(problem)
    start: list[dict[str, Any]] = [dict(message) for message in messages(problem, max_turns)]
    talk = _Conversation(start, list(start))
    while not env.done:
        answer = _asked(endpoint, talk, problem, sample)
        if answer.trouble:
            return Played(answer.trouble, problem.id, talk.usage)
        _carry_out(env, answer, talk)
    if env.reward != 1.0:
        return Played(_failure(env), problem.id, talk.usage)
    if not talk.clean:
        return Played("solved with a malformed message", problem.id, talk.usage, solved=True)
    teacher = f"openai:{endpoint.settings.model}"
    trajectory = Trajectory(problem.id, teacher, tuple(talk.recorded), env.turns, env.reward)
    return Played("solved", problem.id, talk.usage, trajectory, solved=True)


def _failure(env: DSLDebugEnv) -> str:
    outcome = env.outcome
    if outcome.submitted is None:
        return "nothing submitted"
    if outcome.error:
        return "an error submitted"
    return "right on the rows shown only" if outcome.visible_match else "wrong rows submitted"


def _asked(endpoint: Endpoint, talk: _Conversation, problem: DslProblem, sample: int) -> Answer:
    """The next answer; tools are explained in the text from now on where the endpoint knows none."""
    answer = endpoint.answer(_body(endpoint.settings, talk, problem, sample))
    talk.usage.add(answer)
    if answer.trouble != NO_TOOLS:
        return answer
    talk.in_text = True
    tools = "\n".join(json.dumps(schema) for schema in schemas(TOOLS))
    system = talk.sent[0]
    talk.sent[0] = {**system, "content": system["content"] + _TOOLS_IN_TEXT.format(tools=tools)}
    return _asked(endpoint, talk, problem, sample)


def _body(settings: Settings, talk: _Conversation, problem: DslProblem, sample: int) -> Body:
    body: Body = {
        "model": settings.model,
        "messages": talk.sent,
        "temperature": TEMPERATURE,
        "seed": seeded("teacher", problem.id, sample).randrange(2**31),
    }
    if not talk.in_text:
        body["tools"] = schemas(TOOLS)
    return body | ({"max_tokens": settings.max_tokens} if settings.max_tokens else {})


def _carry_out(env: DSLDebugEnv, answer: Answer, talk: _Conversation) -> None:
    """Take an answer as a turn, and write it down on both sides."""
    text = _THOUGHT.sub("", answer.text).strip()
    if answer.calls:
        step = env.step("\n".join(_block(call) for call in answer.calls))
        talk.sent += _sent(text, answer.calls, step, env.turns)
    else:
        step = env.step(text)
        talk.sent.append({"role": "assistant", "content": text})
        talk.sent.append(
            {"role": "user", "content": f"<tool_response>\n{sound(step.observation)}\n</tool_response>"}
        )
    talk.recorded += recorded_turn(text if answer.calls else _remark(text), step)
    talk.clean = talk.clean and all(_is_clean(result) for result in step.info["results"])


def _is_clean(result: dict[str, Any]) -> bool:
    """Whether a call was carried out, and can be recorded as it was."""
    return bool(result["tool"]) and sound(result["arguments"]) == result["arguments"]


def _block(call: CallText) -> str:
    """A structured call as the text that the episode reads, arguments as they came."""
    return f"{OPEN}\n{json.dumps({'name': call.name, 'arguments': call.arguments})}\n{CLOSE}"


def _sent(text: str, calls: Sequence[CallText], step: Step, turn: int) -> list[dict[str, Any]]:
    """A turn as the endpoint reads it. Calls that were not even read are left out: each needs an answer."""
    results = step.info["results"]
    ids = [f"turn{turn:02d}{number:03d}" for number in range(len(results))]
    asked = [
        {
            "id": name,
            "type": "function",
            "function": {"name": _safe_name(call), "arguments": _safe_json(call)},
        }
        for name, call in zip(ids, islice(calls, len(results)), strict=True)
    ]
    answers = [
        {"role": "tool", "tool_call_id": name, "content": sound(result["observation"])}
        for name, result in zip(ids, results, strict=True)
    ]
    return [{"role": "assistant", "content": text, "tool_calls": asked}, *answers]


def _safe_name(call: CallText) -> str:
    """A name that every endpoint takes back, even if it is that of no tool."""
    return _BAD_IN_NAMES.sub("_", call.name)[:64] or "unnamed"


def _safe_json(call: CallText) -> str:
    """The arguments, or none if they are no JSON object: many endpoints refuse such a history."""
    try:
        return call.arguments if isinstance(json.loads(call.arguments), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def _remark(text: str) -> str:
    """What a message says before its calls in the text."""
    if OPEN in text:
        return text[: text.index(OPEN)].strip()
    call = _BARE_CALL.search(text)
    return text[: call.start()].strip() if call else text


def recorded_turn(remark: str, step: Step) -> list[dict[str, Any]]:
    """A turn as trajectories hold it: the message with structured calls, then the answer to each of them."""
    results = step.info["results"]
    calls = [
        {"type": "function", "function": {"name": r["tool"], "arguments": r["arguments"]}} for r in results
    ]
    answers = [{"role": "tool", "name": r["tool"], "content": sound(r["observation"])} for r in results]
    return [{"role": "assistant", "content": remark, "tool_calls": calls}, *answers]
