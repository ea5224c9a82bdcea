"""The language: source text -> tokens -> tree -> checked tree -> table."""

from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.errors import Diagnostic, DslError
from dsl_debug.lang.executor import Limits, check, inspect, node_names, run
from dsl_debug.lang.nodes import Program
from dsl_debug.lang.parser import parse
from dsl_debug.lang.printer import print_program
from dsl_debug.lang.reference import read_docs
from dsl_debug.lang.table import Table, Tables

__all__ = [
    "STANDARD",
    "Diagnostic",
    "Dialect",
    "DslError",
    "Limits",
    "Program",
    "Table",
    "Tables",
    "check",
    "format_code",
    "inspect",
    "node_names",
    "parse",
    "print_program",
    "read_docs",
    "run",
]


def format_code(code: str, dialect: Dialect = STANDARD) -> str:
    """The program in the one layout; comments stay. Raises DslError if it does not parse."""
    return print_program(parse(code, dialect), dialect)
