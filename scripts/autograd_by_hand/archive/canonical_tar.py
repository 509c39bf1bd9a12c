"""Write canonical tar archives, whose bytes follow from the files in them, and read untrusted ones.

Written archives contain only regular files, sorted by name, with mode 0644, owner 0, time 0 and
USTAR headers, compressed by gzip without name and time.

An archive to read is untrusted. Python's tarfile reads it as a stream and gets only headers as they
are written here: a link, a device, a header on the next header or a negative size ends the reading
before tarfile acts on it. Number, sizes, depth and names of the files are checked before they are
used, nothing is written to disk, and the unpacked bytes must be the same as if the files were
packed again.
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Self

from autograd_by_hand.core.errors import UserError

LARGEST = 2 * 1024**3  # bytes unpacked, of the whole archive
MOST = 10_000  # files
DEEPEST = 32  # nested folders
_FORMAT: Final = tarfile.USTAR_FORMAT
_ENCODING, _ERRORS = "ascii", "strict"
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"  # RFC 1952: deflate, no flags, no time


def write_archive(path: Path, files: dict[str, Path | bytes]) -> None:
    """Write an archive; the same files give the same bytes.

    files: the path or the content of each file, by its name in the archive

    Raises
        UserError: if a name does not fit a tar header (100 bytes, and 155 more for folders).
        OSError: if a file cannot be read, or the archive cannot be written.
    """
    with (
        path.open("wb") as out,
        gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=6) as packed,
        _writer(packed) as tar,
    ):
        for name in sorted(files):
            content = files[name]
            with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
                try:
                    tar.addfile(_header(name, file.seek(0, io.SEEK_END)), _rewound(file))
                except ValueError as error:
                    raise UserError(
                        f"{name}: this name does not fit into an archive; shorten it."
                    ) from error


def read_archive(path: Path, largest: int = LARGEST) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file of an archive.

    largest: how many bytes the unpacked archive may have

    Raises
        UserError: if it is not an archive as `write_archive` writes them, or exceeds `largest`,
            MOST or DEEPEST. The files yielded before the error must not be trusted either.
    """
    try:
        with path.open("rb") as file:
            yield from _files(file, largest)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{path}: is not a complete gzip file ({error}).") from error
    except (_Foreign, tarfile.TarError) as error:
        raise UserError(f"{path}: is not an archive of an experiment: {error}.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from error


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


class _Foreign(Exception):
    """An archive has something that `write_archive` would not have written."""


class _Header(tarfile.TarInfo):
    """A header that is byte for byte as `write_archive` writes it."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            member = super().frombuf(buf, encoding, errors)
            same = _header(member.name, member.size).tobuf(_FORMAT, encoding, errors) == buf
        except ValueError as error:
            raise _Foreign("a header cannot be read") from error
        if not same:
            raise _Foreign(f"{member.name!r} is not a plain file without owner and date")
        if not is_plain(member.name):
            raise _Foreign(f"{member.name!r} would leave the archive's folder")
        if member.name.count("/") > DEEPEST:
            raise _Foreign(f"{member.name!r} lies more than {DEEPEST} folders deep")
        return member


class _Hashed(io.RawIOBase):
    """A stream that hashes the bytes that tarfile reads from it or writes to it."""

    def __init__(self, source: gzip.GzipFile | None = None) -> None:
        super().__init__()
        self._source, self._hash = source, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        piece = self._source.read(size) if self._source else b""
        self._hash.update(piece)
        return piece

    def write(self, piece: Any, /) -> int:
        self._hash.update(piece)
        return len(piece)

    def digest(self) -> bytes:
        return self._hash.digest()


def _files(file: IO[bytes], largest: int) -> Iterator[tuple[str, bytes]]:
    if file.read(len(_HEAD)) != _HEAD:
        raise _Foreign("its gzip header is not canonical")
    file.seek(0)
    packed = gzip.GzipFile(fileobj=file)
    found, own, last = _Hashed(packed), _Hashed(), ""
    with _reader(found) as tar, _writer(own) as again:
        for number, member in enumerate(tar):
            if number == MOST:
                raise _Foreign(f"it holds more than {MOST} files")
            if member.name <= last:
                raise _Foreign(f"{member.name!r} occurs twice or out of order")
            if member.offset_data + member.size > largest:
                raise _Foreign(f"it holds more than {largest} bytes")
            read = tar.extractfile(member)
            content = read.read() if read else b""
            again.addfile(_header(member.name, member.size), io.BytesIO(content))
            yield member.name, content
            last = member.name
    found.read(tarfile.RECORDSIZE)  # tarfile stops after the first empty block of the end
    if found.digest() != own.digest():
        raise _Foreign("its end is not canonical, or there are other bytes between its files")
    if packed.read(1) or file.read(1):
        raise _Foreign("something follows its end")


def _reader(source: _Hashed) -> tarfile.TarFile:
    return tarfile.open(
        fileobj=source, mode="r|", tarinfo=_Header, encoding=_ENCODING, errors=_ERRORS
    )


def _writer(out: _Hashed | gzip.GzipFile) -> tarfile.TarFile:
    return tarfile.open(fileobj=out, mode="w|", format=_FORMAT, encoding=_ENCODING, errors=_ERRORS)


def _header(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


def _rewound(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file
