"""Plain data as bytes and back: the only thing that crosses the line between us and a candidate.

Each value is one tag byte, a length or count of four bytes where the kind needs one, and the content. Kinds
are told apart by their exact type, so True is not 1, a list is not a tuple, and an instance of a subclass has
no encoding at all. Reading calls nothing and builds no Python set or dict out of foreign data: members and
keys stay bytes, so that nobody can make us hash chosen numbers into one bucket.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_DEPTH = 100
"""Levels of containers; a value that contains itself has more than any number of them."""

MAX_BYTES = 16_000_000
"""Bytes of an encoded value where the caller sets no limit of its own."""

_LENGTH = struct.Struct(">I")
_FLOAT = struct.Struct(">d")
_NAN = _FLOAT.pack(float("nan"))

_CONSTANTS: dict[bytes, tuple[str, Any]] = {b"N": ("none", None), b"T": ("bool", True), b"F": ("bool", False)}
_SCALARS = {b"i": "int", b"s": "str", b"b": "bytes"}
_SEQUENCES = {b"l": "list", b"t": "tuple"}
_SETS = {b"S": "set", b"Z": "frozenset"}


class NotPlain(ValueError):
    """The value, or the bytes, are not plain data within the bounds; the message says why."""


class Node(NamedTuple):
    """A value as data. `kind` is the name of its type (None: "none").

    `value` is the Python value of a scalar, a tuple of nodes of a list or tuple, {encoded member: node} of a
    set or frozenset, and {encoded key: (key node, value node)} of a dict.
    """

    kind: str
    value: Any


def encode(value: object, limit: int = MAX_BYTES) -> bytes:
    """The bytes of `value`. Raises NotPlain for other types, too many levels, or more than `limit` bytes."""
    out = bytearray()
    _write(value, out, limit, 0)
    return bytes(out)


def _write(value: object, out: bytearray, limit: int, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotPlain(f"nested deeper than {MAX_DEPTH} levels, or containing itself")
    kind = type(value)
    if value is None or kind is bool:
        out += b"N" if value is None else b"T" if value else b"F"
    elif kind is float:
        # One pattern stands for all NaNs.
        out += b"d" + (_FLOAT.pack(value) if value == value else _NAN)
    elif kind in (int, str, bytes):
        _write_scalar(value, out, limit)
    elif kind in (list, tuple):
        _start(out, b"l" if kind is list else b"t", len(value))  # type: ignore[arg-type]
        for item in value:  # type: ignore[attr-defined]
            _write(item, out, limit, depth + 1)
    elif kind is dict:
        _start(out, b"m", len(value))  # type: ignore[arg-type]
        for key, item in value.items():  # type: ignore[attr-defined]
            _write(key, out, limit, depth + 1)
            _write(item, out, limit, depth + 1)
    elif kind in (set, frozenset):
        _write_set(value, out, limit, depth)  # type: ignore[arg-type]
    else:
        raise NotPlain(f"a value of type {type_name(kind)} is not plain data")
    if len(out) > limit:
        raise NotPlain(f"larger than {limit:,} bytes")


def _write_scalar(value: Any, out: bytearray, limit: int) -> None:
    if type(value) is int:
        size = value.bit_length() // 8 + 1
        tag, text = b"i", value.to_bytes(size, "big", signed=True) if size <= limit else bytes(limit + 1)
    elif type(value) is str:
        tag, text = b"s", value.encode("utf-8", "surrogatepass")
    else:
        tag, text = b"b", value
    if len(text) > limit:
        raise NotPlain(f"larger than {limit:,} bytes")
    _start(out, tag, len(text))
    out += text


def _write_set(value: set[object] | frozenset[object], out: bytearray, limit: int, depth: int) -> None:
    members = []
    total = len(out)
    for member in value:
        piece = bytearray()
        _write(member, piece, limit, depth + 1)
        members.append(bytes(piece))
        total += len(piece)
        if total > limit:
            raise NotPlain(f"larger than {limit:,} bytes")
    _start(out, b"S" if type(value) is set else b"Z", len(members))
    # Sorted, so that equal sets have equal bytes whatever order they iterate in.
    out += b"".join(sorted(members))


def _start(out: bytearray, tag: bytes, count: int) -> None:
    out += tag
    out += _LENGTH.pack(count)


def type_name(kind: type) -> str:
    """The name of a type and of the plain type that it derives from, for a message."""
    for base in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset):
        if base in type.mro(kind)[1:]:
            return f"{kind.__name__} (a subclass of {base.__name__})"
    return f"{kind.__name__}"


def decode(data: bytes) -> Node:
    """Read `data`, which anybody may have written. Raises NotPlain for all that `encode` does not write."""
    node, end = _read(data, 0, 0)
    if end != len(data):
        raise NotPlain(f"{len(data) - end} bytes after the end of the value")
    return node


def _read(data: bytes, at: int, depth: int) -> tuple[Node, int]:
    if depth > MAX_DEPTH:
        raise NotPlain(f"nested deeper than {MAX_DEPTH} levels")
    tag = data[at : at + 1]
    if tag in _CONSTANTS:
        return Node(*_CONSTANTS[tag]), at + 1
    if tag == b"d":
        return Node("float", _FLOAT.unpack(_slice(data, at + 1, 8))[0]), at + 9
    if tag not in (b"i", b"s", b"b", b"l", b"t", b"S", b"Z", b"m"):
        raise NotPlain(f"unknown tag {tag!r}")
    (count,) = _LENGTH.unpack(_slice(data, at + 1, 4))
    at += 5
    if tag in _SCALARS:
        return Node(_SCALARS[tag], _scalar(tag, _slice(data, at, count))), at + count
    if count > len(data) - at:
        raise NotPlain("a count larger than what follows")
    if tag in _SEQUENCES:
        items = []
        for _ in range(count):
            item, at = _read(data, at, depth + 1)
            items.append(item)
        return Node(_SEQUENCES[tag], tuple(items)), at
    return _read_keyed(data, at, depth, tag, count)


def _read_keyed(data: bytes, at: int, depth: int, tag: bytes, count: int) -> tuple[Node, int]:
    """A set or a dict: the bytes of a member or key are its identity."""
    found: dict[bytes, Any] = {}
    for _ in range(count):
        start = at
        key, at = _read(data, at, depth + 1)
        name = data[start:at]
        if name in found:
            raise NotPlain("the same member or key twice")
        found[name] = key
        if tag == b"m":
            value, at = _read(data, at, depth + 1)
            found[name] = (key, value)
    return Node(_SETS.get(tag, "dict"), found), at


def _slice(data: bytes, at: int, count: int) -> bytes:
    piece = data[at : at + count]
    if len(piece) != count:
        raise NotPlain("the data ends early")
    return piece


def _scalar(tag: bytes, text: bytes) -> object:
    if tag == b"i":
        return int.from_bytes(text, "big", signed=True)
    if tag == b"b":
        return text
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise NotPlain("text that is not UTF-8") from None


def to_python(node: Node) -> Any:
    """The Python value of a node. For data from our own side only: it hashes what it is given."""
    kind, value = node
    if kind == "list":
        return [to_python(item) for item in value]
    if kind == "tuple":
        return tuple([to_python(item) for item in value])
    if kind == "set":
        return {to_python(item) for item in value.values()}
    if kind == "frozenset":
        return frozenset([to_python(item) for item in value.values()])
    if kind == "dict":
        return {to_python(key): to_python(item) for key, item in value.values()}
    return value


def show(node: Node, limit: int = 200) -> str:
    """The value as Python would write it, cut after `limit` characters."""
    text = ""
    for piece in _pieces(node, limit):
        text += piece
        if len(text) > limit:
            return text[: limit - 3] + "..."
    return text


def _pieces(node: Node, limit: int) -> Iterator[str]:
    kind, value = node
    if kind in ("str", "bytes"):
        yield repr(value[: limit + 1])
    elif kind == "int" and value.bit_length() > 4 * limit:
        yield f"<an int of {value.bit_length():,} bits>"
    elif kind in ("list", "tuple"):
        yield "[" if kind == "list" else "("
        yield from _joined(value, limit)
        yield "]" if kind == "list" else ",)" if len(value) == 1 else ")"
    elif kind in ("set", "frozenset") and not value:
        yield f"{kind}()"
    elif kind in ("set", "frozenset"):
        yield "{" if kind == "set" else "frozenset({"
        yield from _joined(value.values(), limit)
        yield "}" if kind == "set" else "})"
    elif kind == "dict":
        yield "{"
        for index, (key, item) in enumerate(value.values()):
            yield ", " if index else ""
            yield from _pieces(key, limit)
            yield ": "
            yield from _pieces(item, limit)
        yield "}"
    else:
        yield repr(value)


def _joined(items: Any, limit: int) -> Iterator[str]:
    for index, item in enumerate(items):
        yield ", " if index else ""
        yield from _pieces(item, limit)
