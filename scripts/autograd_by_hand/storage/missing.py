"""A part of the results that could not be computed, and the file that takes its place.

Each output of an explaining stage that failed is such a file: JSON, safetensors or SVG, as readers
expect by its name, which says why the part is missing. Readers ask before they use the content.
"""

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import atomic_path, plain, read_json, write_json, write_text
from autograd_by_hand.core.messages import message_of

LARGEST = 2**16  # bytes; a larger file holds results
_KEY = "missing"
_JSON = f'{{\n  "{_KEY}": '
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 48" width="760" height="48">'
_IN_SVG = re.compile(rf'<metadata id="{_KEY}">(.*?)</metadata>', re.DOTALL)


@dataclass(frozen=True)
class Missing:
    """A part that could not be computed.

    stage: the explaining stage that failed; what rests on its outputs is missing for its sake
    dtype: the dtype in which it failed, or None if it has none
    words: the clause "could not be computed: ...", a message
    log: the path of its log, which keeps a traceback
    """

    stage: str
    dtype: str | None
    words: str
    log: str


def write_missing(path: Path, missing: Missing) -> None:
    """Write the file that stands in for the output `path`, atomically.

    Raises
        ValueError: if no reader of such a file asks whether it is missing.
    """
    if path.suffix == ".json":
        write_json(path, {_KEY: vars(missing)})
    elif path.suffix == ".safetensors":
        header = json.dumps({"__metadata__": {_KEY: _line(missing)}}).encode()
        with atomic_path(path) as temporary:
            temporary.write_bytes(len(header).to_bytes(8, "little") + header)
    elif path.suffix == ".svg":
        content, words = html.escape(_line(missing)), html.escape(missing.words)
        write_text(
            path,
            f'{_SVG}\n<title>{words}</title>\n<metadata id="{_KEY}">{content}</metadata>\n'
            f'<text x="16" y="28" font-family="sans-serif" font-size="13">{words}</text>\n</svg>\n',
        )
    else:
        raise ValueError(f"{path}: nothing can stand in for such a file")


def missing_in(path: Path) -> Missing | None:
    """Why the content of a file is missing; None if it is there, or if there is no such file."""
    try:
        if path.stat().st_size > LARGEST:
            return None
        found = _READERS[path.suffix](path) if path.suffix in _READERS else None
        return Missing(**found) if found else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_part(path: Path) -> Any:
    """The value of a JSON file that an explaining stage wrote, or a `Missing`.

    Raises
        DamagedFileError: if the file is not JSON.
        OSError: if it cannot be read.
    """
    return missing_in(path) or read_json(path)


def distinct_missing(paths: Iterable[Path]) -> list[Missing]:
    """Why files are missing, each reason once, in the order of the files."""
    return list(dict.fromkeys(found for path in paths if (found := missing_in(path))))


def _line(missing: Missing) -> str:
    return json.dumps(plain(vars(missing)))


def _of_json(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        if file.read(len(_JSON)) != _JSON:
            return None
    return read_json(path)[_KEY]


def _of_safetensors(path: Path) -> Any:
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    found = header.get("__metadata__", {}).get(_KEY)
    return found and json.loads(found, object_hook=message_of)


def _of_svg(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    found = _IN_SVG.search(text) if text.startswith(_SVG) else None
    return found and json.loads(html.unescape(found[1]), object_hook=message_of)


_READERS = {".json": _of_json, ".safetensors": _of_safetensors, ".svg": _of_svg}
