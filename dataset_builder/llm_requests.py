"""Requests to a model whose answer is one JSON object of a schema."""

from collections.abc import Mapping
from typing import Any

from dsl_debug.policies.endpoint import Body, Settings


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
