"""Correct functions for the mutator: pure, deterministic, on plain data, each with the inputs it is made for.

Each file has its functions and, at its end, a table FUNCTIONS of function -> arguments. They are other
functions than the hand-written ones. None of them goes through a set in an order that depends on the hashes
of texts, not even after a mutation: the same mutant has to give the same answers in every process.
"""

import inspect
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from dataset_builder.python_bugs.cases import call_text
from dataset_builder.python_bugs.hand_written import function_source
from dataset_builder.python_bugs.inputs import Input
from dataset_builder.python_bugs.library import (
    arithmetic,
    counting,
    grids,
    selections,
    sequences,
    simulations,
    texts,
    timetables,
)
from dataset_builder.seeding import seeded
from dsl_debug.problem import Case

FAMILIES: dict[str, ModuleType] = {
    "arithmetic": arithmetic,
    "counting": counting,
    "grids": grids,
    "selections": selections,
    "sequences": sequences,
    "simulations": simulations,
    "texts": texts,
    "timetables": timetables,
}


@dataclass(frozen=True)
class LibraryFunction:
    """A correct function: `call` is the function itself, `arguments` draws tuples of its arguments."""

    family: str
    call: Callable[..., Any]
    arguments: Input

    @property
    def name(self) -> str:
        return self.call.__name__

    @property
    def code(self) -> str:
        return function_source(self.call)

    @property
    def description(self) -> str:
        return " ".join((inspect.getdoc(self.call) or "").split())


def library() -> list[LibraryFunction]:
    """All functions, in the order of the table and of the files."""
    return [
        LibraryFunction(family, function, arguments)
        for family, module in FAMILIES.items()
        for function, arguments in module.FUNCTIONS.items()
    ]


def draw_inputs(function: LibraryFunction, rng_seed: object, n: int) -> list[tuple[Any, ...]]:
    """Up to `n` different tuples of arguments; fewer where the function has not so many."""
    rng = seeded("inputs", rng_seed, function.name)
    found: dict[str, tuple[Any, ...]] = {}
    for _ in range(20 * n):
        args = function.arguments.draw(rng)
        found.setdefault(call_text({"args": args}), args)
        if len(found) == n:
            break
    return list(found.values())


def expected_case(function: LibraryFunction, args: tuple[Any, ...]) -> Case:
    """The test that the function itself answers as wanted; it may refuse arguments with ValueError."""
    try:
        return {"args": args, "expected": function.call(*deepcopy(args))}
    except ValueError:
        return {"args": args, "raises": "ValueError"}
