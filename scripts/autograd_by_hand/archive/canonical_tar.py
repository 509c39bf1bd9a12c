"""Tar archives of which every byte is told by the names and contents in them, and safe reading.

Writing: names sorted, regular files alone, mode 0644, owner 0, time 0, USTAR headers, gzip without
name and time. Reading: an archive is taken for hostile. Nothing is put on disk, nothing but regular
files is taken, names stay below the archive's folder, sizes are limited before they are believed,
and every byte outside the files has to be the one that is written here.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from autograd_by_hand.core.errors import UserError

LARGEST = 2 * 1024**3  # bytes unpacked, of the whole archive
MOST = 10_000  # files
_BLOCK, _RECORD = tarfile.BLOCKSIZE, tarfile.RECORDSIZE
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"  # RFC 1952: deflate, no flags, no time


def write_archive(path: Path, files: dict[str, Path | bytes]) -> None:
    """Write files under their names in the archive; the same files give the same bytes.

    Raises
        UserError: if a name does not fit a tar header (100 bytes after at most 155 of folders).
        OSError: if a file cannot be read or the archive not be written.
    """
    with (
        path.open("wb") as out,
        gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=6) as packed,
    ):
        written = 0
        for name in sorted(files):
            content = files[name]
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            packed.write(_header(name, size))
            for piece in [content] if isinstance(content, bytes) else _pieces(content):
                packed.write(piece)
            packed.write(_filling(size))
            written += _BLOCK + size + len(_filling(size))
        packed.write(_end(written))


def read_archive(path: Path, largest: int = LARGEST) -> Iterator[tuple[str, bytes]]:
    """The files of an archive, one after another, by their names.

    largest: how many bytes the whole may hold, unpacked

    Raises
        UserError: if it is no archive as `write_archive` makes them, or larger. What was given
            before may not be trusted then.
    """
    try:
        with path.open("rb") as file:
            yield from _files(file, largest)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path}: is no whole gzip file ({error}).") from error
    except _Foreign as error:
        raise UserError(f"{path}: is no archive of an experiment: {error}.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error


class _Foreign(Exception):
    """What an archive has that `write_archive` would not have written."""


def _files(file: IO[bytes], largest: int) -> Iterator[tuple[str, bytes]]:
    if file.read(len(_HEAD)) != _HEAD:
        raise _Foreign("its gzip header is another")
    file.seek(0)
    packed = gzip.GzipFile(fileobj=file)
    read, last = 0, ""
    for _ in range(MOST):
        head = packed.read(_BLOCK)
        if head == bytes(_BLOCK):
            break
        name, size = _parsed(head)
        if name <= last:
            raise _Foreign(f"{name!r} stands twice or out of order")
        read, last = read + _BLOCK + size + len(_filling(size)), name
        if read > largest:
            raise _Foreign(f"it holds more than {largest} bytes")
        content = packed.read(size)
        if len(content) < size or packed.read(len(_filling(size))) != _filling(size):
            raise _Foreign(f"{name!r} is cut short")
        yield name, content
    else:
        raise _Foreign(f"it holds more than {MOST} files")
    if head + packed.read(_RECORD + 1) != _end(read):
        raise _Foreign("it does not end as it should")
    if file.read(1):
        raise _Foreign("something follows its end")


def _parsed(head: bytes) -> tuple[str, int]:
    """Name and size of a header that is, byte for byte, as `write_archive` writes it."""
    try:
        member = tarfile.TarInfo.frombuf(head, "ascii", "strict")
        own = _header(member.name, member.size)
    except (tarfile.HeaderError, ValueError, UserError) as error:
        raise _Foreign("a header cannot be read") from error
    if own != head:
        raise _Foreign(f"{member.name!r} is no plain file without owner and date")
    if not is_plain(member.name):
        raise _Foreign(f"{member.name!r} would leave the archive's folder")
    return member.name, member.size


def is_plain(name: str) -> bool:
    """Whether a name stays below the folder that it is read from, on any system."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and name == "/".join(parts)
        and not name.startswith("/")
        and not {"..", "."} & set(parts)
        and all(31 < ord(letter) < 127 and letter not in '\\:*?"<>|' for letter in name)
    )


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    try:
        return member.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    except ValueError as error:
        raise UserError(f"{name}: this name does not fit into an archive; shorten it.") from error


def _filling(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _end(written: int) -> bytes:
    return bytes(2 * _BLOCK + -(written + 2 * _BLOCK) % _RECORD)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(1024**2):
            yield piece
