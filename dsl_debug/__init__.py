"""DSL Debug: certified debugging problems, and an environment to solve them in.

The core is standard library only; optional parts are imported where they are used.
"""

from dsl_debug import lang
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import Diagnostic, DslError, Limits, Table, Tables, check, format_code
from dsl_debug.lang.nodes import Value
from dsl_debug.problem import DslProblem

__version__ = "0.1.0"

__all__ = [
    "DSLDebugEnv",
    "Diagnostic",
    "DslError",
    "DslProblem",
    "Limits",
    "Table",
    "check",
    "format_code",
    "run",
]


def run(code: str, tables: Tables, limits: Limits | None = None) -> list[dict[str, Value]]:
    """The rows that a program emits, run over `tables` (name -> list of dicts, or `Table`).

    Raises DslError, whose `.diagnostics` say what is wrong and where, for a program or a table that the
    language does not accept, a division by zero, or a run that exceeds `limits`.
    """
    return lang.run(code, tables, limits).rows()
