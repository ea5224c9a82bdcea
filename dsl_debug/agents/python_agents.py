"""Players of the arena that need no model.

`mutation_search` knows what the prompt tells (the function and its visible tests) and has the same attempts
as anybody. It packs many one-edit variants of the function into one text that tries them on the visible
tests, and reads from the error which of them fits. Variants come from the mutations that make bugs, most of
which undo themselves: `<` for `<=` is as much a mistake as its repair.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from dsl_debug.agents.python_mutations import mutants_of
from dsl_debug.episode.base import Step
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.episode.python_code import MAX_CODE
from dsl_debug.episode.python_prompts import value_text
from dsl_debug.problem import Case

PythonAgent = Callable[[str, PythonDebugEnv, Random], Step]

_ANSWER = re.compile(r"RuntimeError: variant (\d+) passes (\d+)")
_TRIED = re.compile(r"printed:\n([\d ]+)")
# Room for the tests and the loop around the variants.
_MAX_VARIANTS = MAX_CODE - 12_000

_PACK = """\
{variants}


def _tests():
    return [{tests}]


def _passes(make, test):
    args, kwargs, kind, expected = test
    try:
        value = make()(*args, **kwargs)
        if kind == "yields":
            value = list(value)
    except Exception as error:
        return kind == "raises" and type(error).__name__ == expected
    return kind != "raises" and type(value) is type(expected) and value == expected


def {function}(*_, **__):
    best = (-1, 0)
    for number, make in enumerate(({names},)):
        if number in {loops}:
            print(number, end=" ", flush=True)
        passed = sum(_passes(make, test) for test in _tests())
        if passed > best[0]:
            best = (passed, number)
        if passed == {count}:
            break
    raise RuntimeError(f"variant {{best[1]}} passes {{best[0]}}")
"""


def unchanged(observation: str, env: PythonDebugEnv, rng: Random) -> Step:
    """Submits the buggy function."""
    return env.call("submit", code=env.problem.buggy_code)


def reference(observation: str, env: PythonDebugEnv, rng: Random) -> Step:
    """Submits the correct function: an oracle, to check the environment."""
    return env.call("submit", code=env.problem.correct_code)


def mutation_search(observation: str, env: PythonDebugEnv, rng: Random) -> Step:
    """Tries edits on the visible tests, many at a time, and submits the function that passes the most.

    The same `rng` gives the same play, unless a variant hangs and the machine's pace decides how far it gets.
    """
    problem = env.problem
    best, most = problem.buggy_code, -1
    seen = {best}
    waiting = list(_variants(best, seen, rng))
    while waiting and env.turns_left > 1 and most < len(problem.tests):
        asked, waiting = _fitting(waiting)
        found, passed, stuck = _ask(asked, env)
        if found is not None and passed > most:
            best, most = asked[found], passed
        if stuck is not None:
            waiting = asked[stuck + 1 :] + waiting
        elif not waiting:
            waiting = list(_variants(best, seen, rng))
    return env.call("submit", code=best)


PYTHON_AGENTS: dict[str, PythonAgent] = {
    "unchanged": unchanged,
    "mutation_search": mutation_search,
    "reference": reference,
}


def _variants(code: str, seen: set[str], rng: Random) -> Iterator[str]:
    """One-edit variants not seen before, in a random order; those with loops last, as they may hang."""
    texts = [text for edits in mutants_of(code).values() for _, text in edits if text not in seen]
    seen.update(texts)
    rng.shuffle(texts)
    yield from sorted(texts, key=_may_hang)


def _may_hang(code: str) -> bool:
    return "while " in code


def _fitting(texts: list[str]) -> tuple[list[str], list[str]]:
    """As many texts as fit into one candidate, and the rest."""
    room = _MAX_VARIANTS
    for index, text in enumerate(texts):
        room -= len(text) + 4 * text.count("\n") + 60
        if room < 0 and index:
            return texts[:index], texts[index:]
    return texts, []


def _ask(texts: Sequence[str], env: PythonDebugEnv) -> tuple[int | None, int, int | None]:
    """Which of the texts passes the most visible tests, how many these are, and which one hangs, if any."""
    seen = env.call("run_tests", code=_packed(texts, env.problem.function, env.problem.tests)).observation
    answer = _ANSWER.search(seen)
    if answer:
        return int(answer[1]), int(answer[2]), None
    tried = _TRIED.search(seen)
    return None, 0, int(tried[1].split()[-1]) if tried else None


def _packed(texts: Sequence[str], function: str, tests: Sequence[Case]) -> str:
    """One candidate that tries the texts on the tests and raises what it found."""
    names = [f"_variant_{number}" for number in range(len(texts))]
    variants = "\n\n\n".join(
        f"def {name}():\n{_indented(text)}\n    return {function}"
        for name, text in zip(names, texts, strict=True)
    )
    return _PACK.format(
        variants=variants,
        tests=", ".join(map(_test_text, tests)),
        function=function,
        names=", ".join(names),
        loops={number for number, text in enumerate(texts) if _may_hang(text)} or "()",
        count=len(tests),
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.rstrip().split("\n"))


def _test_text(test: Case) -> str:
    kind = next(kind for kind in ("expected", "yields", "raises") if kind in test)
    values: tuple[Any, ...] = (tuple(test["args"]), test.get("kwargs", {}), kind, test[kind])
    return value_text(values)
