"""Requests to a model whose answer is one JSON object of a schema, and how long it pays to send more."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dsl_debug.policies.answers import REJECTED, SILENT, Answer, Usage, sound
from dsl_debug.policies.endpoint import PATIENCE, Body, Endpoint, Settings, Unavailable


class Silence(RuntimeError):
    """The endpoint has stopped to answer; what it has answered so far counts."""


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object of which every property is required."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def text_properties(described: Mapping[str, str]) -> dict[str, Any]:
    """Properties that are texts, each with its description."""
    return {name: {"type": "string", "description": text} for name, text in described.items()}


def structured(
    settings: Settings, system: str, task: str, name: str, schema: Mapping[str, Any], seed: int
) -> Body:
    """A request whose answer is one JSON object of a schema."""
    body: Body = {
        "model": settings.model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": task}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": name, "strict": True, "schema": dict(schema)},
        },
        "temperature": 1.0,
        "seed": seed,
    }
    return body | ({"max_tokens": settings.max_tokens} if settings.max_tokens else {})


def heard(
    endpoint: Endpoint, bodies: Iterable[Body], usage: Usage, ahead: int | None = None
) -> Iterator[Answer]:
    """The answers to requests, in their order, each counted in `usage`.

    Raises Silence after `PATIENCE` in a row that were none, and Unavailable as `check_usable` does.
    """
    silent = 0
    for answer in endpoint.answers(bodies, ahead):
        check_usable(endpoint, answer)
        usage.add(answer)
        silent = silent + 1 if answer.trouble in SILENT else 0
        yield answer
        if silent == PATIENCE:
            raise Silence(f"{PATIENCE} requests in a row got no answer; the last one: {answer.trouble}")


def check_usable(endpoint: Endpoint, answer: Answer) -> None:
    """Raises Unavailable for an endpoint that rejects a request and has not answered any."""
    if answer.trouble == REJECTED and not endpoint.answered:
        raise Unavailable(endpoint.said)


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object in a text, whatever stands around it; None if there is none."""
    try:
        value = sound(json.loads(text[text.index("{") : text.rindex("}") + 1]))
    except (ValueError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, dict) else None
