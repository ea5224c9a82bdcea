"""The mistakes that the mutator makes: functions from the tree of a correct function to trees with one
mistake.

A rule looks at one node and yields (replacement, description); the replacement None takes a statement away.
`MUTATIONS` lists them all, with the category that such a bug belongs to and the hint that goes with it.
"""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple


class Edit(NamedTuple):
    """A tree with one mistake, where it is and what it is; `node` of the correct tree gave way to
    `replacement`.
    """

    tree: ast.Module
    line: int
    description: str
    node: Any
    replacement: Any


Found = Iterator[tuple[ast.AST | None, str]]
Rule = Callable[[Any], Found]


@dataclass(frozen=True)
class Mutation:
    """A kind of mistake. `find` gives all places in a tree where it can be made."""

    find: Callable[[ast.Module], list[Edit]]
    category: str
    hint: str


class _Swap(ast.NodeTransformer):
    """Puts a replacement in the place of one node; a block that is left empty gets a `pass`."""

    def __init__(self, target: ast.AST, replacement: ast.AST | None) -> None:
        self.target, self.replacement = target, replacement

    def visit(self, node: ast.AST) -> Any:
        if node is self.target:
            return self.replacement
        self.generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node


def everywhere(tree: ast.Module, rule: Rule) -> list[Edit]:
    """All that a rule makes of the nodes of a tree, in the order of the text."""
    edits = []
    nodes: list[tuple[int, Any]] = [
        (index, node) for index, node in enumerate(ast.walk(tree)) if hasattr(node, "lineno")
    ]
    for index, node in sorted(nodes, key=lambda pair: (pair[1].lineno, pair[1].col_offset, pair[0])):
        for replacement, description in rule(node):
            copy = deepcopy(tree)
            target = next(other for place, other in enumerate(ast.walk(copy)) if place == index)
            changed = _Swap(target, deepcopy(replacement)).visit(copy)
            edits.append(Edit(changed, node.lineno, description, node, replacement))
    return edits


def _by_rule(rule: Rule) -> Callable[[ast.Module], list[Edit]]:
    return lambda tree: everywhere(tree, rule)


def _changed(node: Any, **fields: Any) -> Any:
    """A copy of a node with other fields."""
    copy = deepcopy(node)
    for name, value in fields.items():
        setattr(copy, name, deepcopy(value))
    return copy


# ---- comparisons and conditions

_BOUNDARY: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.LtE(),
    ast.LtE: ast.Lt(),
    ast.Gt: ast.GtE(),
    ast.GtE: ast.Gt(),
}
_TURNED: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.Gt(),
    ast.LtE: ast.GtE(),
    ast.Gt: ast.Lt(),
    ast.GtE: ast.LtE(),
}
_OPPOSITE: dict[type[ast.cmpop], ast.cmpop] = {
    ast.Lt: ast.GtE(),
    ast.LtE: ast.Gt(),
    ast.Gt: ast.LtE(),
    ast.GtE: ast.Lt(),
    ast.Eq: ast.NotEq(),
    ast.NotEq: ast.Eq(),
    ast.In: ast.NotIn(),
    ast.NotIn: ast.In(),
    ast.Is: ast.IsNot(),
    ast.IsNot: ast.Is(),
}


def _comparison(table: dict[type[ast.cmpop], ast.cmpop], description: str) -> Rule:
    def rule(node: Any) -> Found:
        if isinstance(node, ast.Compare):
            for index, operator in enumerate(node.ops):
                if type(operator) in table:
                    ops = [*node.ops[:index], table[type(operator)], *node.ops[index + 1 :]]
                    yield _changed(node, ops=ops), description

    return rule


def _boolean(node: Any) -> Found:
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _changed(node, op=other), "joins two conditions with the wrong word"


def _negated(node: Any) -> Found:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield _changed(node, test=_opposite(node.test)), "asks for the opposite of the condition"


def _opposite(test: Any) -> Any:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _OPPOSITE:
        return _changed(test, ops=[_OPPOSITE[type(test.ops[0])]])
    return ast.UnaryOp(ast.Not(), test)


