"""Read the headers of an author's safetensors files, without torch."""

import json
from pathlib import Path

from autograd_by_hand.core.errors import UserError

LONGEST = 100_000_000  # bytes of a header, as the format's own library has it


def shapes_in(path: Path) -> dict[str, tuple[str, list[int]]]:
    """The dtype, as the format calls it, and the shape of each tensor of a file, by its key.

    Only the header is read: its length (8 bytes), then JSON.

    Raises
        UserError: if it is no safetensors file.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size if size <= LONGEST else 0))
        header.pop("__metadata__", None)
        return {key: (str(one["dtype"]), [*one["shape"]]) for key, one in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: is not a safetensors file.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
