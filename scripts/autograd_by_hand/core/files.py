"""Write files atomically, read and write JSON, and identify contents by their hashes."""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograd_by_hand.core.errors import DamagedFileError
from autograd_by_hand.core.messages import Message, message_of

Stamp = list[int]


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block ends without an error.

    The bytes reach the disk before the name does (fsync, then rename), so a reader sees the old
    file or the new one, even after a crash, and never a part of either. After an error the
    temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_hidden(path))
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp creates it with mode 0600
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def clear_away_torn(path: Path) -> None:
    """Remove the temporary files of writers of `path` that were killed; none may be running."""
    for torn in path.parent.glob(f"{_hidden(path)}*"):
        torn.unlink()


def _hidden(path: Path) -> str:
    """The prefix of the temporary files for `path`."""
    return f".{path.name}."


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically, with its line endings unchanged."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically.

    inf and nan, which JSON lacks, become text; a message becomes a mapping of its parts.
    """
    write_text(path, json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def plain(value: Any) -> Any:
    """The value as JSON holds it, with inf, nan and messages as `write_json` says."""
    if isinstance(value, Message):
        return plain(value.parts())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def read_json(path: Path) -> Any:
    """The value in a JSON file; mappings that are the parts of a message become messages again.

    Raises
        DamagedFileError: if the file is not JSON, or nested too deeply for Python.
        OSError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_hook=message_of)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else f"not JSON: {error}"
        raise DamagedFileError(
            f"{path} is damaged ({reason}); delete it and run snakemake again."
        ) from error


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp_of(path: Path) -> Stamp:
    """Figures that change whenever a file is written: size, mtime and ctime (ns), inode number."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
