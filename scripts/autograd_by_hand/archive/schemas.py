"""Read a JSON file of an archive, checked against the schema that lies beside this module."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from autograd_by_hand.archive.json_schema import misfits
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import read_json


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema of a kind of file: manifest, operations or orders."""
    found: dict[str, Any] = json.loads(
        Path(__file__).with_name(f"{name}.schema.json").read_text(encoding="utf-8")
    )
    return found


def read_checked(path: Path, name: str) -> Any:
    """The content of a JSON file that matches the schema of that name.

    Raises
        UserError: if it is not JSON, or does not match.
    """
    value = read_json(path)
    if found := misfits(value, schema(name)):
        raise UserError(f"{path.name} is none: {found[0]}")
    return value
