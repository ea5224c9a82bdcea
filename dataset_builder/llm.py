"""Further bugs, written by a model behind an OpenAI-compatible endpoint.

A model gets no credit: what it writes goes through the same reading and the same checks as a stranger's
list, in the sandbox. Each request asks for one bug; request number i is the same in every run with the same
seed, and its answer is kept on disk, so that a run that was stopped goes on where it was.

Needs openai (extra `eval`). The client reads the key from the environment; it is written nowhere.
"""

import ast
import hashlib
import io
import json
import os
import tempfile
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dataset_builder.arena import nameless
from dataset_builder.python_bugs.cases import Runner
from dataset_builder.python_bugs.checks import verify
from dataset_builder.python_bugs.families import hand_written_problems
from dataset_builder.python_bugs.importing import Progress, Rejection, import_entries
from dataset_builder.python_bugs.library import library
from dataset_builder.seeding import seeded
from dsl_debug.problem import DIFFICULTIES, PYTHON_CATEGORIES, PythonProblem

if TYPE_CHECKING:
    from openai import OpenAI

MODEL_TIMEOUT = 120.0
"""Seconds for one answer."""

RETRIES = 4
"""Times that the client asks again, later each time, where an endpoint is busy, slow or away."""

# So many requests in a row without an answer, and there is no use in going on.
_PATIENCE = 3

TOPICS = (
    *("playlists", "bank statements", "bus timetables", "chess boards", "recipes", "weather readings"),
    *("library loans", "football tables", "file paths", "shopping baskets", "DNA strings", "phone numbers"),
    *("seating plans", "exam marks", "warehouse stock", "road maps", "elections", "word games", "calendars"),
    *("pixel images", "train tickets", "version numbers", "message threads", "family trees", "log lines"),
)

_CODE = "Python source of the whole function, with a docstring, without comments"
_FIELDS: dict[str, str] = {
    "name": "the name of the function",
    "description": "one sentence on what the function should do, which settles every case that is tested",
    "hint": "one sentence that helps to find the mistake without naming it",
    "correct_code": _CODE,
    "buggy_code": "the same source with one mistake that a programmer makes and that no text names",
}
_TEST: dict[str, str] = {
    "args": 'the arguments as a Python list, such as "[[1, 2], 3]"',
    "expected": 'the result as a Python literal, such as "(3, None)"; "" if an exception is raised',
    "raises": 'the name of the built-in exception that is raised, such as "ValueError"; "" if none is',
}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _texts(described: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"type": "string", "description": text} for name, text in described.items()}


SCHEMA = _object({**_texts(_FIELDS), "tests": {"type": "array", "items": _object(_texts(_TEST))}})

_SYSTEM = """\
You write exercises in debugging: a short Python function, and the same function with one realistic mistake. \
Both stand alone, compute their result from their arguments, and use the standard library at most. Arguments \
and results are numbers, text, True, False, None, and lists, tuples, dicts and sets of these. Write 12 tests \
with different arguments, edge cases among them; the correct function passes all, the buggy one fails three \
to eight. Work each expected value out by hand. Answer with one JSON object."""


class Unavailable(RuntimeError):
    """The endpoint cannot be used at all: no package, no key, or it refuses every request of this kind."""


@dataclass(frozen=True)
class Settings:
    """Which model, where, and how to ask it; answers are kept in the folder `cache`."""

    model: str
    base_url: str
    cache: Path
    workers: int = 4
    timeout: float = MODEL_TIMEOUT
    retries: int = RETRIES


@dataclass
class Written:
    """What came of it. `counts`: what became of the requests; `stopped`: why there are too few problems."""

    problems: list[PythonProblem] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    stopped: str = ""


class Answer(NamedTuple):
    """The text of an answer, or in `trouble` why there is none."""

    text: str
    trouble: str
    cached: bool = False