def _falsy_for_none(node: Any) -> Found:
    match node:
        case ast.Compare(left=left, ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            yield ast.UnaryOp(ast.Not(), left), "takes everything that counts as false for None"
        case ast.Compare(left=left, ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            yield left, "takes everything that counts as false for None"


# ---- numbers and arithmetic

_ARITHMETIC: dict[type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(),
    ast.Sub: ast.Add(),
    ast.Mult: ast.Add(),
    ast.Mod: ast.FloorDiv(),
}
_DIVISION: dict[type[ast.operator], ast.operator] = {ast.Div: ast.FloorDiv(), ast.FloorDiv: ast.Div()}


def _operator(table: dict[type[ast.operator], ast.operator], description: str) -> Rule:
    def rule(node: Any) -> Found:
        if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in table:
            yield _changed(node, op=table[type(node.op)]), description

    return rule


def _swapped_operands(node: Any) -> Found:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod):
        yield _changed(node, left=node.right, right=node.left), "has the two operands the wrong way round"


def _is_number(node: Any) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _is_negative(node: Any) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and _is_number(node.operand)


def _constants(tree: ast.Module) -> list[Edit]:
    """Whole numbers one too high and one too low; first values of variables are another mutation's."""
    first = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    signed = [node.operand for node in ast.walk(tree) if isinstance(node, ast.UnaryOp)]
    left_out = {id(node) for node in [*first, *signed]}

    def rule(node: Any) -> Found:
        if id(node) in left_out:
            return
        if _is_number(node):
            yield ast.Constant(node.value + 1), "is off by one"
            if node.value > 0:
                yield ast.Constant(node.value - 1), "is off by one"
        elif _is_negative(node):
            yield ast.Constant(1 - node.operand.value), "is off by one"

    return everywhere(tree, rule)


def _initial_value(node: Any) -> Found:
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)):
        return
    value: Any = node.value.value
    others: list[Any] = []
    if type(value) is bool:
        others = [not value]
    elif type(value) is int:
        others = [1 - value] if value in (0, 1) else [value + 1]
    elif value is None:
        others = [0]
    for other in others:
        yield _changed(node, value=ast.Constant(other)), "begins with the wrong value"


def _plus(node: Any, step: int) -> Any:
    """The expression for one more or one less, in the form that a programmer would write."""
    match node:
        case ast.Constant(value=int(value)):
            return ast.Constant(value + step)
        case ast.BinOp(left=left, op=ast.Add(), right=ast.Constant(value=1)) if step == -1:
            return left
        case ast.BinOp(left=left, op=ast.Sub(), right=ast.Constant(value=1)) if step == 1:
            return left
    return ast.BinOp(node, ast.Add() if step == 1 else ast.Sub(), ast.Constant(1))


def _range_bounds(node: Any) -> Found:
    match node:
        case ast.Call(func=ast.Name(id="range"), args=[stop]):
            yield _changed(node, args=[_plus(stop, -1)]), "stops one too early"
            yield _changed(node, args=[ast.Constant(1), stop]), "leaves out the first one"
        case ast.Call(func=ast.Name(id="range"), args=[start, stop, *rest]):
            for step, text in ((-1, "stops one too early"), (1, "goes one too far")):
                yield _changed(node, args=[start, _plus(stop, step), *rest]), text
            yield _changed(node, args=[_plus(start, 1), stop, *rest]), "starts one too late"


def _slice_bounds(node: Any) -> Found:
    if not isinstance(node, ast.Slice) or node.step is not None:
        return
    if node.lower is not None:
        yield _changed(node, lower=_plus(node.lower, 1)), "cuts one too late"
    if node.upper is not None and not isinstance(node.upper, ast.UnaryOp):
        yield _changed(node, upper=_plus(node.upper, -1)), "cuts one too early"
        yield _changed(node, upper=_plus(node.upper, 1)), "cuts one too late"
    if node.lower is not None and node.upper is not None:
        yield _changed(node, upper=None), "has lost one of its ends"


# ---- names, calls and copies


