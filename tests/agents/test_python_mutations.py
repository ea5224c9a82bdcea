"""The kinds of mistakes, each by an example, and the texts that they make of a code."""

import ast

import pytest

from dsl_debug.agents.python_mutations import MUTATIONS, edited_text, mutants_of
from dsl_debug.problem import PYTHON_CATEGORIES

# For each kind of mistake a line before and one of the lines that it may become.
EXAMPLES: dict[str, tuple[str, str]] = {
    "boundary": ("return a < b", "return a <= b"),
    "turned_comparison": ("return a < b", "return a > b"),
    "boolean": ("return a and b", "return a or b"),
    "negated_condition": ("return 1 if a == b else 2", "return 1 if a != b else 2"),
    "falsy_for_none": ("return a is None", "return not a"),
    "arithmetic": ("return a + b", "return a - b"),
    "division": ("return a / b", "return a // b"),
    "swapped_operands": ("return a - b", "return b - a"),
    "constant": ("return a[-1]", "return a[0]"),
    "initial_value": ("c = 0", "c = 1"),
    "range_bounds": ("return range(a, b + 1)", "return range(a, b)"),
    "slice_bounds": ("return a[:b]", "return a[:b + 1]"),
    "wrong_variable": ("return a", "return b"),
    "swapped_arguments": ("return f(a, b)", "return f(b, a)"),
    "missing_copy": ("c = list(a)", "c = a"),
    "dropped_conversion": ("return int(a)", "return a"),
    "wrong_method": ("a.append(b)", "a.extend(b)"),
    "wrong_function": ("return sorted(a)", "return sorted(a, reverse=True)"),
    "dropped_text_method": ("return a.upper()", "return a"),
    "dropped_guard": ("if a: return b", "pass"),
    "dropped_statement": ("a += b", "pass"),
    "dropped_else": ("if a: b = a\n    else: b = 2", "if a:\n        b = a"),
    "dropped_return": ("return a", "a"),
    "early_return": (
        "for c in a:\n        b += c\n    return b",
        "for c in a:\n        b += c\n        return b",
    ),
}


@pytest.mark.parametrize("kind", MUTATIONS)
def test_every_kind_of_mutation_has_an_example(kind: str) -> None:
    before, after = (f"def f(a, b):\n    {line}\n" for line in EXAMPLES[kind])
    texts = [edited_text(before, edit) for edit in MUTATIONS[kind].find(ast.parse(before))]
    assert ast.dump(ast.parse(after)) in [ast.dump(ast.parse(text)) for text in texts], texts


def test_every_mutation_names_a_category() -> None:
    assert {mutation.category for mutation in MUTATIONS.values()} <= set(PYTHON_CATEGORIES)


def test_a_mutant_keeps_the_layout_of_the_code() -> None:
    code = "def f(a, b):\n    # why\n    return (a +\n            2 * (b))\n"
    texts = [text for edits in mutants_of(code).values() for _, text in edits]
    assert "def f(a, b):\n    # why\n    return (a +\n            3 * (b))\n" in texts
    assert len(set(texts)) == len(texts)


def test_an_expression_in_a_product_gets_its_parentheses() -> None:
    code = "def f(a, b):\n    return 2 * abs(a - b)\n"
    (edit,) = MUTATIONS["dropped_conversion"].find(ast.parse(code))
    assert edited_text(code, edit) == "def f(a, b):\n    return 2 * (a - b)\n"
