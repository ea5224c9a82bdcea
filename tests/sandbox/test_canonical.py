"""Values as bytes: exact types, bounds, and readers that foreign bytes cannot harm."""

import contextlib
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl_debug.sandbox.canonical import MAX_DEPTH, NotPlain, decode, encode, show, to_python
from dsl_debug.sandbox.compare import same

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.binary()
)
hashable = st.recursive(
    scalars, lambda inner: st.lists(inner).map(tuple) | st.frozensets(inner, max_size=4), max_leaves=8
)
values = st.recursive(
    hashable | st.sets(hashable, max_size=4),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(hashable, inner, max_size=4),
    max_leaves=20,
)


def exact(value: Any) -> Any:
    """A form of a value in which == sees types, signs and NaN."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else struct.pack("d", value))
    if isinstance(value, (list, tuple)):
        return (type(value), [exact(item) for item in value])
    if isinstance(value, (set, frozenset)):
        return (type(value), sorted(repr(exact(item)) for item in value))
    if isinstance(value, dict):
        return (dict, [(exact(key), exact(item)) for key, item in value.items()])
    return (type(value), value)


@given(values)
def test_round_trip(value: Any) -> None:
    assert exact(to_python(decode(encode(value)))) == exact(value)


@given(values)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert same(decode(encode(value)), decode(encode(value)))


@given(st.lists(hashable, unique_by=lambda v: repr(exact(v)), max_size=6))
def test_sets_have_the_same_bytes_in_any_order(members: list[Any]) -> None:
    forward, backward = set(members), set()
    for member in reversed(members):
        backward.add(member)
    if {repr(exact(m)) for m in forward} == {repr(exact(m)) for m in backward}:
        assert encode(forward) == encode(backward)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(NotPlain):
        decode(data)


@given(values, st.data())
def test_damaged_bytes_are_read_or_refused(value: Any, data: st.DataObject) -> None:
    text = bytearray(encode(value))
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotPlain):
        show(decode(bytes(text)))


@given(values, st.integers(4, 60))
def test_what_is_shown_is_short(value: Any, limit: int) -> None:
    assert len(show(decode(encode(value)), limit)) <= limit


def plain_repr(value: Any) -> str:
    return show(decode(encode(value)))


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            True,
            7,
            -0.0,
            1e300,
            "it's",
            b"\xff",
            [],
            [1, [2]],
            (),
            (1,),
            (1, 2),
            set(),
            {1},
            frozenset(),
            {},
        ),
        *(frozenset({1}), {"a": [1], 2: None}),
    ],
    ids=repr,
)
def test_shown_as_python_writes_it(value: Any) -> None:
    assert plain_repr(value) == repr(value)


def test_long_values_are_cut() -> None:
    assert show(decode(encode(list(range(100)))), 20) == "[0, 1, 2, 3, 4, 5..."
    assert show(decode(encode(1 << 10_000))) == "<an int of 10,001 bits>"


class Number(int):
    pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "a value of type object is not plain data"),
        (Number(1), "a value of type Number (a subclass of int) is not plain data"),
        ([Number(1)], "a value of type Number (a subclass of int) is not plain data"),
        (1j, "a value of type complex is not plain data"),
        (bytearray(b"x"), "a value of type bytearray is not plain data"),
        (int, "a value of type type is not plain data"),
    ],
    ids=["object", "subclass", "nested subclass", "complex", "bytearray", "class"],
)
def test_other_types_are_refused(value: Any, message: str) -> None:
    with pytest.raises(NotPlain) as caught:
        encode(value)
    assert str(caught.value) == message


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_depth_is_bounded() -> None:
    assert to_python(decode(encode(nested(MAX_DEPTH + 1)))) == nested(MAX_DEPTH + 1)
    with pytest.raises(NotPlain, match=r"^nested deeper than 100 levels, or containing itself$"):
        encode(nested(MAX_DEPTH + 2))
    with pytest.raises(NotPlain, match=r"^nested deeper than 100 levels$"):
        decode(b"l\0\0\0\1" * 200 + b"N")


def test_a_cycle_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotPlain, match=r"containing itself"):
        encode(value)


@pytest.mark.parametrize("value", ["x" * 101, b"x" * 101, 1 << 900, [0] * 30, {(n, n) for n in range(20)}])
def test_size_is_bounded(value: Any) -> None:
    with pytest.raises(NotPlain, match=r"^larger than 100 bytes$"):
        encode(value, 100)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "unknown tag b''"),
        (b"?", "unknown tag b'?'"),
        (b"NN", "1 bytes after the end of the value"),
        (b"i\0\0\0\2\1", "the data ends early"),
        (b"d123", "the data ends early"),
        (b"l\0\0", "the data ends early"),
        (b"l\xff\xff\xff\xff", "a count larger than what follows"),
        (b"s\0\0\0\1\xff", "text that is not UTF-8"),
        (b"S\0\0\0\2NN", "the same member or key twice"),
        (b"m\0\0\0\2NNNN", "the same member or key twice"),
    ],
    ids=str,
)
def test_broken_bytes_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(NotPlain) as caught:
        decode(data)
    assert str(caught.value) == message


def equal(expected: Any, found: Any) -> bool:
    return same(decode(encode(expected)), decode(encode(found)))


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1.0, 1.0 + 1e-10),
        (1e300, 1e300 * (1 + 1e-10)),
        (0.1 + 0.2, 0.3),
        (0.0, -0.0),
        (NAN, NAN),
        (INF, INF),
        ([0.1 + 0.2], [0.3]),
        ({"a": 0.1 + 0.2}, {"a": 0.3}),
        ({1: 2, 3: 4}, {3: 4, 1: 2}),
        ({3, 1, 2}, {2, 3, 1}),
        ({(1, frozenset({2, 3}))}, {(1, frozenset({3, 2}))}),
    ],
    ids=repr,
)
def test_same(left: Any, right: Any) -> None:
    assert equal(left, right)
    assert equal(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True),
        (0, False),
        (1, 1.0),
        (None, False),
        ("1", 1),
        ("a", b"a"),
        ([1], (1,)),
        ({1}, frozenset({1})),
        ({1}, {True}),
        ({1: 0}, {1.0: 0}),
        ({}, set()),
        ([], None),
        ([1], [1, 1]),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1, "b": 1}),
        (1.0, 1.0 + 1e-8),
        (0.0, 1e-300),
        (INF, -INF),
        (INF, 1e308),
        (NAN, 1.0),
        (NAN, INF),
        (10**30, 10**30 + 1),
    ],
    ids=repr,
)
def test_not_the_same(left: Any, right: Any) -> None:
    assert not equal(left, right)
    assert not equal(right, left)
