"""Which episodes there are to replay, how they are found, and what is told of one."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from dsl_debug.replay import Parts, trace_page, trace_parts
from dsl_debug.replay.outcome import VERDICTS, verdict_of
from dsl_debug.replay.reading import text_of
from dsl_debug.results.rows import public_name
from space.library import Library, Trace

MOST_CALLS = 12
"""Calls of one turn that the tab draws; the page of its own has all of them."""

MOST_LISTED = 200
"""Episodes in the list; filters lead to the others."""

ENVIRONMENTS = {"dsl": "programs", "python": "Python functions"}

_OUTCOMES = [name for _, name in VERDICTS.values()]


class Unknown(ValueError):
    """One line for the visitor: what was asked for is not there."""


@dataclass(frozen=True)
class Filter:
    """Which episodes are wanted; an empty text wants them all. The names are those of the facets."""

    environment: str = ""
    policy: str = ""
    category: str = ""
    outcome: str = ""


FACETS = tuple(field.name for field in fields(Filter))


@dataclass(frozen=True)
class Listed:
    """An episode in the list: its key, and what is told of it there."""

    key: str
    policy: str
    verdict: tuple[str, str]
    problem_id: str
    category: str
    difficulty: str
    turns: str


@dataclass(frozen=True)
class Episode:
    """An episode to step through. `others` are the keys and names of further ones of its problem."""

    key: str
    problem_id: str
    environment: str
    playable: bool
    parts: Parts
    others: tuple[tuple[str, str], ...]


# The list


def wanted(values: Sequence[object]) -> Filter:
    """The filter of what was chosen for each facet, in their order; what is no text wants them all."""
    texts = [value if isinstance(value, str) else "" for value in values]
    return Filter(**dict(zip(FACETS, texts, strict=True)))


def filtered(library: Library, wanted: Filter) -> list[str]:
    """The keys of the episodes that fit, in the order of the library."""
    return [key for key, trace in library.traces.items() if _fits(trace, wanted)]


def choices(library: Library, wanted: Filter) -> dict[str, list[tuple[str, str]]]:
    """Facet -> (label, value) of what can be chosen beside the other facets, with counts; the first is "any".

    What is chosen stays in the list even where nothing fits it, so that it can be seen and loosened.
    """
    return {facet: list(_facet_choices(library, wanted, facet)) for facet in FACETS}


def loosened(library: Library, wanted: Filter) -> list[tuple[str, int]]:
    """Each chosen facet without which there would be episodes, and how many."""
    chosen = [facet for facet in FACETS if getattr(wanted, facet)]
    counts = [(facet, len(filtered(library, replace(wanted, **{facet: ""})))) for facet in chosen]
    return [(facet, count) for facet, count in counts if count]


def listed(library: Library, keys: Iterable[str]) -> list[Listed]:
    """What the list tells of episodes."""
    return [_listed(key, library.traces[key]) for key in keys]


def label(value: str) -> str:
    """A name of the data in plain words."""
    return value.replace("_", " ")


def name_of(trace: Trace) -> str:
    """What an episode is called beside others of its problem: its policy, and which of its tries it is."""
    sample = trace.get("sample")
    again = f" (try {sample + 1})" if isinstance(sample, int) and sample else ""
    return (public_name(text_of(trace.get("policy"))) or "somebody") + again


def _fits(trace: Trace, wanted: Filter) -> bool:
    return all(getattr(wanted, facet) in ("", _value(trace, facet)) for facet in FACETS)


def _value(trace: Trace, facet: str) -> str:
    if facet == "outcome":
        return verdict_of(trace)[1]
    if facet == "policy":
        return public_name(text_of(trace.get("policy")))
    return text_of(trace.get(facet))


def _facet_choices(library: Library, wanted: Filter, facet: str) -> Iterator[tuple[str, str]]:
    others = replace(wanted, **{facet: ""})
    counts = Counter(_value(trace, facet) for trace in library.traces.values() if _fits(trace, others))
    yield f"any ({counts.total():,})", ""
    chosen = getattr(wanted, facet)
    known = list(dict.fromkeys([*counts, *([chosen] if chosen else [])]))
    if facet == "outcome":
        known.sort(key=lambda name: _OUTCOMES.index(name) if name in _OUTCOMES else len(_OUTCOMES))
    yield from ((f"{_in_words(facet, value)} ({counts[value]:,})", value) for value in known if value)


def _in_words(facet: str, value: str) -> str:
    """What a value of a facet is called; policies have names of their own."""
    if facet == "environment":
        return ENVIRONMENTS.get(value, value)
    return value if facet == "policy" else label(value)


def _listed(key: str, trace: Trace) -> Listed:
    return Listed(
        key=key,
        policy=name_of(trace),
        verdict=verdict_of(trace),
        problem_id=text_of(trace.get("problem_id")),
        category=label(text_of(trace.get("category"))),
        difficulty=text_of(trace.get("difficulty")),
        turns=text_of(trace.get("turns")),
    )


# One episode


def find(library: Library, key: object) -> Trace:
    """The trace of a key. Raises Unknown, for whatever an address may hold."""
    trace = library.traces.get(key) if isinstance(key, str) else None
    if trace is None:
        raise Unknown("There is no episode of that name here. It may be of other data than this app shows.")
    return trace


def episode(library: Library, key: object) -> Episode:
    """An episode of the library. Raises Unknown for a key of none, and for a trace that cannot be shown."""
    trace = find(library, key)
    problem_id = text_of(trace.get("problem_id"))
    problem = library.problem(problem_id)
    try:
        parts = trace_parts(trace, problem, prefix="replay-", most_calls=MOST_CALLS)
    except ValueError as error:
        raise Unknown(f"This episode cannot be shown: {error}.") from None
    others = [other for other in library.traces_of(problem_id) if other != key]
    return Episode(
        key=str(key),
        problem_id=problem_id,
        environment=text_of(trace.get("environment")),
        playable=problem is not None,
        parts=parts,
        others=tuple((other, name_of(library.traces[other])) for other in others),
    )


def step_of(value: object) -> int:
    """The step that an address asks for, from 1; the first for what is no number."""
    digits = value if isinstance(value, str) and value.isascii() and value.isdecimal() else ""
    return max(1, int(digits[:6] or "1"))


def page_of(library: Library, posted: object) -> dict[str, str]:
    """The page of its own of the episode with the posted `key`: its `name` as a file and its `text`, or the
    `error` in one line. Never raises: strangers post what they like."""
    try:
        key = posted.get("key") if isinstance(posted, Mapping) else None
        trace = find(library, key)
        text = trace_page(trace, library.problem(text_of(trace.get("problem_id"))))
    except ValueError as error:
        return {"error": str(error)}
    return {"name": f"{key}.html", "text": text}
