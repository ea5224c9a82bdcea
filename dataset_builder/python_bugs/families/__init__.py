"""The hand-written bugs: one file for each family of functions."""

from types import ModuleType

from dataset_builder.python_bugs.families import (
    dates,
    dictionaries,
    dynamic_programming,
    graphs,
    intervals,
    lists,
    matrices,
    money,
    numbers,
    parsing,
    records,
    recursion,
    searching,
    sets,
    sorting,
    stacks,
    strings,
)
from dataset_builder.python_bugs.hand_written import to_problem
from dsl_debug.problem import PythonProblem

FAMILIES: dict[str, ModuleType] = {
    "lists": lists,
    "strings": strings,
    "numbers": numbers,
    "dates": dates,
    "recursion": recursion,
    "searching": searching,
    "sorting": sorting,
    "dictionaries": dictionaries,
    "sets": sets,
    "stacks": stacks,
    "matrices": matrices,
    "intervals": intervals,
    "parsing": parsing,
    "money": money,
    "graphs": graphs,
    "dynamic_programming": dynamic_programming,
    "records": records,
}


def hand_written_problems() -> list[PythonProblem]:
    """All hand-written bugs, in the order of the table and of the files."""
    return [to_problem(entry, family) for family, module in FAMILIES.items() for entry in module.BUGS]