def write_bugs(
    settings: Settings,
    n: int,
    run: Runner,
    seed: int = 0,
    on_progress: Progress = lambda done, total: None,
) -> Written:
    """Up to `n` problems that pass all checks. Raises Unavailable, in one line and without the key."""
    written = Written()
    known = {nameless(function.code) for function in library()}
    known |= {nameless(problem.correct_code) for problem in hand_written_problems()}
    silent = 0
    limit = 4 * n + 8
    for request, answer in _answers(settings, limit, seed):
        _count(written, answer)
        silent = silent + 1 if answer.trouble in _SILENT else 0
        if silent == _PATIENCE:
            written.stopped = f"{_PATIENCE} requests in a row got no answer; the last one: {answer.trouble}"
            return written
        if not answer.trouble:
            _take(written, answer.text, request, known, run, seed)
            on_progress(len(written.problems), n)
        if len(written.problems) == n:
            return written
    written.stopped = f"{limit} requests gave no more than this"
    return written


def _count(written: Written, answer: Answer) -> None:
    written.counts["sent"] += not answer.cached
    written.counts["from the cache"] += answer.cached
    if answer.trouble:
        written.counts[answer.trouble] += 1


def _take(
    written: Written, text: str, request: Mapping[str, str], known: set[str], run: Runner, seed: int
) -> None:
    """Read one answer, and keep its bug if nothing speaks against it."""
    entry = read_entry(text)
    if entry is None:
        written.counts["not the JSON that was asked for"] += 1
        return
    entry |= {"category": request["category"], "difficulty": request["difficulty"]}
    problems, rejections = import_entries([entry], run, seed, source="llm")
    written.rejections += [Rejection(str(entry["name"]), rejection.reasons) for rejection in rejections]
    for problem in problems:
        reasons = verify(problem, run) or _further_reasons(problem, known, written.problems)
        if reasons:
            written.rejections.append(Rejection(problem.function, tuple(reasons)))
        else:
            written.problems.append(problem)


def _further_reasons(problem: PythonProblem, known: set[str], others: list[PythonProblem]) -> list[str]:
    if has_comment(problem.buggy_code):
        return ["the buggy code has a comment"]
    if nameless(problem.correct_code) in known:
        return ["the arena has this function already"]
    codes = nameless(problem.correct_code), nameless(problem.buggy_code)
    if any(codes == (nameless(other.correct_code), nameless(other.buggy_code)) for other in others):
        return ["it was written before"]
    return []


def has_comment(code: str) -> bool:
    """Whether Python code has a comment: those of a model like to say where the mistake is."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return any(token.type == tokenize.COMMENT for token in tokens)


# Reading answers


def read_entry(text: str) -> dict[str, Any] | None:
    """The entry that an answer holds, its tests read as Python; None if it is not of the form asked for."""
    try:
        entry = json.loads(text[text.index("{") : text.rindex("}") + 1])
        check_form(entry)
        return {**entry, "tests": [_test(test) for test in entry["tests"]]}
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def check_form(entry: Any) -> None:
    """Raises ValueError unless the entry follows SCHEMA."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in _FIELDS):
        raise ValueError("the fields are texts")
    if not isinstance(entry.get("tests"), list) or not all(isinstance(test, dict) for test in entry["tests"]):
        raise ValueError("the tests are objects")
    if not all(isinstance(test.get(name), str) for test in entry["tests"] for name in _TEST):
        raise ValueError("the parts of a test are texts")


def _test(test: Mapping[str, str]) -> dict[str, Any]:
    args = ast.literal_eval(test["args"].strip())
    if not isinstance(args, list | tuple):
        raise ValueError("the arguments are a list")
    if test["raises"]:
        return {"args": list(args), "raises": test["raises"]}
    return {"args": list(args), "expected": ast.literal_eval(test["expected"].strip())}


# Asking

_SILENT = (
    "timed out",
    "rate limited",
    "failed at the endpoint",
    "not connected",
    "without a readable answer",
)


