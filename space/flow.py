"""A program as steps of data: which table is made of which, stage by stage, and the program up to a step."""

from dataclasses import dataclass

from dsl_debug.lang import Dialect, DslError
from dsl_debug.lang.nodes import Aggregate, GroupBy, Load, Span, Statement, references
from dsl_debug.lang.parser import parse_tolerant


@dataclass(frozen=True, slots=True)
class Stage:
    """A source or a stage of a node: its text on one line, the line where it begins (from 1), and the offset
    in the program behind it. Grouping and what is made of the groups are one: there are no rows between.
    """

    text: str
    line: int
    end: int


@dataclass(frozen=True, slots=True)
class Node:
    """A table that the program names, which ends at the offset `end`. `stages[0]` is its source; `reads` are
    the names of the program that the source reads, `loads` the stored table that it loads, if it does."""

    name: str
    stages: tuple[Stage, ...]
    reads: tuple[str, ...]
    loads: str | None
    end: int


@dataclass(frozen=True, slots=True)
class Flow:
    """The nodes that could be read, in the order of the text, and the name that is emitted (or "")."""

    nodes: tuple[Node, ...]
    emitted: str

    def find(self, name: str) -> Node | None:
        """The node of a name; the first one, should it be defined twice."""
        return next((node for node in self.nodes if node.name == name), None)


NO_FLOW = Flow((), "")


def flow_of(code: str, dialect: Dialect) -> Flow:
    """The flow of whatever can be read of a program; `NO_FLOW` where nothing can."""
    try:
        program = parse_tolerant(code, dialect).program
    except DslError:  # too long, or no text
        return NO_FLOW
    nodes = tuple(
        Node(
            name=statement.name,
            stages=tuple(_stage(code, span) for span in _spans(statement)),
            reads=tuple(dict.fromkeys(ref.name for ref in references(statement.source))),
            loads=statement.source.table if isinstance(statement.source, Load) else None,
            end=statement.span[1],
        )
        for statement in program.statements
    )
    return Flow(nodes, program.emit.name)


def _spans(statement: Statement) -> list[Span]:
    spans = [statement.source.span]
    before = None
    for stage in statement.stages:
        if isinstance(stage, Aggregate) and isinstance(before, GroupBy):
            spans[-1] = (spans[-1][0], stage.span[1])
        else:
            spans.append(stage.span)
        before = stage
    return spans


def _stage(code: str, span: Span) -> Stage:
    start, end = span
    return Stage(" ".join(code[start:end].split()), code.count("\n", 0, start) + 1, end)


def up_to(code: str, node: Node, stages: int) -> str:
    """The program with a node that ends after its first `stages` stages, the source counted as one.

    `inspect` of that node in the text that comes back shows the rows at that step.
    """
    last = node.stages[max(1, min(stages, len(node.stages))) - 1]
    return code[: last.end] + code[node.end :]
