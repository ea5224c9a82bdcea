"""What can be read off a candidate's text before it runs: whether it is well-formed, unchanged, or tampering.

This feeds the signals r3 and r4 and the rule that an unchanged function earns nothing. It is no protection:
whatever these checks miss runs in the sandbox like everything else.
"""

import ast

# What an honest function of the curriculum imports.
ALLOWED_MODULES = frozenset(
    (
        *(
            "math",
            "cmath",
            "re",
            "collections",
            "itertools",
            "functools",
            "string",
            "heapq",
            "bisect",
            "json",
        ),
        *(
            "random",
            "statistics",
            "datetime",
            "calendar",
            "typing",
            "dataclasses",
            "copy",
            "operator",
            "enum",
        ),
        *("decimal", "fractions", "numbers", "textwrap", "unicodedata", "abc", "array", "__future__"),
    )
)
# Names that a function which computes its result has no use for.
FORBIDDEN_NAMES = frozenset(
    (
        *("__import__", "__builtins__", "__loader__", "__spec__", "eval", "exec", "compile", "open", "input"),
        *("globals", "locals", "vars", "breakpoint", "exit", "quit", "memoryview"),
    )
)
# Special methods that are defined and called in honest code; any other `__x__` attribute is tampering.
ALLOWED_SPECIAL = frozenset(
    (
        *(
            "__init__",
            "__post_init__",
            "__name__",
            "__doc__",
            "__len__",
            "__iter__",
            "__next__",
            "__getitem__",
        ),
        *("__contains__", "__call__", "__repr__", "__str__", "__hash__", "__eq__", "__lt__", "__le__"),
        *("__gt__", "__ge__", "__add__", "__sub__", "__mul__", "__enter__", "__exit__"),
    )
)
MAX_CODE = 50_000


def parse_candidate(code: str) -> ast.Module | None:
    """The tree of a candidate's text, or None if it is not Python (or longer than 50,000 characters)."""
    if len(code) > MAX_CODE:
        return None
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def is_well_formed(tree: ast.Module | None, function: str) -> bool:
    """Whether the text defines a function of that name at its top level."""
    return tree is not None and any(
        isinstance(node, ast.FunctionDef) and node.name == function for node in tree.body
    )


def is_same_code(left: ast.Module | None, right: ast.Module | None) -> bool:
    """Whether two texts are the same program: layout, comments and docstrings do not count."""
    if left is None or right is None:
        return False
    try:
        return _shape(left) == _shape(right)
    except RecursionError:  # nested too deeply to be compared, as no function of ours is
        return False


def tampering(tree: ast.Module | None) -> tuple[str, ...]:
    """What in a candidate is forbidden, each once, as a reader would say it; () for honest code."""
    found: dict[str, None] = {}
    for node in ast.walk(tree) if tree else ():
        for what in _forbidden(node):
            found[what] = None
    return tuple(found)


def _forbidden(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [f"import {n.name}" for n in names if n.name.split(".")[0] not in ALLOWED_MODULES]
        case ast.ImportFrom(module=module, level=level):
            name = "." * level + (module or "")
            return [] if name.split(".")[0] in ALLOWED_MODULES else [f"import {name}"]
        case ast.Name(id=name) if name in FORBIDDEN_NAMES:
            return [name]
        case ast.Attribute(attr=name) if _is_special(name) and name not in ALLOWED_SPECIAL:
            return [name]
        case ast.Constant(value=str(text)) if _is_special(text) and text not in ALLOWED_SPECIAL:
            return [text]  # getattr(x, "__class__")
    return []


def _is_special(name: str) -> bool:
    return len(name) > 4 and name.startswith("__") and name.endswith("__") and name.isidentifier()


def _shape(tree: ast.Module) -> str:
    """The tree as text, without docstrings."""
    copy = ast.parse(ast.unparse(tree))
    for node in ast.walk(copy):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(copy)