def _answers(settings: Settings, limit: int, seed: int) -> Iterator[tuple[Mapping[str, str], Answer]]:
    """The requests and their answers, in order, a few at a time."""
    client = _client(settings)
    pool = ThreadPoolExecutor(settings.workers)
    try:
        for start in range(0, limit, settings.workers):
            numbers = range(start, min(limit, start + settings.workers))
            requests = [_request(seed, number) for number in numbers]
            answers = pool.map(lambda request: _answer(client, settings, request), requests)
            yield from zip(requests, answers, strict=True)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _client(settings: Settings) -> "OpenAI":
    try:
        import openai
    except ImportError:
        raise Unavailable("asking a model needs openai: pip install 'dsl-debug[eval]'") from None
    try:
        return openai.OpenAI(
            base_url=settings.base_url, timeout=settings.timeout, max_retries=settings.retries
        )
    except openai.OpenAIError:
        raise Unavailable(
            "set OPENAI_API_KEY; for an endpoint that asks for no key any text will do"
        ) from None


def _request(seed: int, number: int) -> dict[str, str]:
    rng = seeded("llm", seed, number)
    return {
        "number": str(number),
        "seed": str(rng.randrange(2**31)),
        "topic": rng.choice(TOPICS),
        "category": rng.choice(PYTHON_CATEGORIES),
        "difficulty": rng.choice(DIFFICULTIES),
    }


def _body(settings: Settings, request: Mapping[str, str]) -> dict[str, Any]:
    kind = request["category"].replace("_", " ")
    task = f"Topic: {request['topic']}. Kind of mistake: {kind}. Difficulty: {request['difficulty']}."
    schema = {"name": "bug", "strict": True, "schema": SCHEMA}
    return {
        "model": settings.model,
        "messages": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": task}],
        "response_format": {"type": "json_schema", "json_schema": schema},
        "temperature": 1.0,
        "seed": int(request["seed"]),
    }


def _answer(client: "OpenAI", settings: Settings, request: Mapping[str, str]) -> Answer:
    """From the cache, or from the endpoint and then into the cache. No answer is not kept."""
    body = _body(settings, request)
    key = json.dumps([settings.base_url, body], sort_keys=True)
    path = settings.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    try:
        text, trouble = json.loads(path.read_text(encoding="utf-8"))
        return Answer(str(text), str(trouble), cached=True)
    except (OSError, ValueError, TypeError):
        answer = _ask(client, body)
    if answer.trouble not in _SILENT:
        _keep(path, json.dumps([answer.text, answer.trouble]))
    return answer


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, made = tempfile.mkstemp(prefix=".", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(made, path)


def _ask(client: "OpenAI", body: dict[str, Any]) -> Answer:
    import openai

    try:
        completion = client.chat.completions.create(**body)
    except openai.APITimeoutError:
        return Answer("", "timed out")
    except openai.APIConnectionError:
        return Answer("", "not connected")
    except openai.RateLimitError:
        return Answer("", "rate limited")
    except openai.InternalServerError:
        return Answer("", "failed at the endpoint")
    except openai.APIStatusError as error:
        raise Unavailable(_told(error, client.api_key)) from None
    except (openai.OpenAIError, ValueError):
        return Answer("", "without a readable answer")
    return _read_completion(completion)


def _told(error: Any, key: str) -> str:
    """What the endpoint says, in one line. What it says about a key is left out, since it may cite it."""
    status = f"the endpoint answers with status {error.status_code}"
    if error.status_code in (401, 403):
        return f"{status}: is OPENAI_API_KEY right?"
    message = " ".join(str(error.message).replace(key, "***").split())[:200] if key else ""
    return f"{status}: {message}" if message else status


def _read_completion(completion: Any) -> Answer:
    """A server that is only nearly compatible may send anything."""
    choices = getattr(completion, "choices", None)
    if not choices or getattr(choices[0], "message", None) is None:
        return Answer("", "without a readable answer")
    choice = choices[0]
    if getattr(choice.message, "refusal", None) or choice.finish_reason == "content_filter":
        return Answer("", "refused")
    if choice.finish_reason == "length":
        return Answer("", "cut short")
    text = choice.message.content
    return Answer(text, "") if isinstance(text, str) else Answer("", "without a readable answer")