def _wrong_variable(tree: ast.Module) -> list[Edit]:
    """Another variable of the function, one that is known by then."""
    names = [
        node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    known = {name.id: name.lineno for name in sorted(names, key=lambda name: -name.lineno)}
    known |= {arg.arg: 0 for arg in ast.walk(tree) if isinstance(arg, ast.arg)}
    shown = {id(inner) for node in ast.walk(tree) for inner in _annotation_parts(node)}

    def rule(node: Any) -> Found:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in shown:
            if node.id not in known:
                return
            for other in sorted(known):
                if other != node.id and known[other] < node.lineno:
                    yield ast.Name(other, ast.Load()), "uses the wrong variable"

    return everywhere(tree, rule)


def _annotation_parts(node: ast.AST) -> Iterator[ast.AST]:
    for name in ("annotation", "returns"):
        if getattr(node, name, None) is not None:
            yield from ast.walk(getattr(node, name))


def _swapped_arguments(node: Any) -> Found:
    if isinstance(node, ast.Call) and len(node.args) >= 2:
        if isinstance(node.func, ast.Name) and node.func.id in ("min", "max", "zip"):
            return
        first, second, *rest = node.args
        yield _changed(node, args=[second, first, *rest]), "passes two arguments the wrong way round"
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
        swapped = _changed(node.value, elts=node.value.elts[::-1])
        yield _changed(node, value=swapped), "returns two values the wrong way round"


_COPIES = ("list", "dict", "set", "sorted", "deepcopy")


def _missing_copy(node: Any) -> Found:
    text = "has no copy of its own to work on"
    match node:
        case ast.Assign(value=ast.Call(func=ast.Name(id=name), args=[original], keywords=[])) if (
            name in _COPIES
        ):
            yield _changed(node, value=original), text
        case ast.Assign(value=ast.ListComp(elt=ast.Call(args=[ast.Name()]), generators=[loop])):
            yield _changed(node, value=loop.iter), text


def _dropped_conversion(node: Any) -> Found:
    match node:
        case ast.Call(func=ast.Name(id="int" | "str" | "abs" | "len" as name), args=[value]) if name != "len":
            yield value, f"has lost its {name}(...)"


_METHODS = {
    "append": ("extend",),
    "extend": ("append",),
    "upper": ("lower",),
    "lower": ("upper",),
    "isdigit": ("isalpha",),
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}


def _wrong_method(node: Any) -> Found:
    match node:
        case ast.Call(func=ast.Attribute(attr="pop"), args=[ast.Constant(value=0)]):
            yield _changed(node, args=[]), "takes the item from the wrong end"
        case ast.Call(func=ast.Attribute(attr="pop"), args=[]):
            yield _changed(node, args=[ast.Constant(0)]), "takes the item from the wrong end"
        case ast.Call(func=ast.Attribute(attr="insert") as method, args=[ast.Constant(value=0), item]):
            yield _changed(node, func=_changed(method, attr="append"), args=[item]), "adds at the wrong end"
        case ast.Call(func=ast.Attribute(attr=name) as method) if name in _METHODS:
            for other in _METHODS[name]:
                yield _changed(node, func=_changed(method, attr=other)), f"calls {other} in place of {name}"


def _wrong_function(node: Any) -> Found:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _FUNCTIONS:
            other = _FUNCTIONS[name]
            yield _changed(node, func=ast.Name(other, ast.Load())), f"calls {other} in place of {name}"
        case ast.Call(func=ast.Name(id="sorted"), keywords=words) if all(w.arg != "reverse" for w in words):
            reverse = ast.keyword("reverse", ast.Constant(True))
            yield _changed(node, keywords=[*words, reverse]), "sorts the wrong way round"


def _dropped_text_method(node: Any) -> Found:
    match node:
        case ast.Call(func=ast.Attribute(attr="upper" | "lower" | "strip" as name, value=value), args=[]):
            yield value, f"has lost its {name}()"


# ---- statements


def _dropped_guard(node: Any) -> Found:
    leaves = ast.Return | ast.Raise | ast.Continue | ast.Break
    if isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], leaves):
        yield None, "does not look out for a special case"


def _dropped_statement(node: Any) -> Found:
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield None, "has lost a statement"


def _dropped_else(node: Any) -> Found:
    if isinstance(node, ast.If) and node.orelse:
        yield _changed(node, orelse=[]), "has lost what happens otherwise"


def _dropped_return(node: Any) -> Found:
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Call | ast.Name):
        yield ast.Expr(node.value), "has lost the word return"


def _early_return(tree: ast.Module) -> list[Edit]:
    """A return behind a loop slips into the loop."""
    edits = []
    for index, node in enumerate(ast.walk(tree)):
        body = getattr(node, "body", None)
        for place, (loop, after) in enumerate(pairwise(body if isinstance(body, list) else ())):
            if isinstance(loop, ast.For | ast.While) and isinstance(after, ast.Return):
                copy = deepcopy(tree)
                block = next(other for at, other in enumerate(ast.walk(copy)) if at == index).body  # type: ignore[attr-defined]
                block[place].body.append(block.pop(place + 1))
                edits.append(Edit(copy, after.lineno, "returns in the first round of the loop", after, after))
    return edits


