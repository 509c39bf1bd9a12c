"""Validate a value against a JSON Schema, with the standard library alone.

Of JSON Schema (draft 2020-12) it supports what the manifest's schema uses: type, enum, pattern,
required, properties, additionalProperties, items, uniqueItems (of numbers and texts), minimum, and
$ref to $defs of the schema.
"""

import re
from collections.abc import Iterator
from typing import Any

DEEPEST = 64  # nested mappings and lists
_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": type(None),
}


def misfits(value: Any, schema: dict[str, Any]) -> list[str]:
    """The violations of `schema` in `value`, as clauses that begin with the path in the value.

    A value without violations is nested at most DEEPEST deep, so it can be processed by recursion.
    """
    if _deeper(value, DEEPEST):
        return [f"it is nested more than {DEEPEST} deep"]
    return list(_misfits(value, schema, schema, "it"))


def _deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)


def _misfits(value: Any, schema: Any, whole: dict[str, Any], place: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and _plain_type(value) not in [_TYPES[kind] for kind in kinds]:
        yield f"{place} is no {' or '.join(kinds)}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{place} is none of {', '.join(schema['enum'])}"
    elif isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{place} does not match {schema['pattern']}"
    elif isinstance(value, int) and value < schema.get("minimum", value):
        yield f"{place} is less than {schema['minimum']}"
    elif isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        yield from (
            f"{place} has no {key}" for key in schema.get("required", ()) if key not in value
        )
        for key, item in value.items():
            if key in known or rest not in (True, False):
                yield from _misfits(item, known.get(key, rest), whole, f"{place}.{key}")
            elif not rest:
                yield f"{place} has a strange {key}"
    elif isinstance(value, list) and "items" in schema:
        if schema.get("uniqueItems") and len(value) > len(set(map(str, value))):
            yield f"{place} lists something twice"
        for number, item in enumerate(value):
            yield from _misfits(item, schema["items"], whole, f"{place}[{number}]")


def _plain_type(value: Any) -> type:
    """The type of a value of JSON; that of a text is str, also if it is read as a message."""
    return str if isinstance(value, str) else type(value)