MUTATIONS: dict[str, Mutation] = {
    "boundary": Mutation(
        _by_rule(_comparison(_BOUNDARY, "treats the boundary itself the wrong way")),
        "off_by_one",
        "One comparison is right for all values but one.",
    ),
    "turned_comparison": Mutation(
        _by_rule(_comparison(_TURNED, "compares the wrong way round")),
        "logic",
        "In which direction should each comparison go?",
    ),
    "boolean": Mutation(
        _by_rule(_boolean), "logic", "Do all of the conditions have to hold, or is one enough?"
    ),
    "negated_condition": Mutation(_by_rule(_negated), "logic", "When is each of the branches taken?"),
    "falsy_for_none": Mutation(
        _by_rule(_falsy_for_none), "none_handling", "Which values besides None count as false?"
    ),
    "arithmetic": Mutation(
        _by_rule(_operator(_ARITHMETIC, "calculates with the wrong sign")),
        "algorithm",
        "Do one of the calculations by hand.",
    ),
    "division": Mutation(
        _by_rule(_operator(_DIVISION, "divides with the wrong one of / and //")),
        "type",
        "Python has two divisions, and they give different kinds of numbers.",
    ),
    "swapped_operands": Mutation(
        _by_rule(_swapped_operands), "algorithm", "Does the order of the operands matter?"
    ),
    "constant": Mutation(_constants, "off_by_one", "One of the numbers in the code is close, but not right."),
    "initial_value": Mutation(
        _by_rule(_initial_value), "edge_case", "What do the variables hold before the loop?"
    ),
    "range_bounds": Mutation(
        _by_rule(_range_bounds), "off_by_one", "Write down the values that the loop goes through."
    ),
    "slice_bounds": Mutation(
        _by_rule(_slice_bounds), "off_by_one", "Write down where the slice begins and ends."
    ),
    "wrong_variable": Mutation(_wrong_variable, "logic", "Is every variable the one that is meant?"),
    "swapped_arguments": Mutation(
        _by_rule(_swapped_arguments), "data_structure", "In which order do the values belong?"
    ),
    "missing_copy": Mutation(
        _by_rule(_missing_copy), "argument_mutation", "Which lists or dicts have two names here?"
    ),
    "dropped_conversion": Mutation(
        _by_rule(_dropped_conversion), "type", "What kind of value does each variable hold?"
    ),
    "wrong_method": Mutation(
        _by_rule(_wrong_method), "data_structure", "What exactly does each method call do?"
    ),
    "wrong_function": Mutation(
        _by_rule(_wrong_function), "algorithm", "What exactly does each function call give?"
    ),
    "dropped_text_method": Mutation(
        _by_rule(_dropped_text_method), "string_handling", "Look closely at the letters of the result."
    ),
    "dropped_guard": Mutation(
        _by_rule(_dropped_guard), "edge_case", "Which special case is not looked out for?"
    ),
    "dropped_statement": Mutation(
        _by_rule(_dropped_statement), "logic", "Something that has to be done is not done."
    ),
    "dropped_else": Mutation(
        _by_rule(_dropped_else), "logic", "What should happen when the condition does not hold?"
    ),
    "dropped_return": Mutation(
        _by_rule(_dropped_return), "none_handling", "Does every way through return a value?"
    ),
    "early_return": Mutation(_early_return, "logic", "How many rounds of the loop are there?"),
}


# ---- the texts of mutants


def mutants_of(code: str) -> dict[str, list[tuple[Edit, str]]]:
    """For each kind of mutation the edits of a code and their texts; no text comes twice, nor the code
    itself.
    """
    tree = ast.parse(code)
    seen = {ast.dump(tree)}
    found: dict[str, list[tuple[Edit, str]]] = {}
    for kind, mutation in MUTATIONS.items():
        for edit in mutation.find(tree):
            text = edited_text(code, edit)
            shape = ast.dump(ast.parse(text))
            if shape not in seen:
                seen.add(shape)
                found.setdefault(kind, []).append((edit, text))
    return found


def edited_text(code: str, edit: Edit) -> str:
    """The text of a mutant: the code with the edit made in its place, or printed anew where that is not
    possible.
    """
    wanted = ast.dump(ast.parse(ast.unparse(ast.fix_missing_locations(edit.tree))))
    for text in _spliced(code, edit):
        try:
            if ast.dump(ast.parse(text)) == wanted:
                return text
        except SyntaxError:
            continue
    return ast.unparse(edit.tree) + "\n"


def _spliced(code: str, edit: Edit) -> Iterator[str]:
    lines = code.splitlines(keepends=True)
    node = edit.node
    before = "".join(lines[: node.lineno - 1]) + _columns(lines[node.lineno - 1], 0, node.col_offset)
    after = _columns(lines[node.end_lineno - 1], node.end_col_offset, None) + "".join(
        lines[node.end_lineno :]
    )
    if edit.replacement is None:
        yield "".join(lines[: node.lineno - 1] + lines[node.end_lineno :])
        yield before + "pass" + after
        return
    new = ast.unparse(ast.fix_missing_locations(edit.replacement))
    indented = new.replace("\n", "\n" + " " * node.col_offset)
    yield before + indented + after
    yield f"{before}({indented}){after}"
    yield f"{before}    {indented}{after}"  # a statement that has slipped into the block before it


def _columns(line: str, start: int, end: int | None) -> str:
    """Part of a line, with columns counted in bytes as the parser does."""
    return line.encode()[start:end].decode()
