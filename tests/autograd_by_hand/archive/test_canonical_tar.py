"""Archives: the same bytes for the same files, and nothing hostile read."""

import gzip
import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from autograd_by_hand.archive import canonical_tar
from autograd_by_hand.core.errors import UserError

FILES = {"top/b.txt": b"hello\n", "top/a.bin": bytes(1000), "top/c/d": b""}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    canonical_tar.write_archive(tmp_path / "a.tar.gz", {**FILES})
    return tmp_path / "a.tar.gz"


def read(path: Path, **limits: int) -> dict[str, bytes]:
    return dict(canonical_tar.read_archive(path, **limits))


def of_members(
    path: Path, *members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT
) -> Path:
    """An archive as tarfile writes it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=form) as out:
        for member, data in members:
            member.size = member.size or len(data)
            out.addfile(member, io.BytesIO(data))
    path.write_bytes(gzip.compress(content.getvalue(), mtime=0))
    return path


def plain(name: str, **changes: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for field, value in changes.items():
        setattr(member, field, value)
    return member


def test_what_is_written_is_read(archive: Path) -> None:
    assert read(archive) == FILES


def test_an_archive_may_end_anywhere_in_a_record(tmp_path: Path) -> None:
    for blocks in range(tarfile.RECORDSIZE // tarfile.BLOCKSIZE + 1):
        files = {"a": bytes(blocks * tarfile.BLOCKSIZE)}
        canonical_tar.write_archive(tmp_path / "a.tar.gz", {**files})
        assert read(tmp_path / "a.tar.gz") == files


def test_the_order_and_the_place_change_no_byte(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"hello\n")
    turned: dict[str, Path | bytes] = dict(reversed(FILES.items()))
    turned |= {"top/b.txt": tmp_path / "b.txt"}
    canonical_tar.write_archive(tmp_path / "elsewhere.tar.gz", turned)
    assert (tmp_path / "elsewhere.tar.gz").read_bytes() == archive.read_bytes()


def test_the_system_reads_it(archive: Path) -> None:
    listed = subprocess.run(["tar", "tvzf", archive], capture_output=True, text=True, check=True)
    lines = [line.split() for line in listed.stdout.splitlines()]
    assert [line[-1] for line in lines] == sorted(FILES)
    assert {(line[0], line[1]) for line in lines} == {("-rw-r--r--", "0/0")}


def test_the_unpacked_bytes_are_what_they_have_always_been(archive: Path) -> None:
    unpacked = hashlib.sha256(gzip.decompress(archive.read_bytes())).hexdigest()
    assert unpacked == "d189a2040e4476eb4eab21b1f37f4fc13fdf288b3312b53e0a6aa65986f232a3"


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../up",
        "top/../../up",
        "top/./a",
        "top//a",
        "a\\b",
        "c:a",
        "top/a\n",
        "./a",
        "a/",
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = of_members(tmp_path / "h.tar.gz", (plain(name), b"x"))
    with pytest.raises(UserError):
        read(path)


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.DIRTYPE,
        tarfile.CONTTYPE,
    ],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = of_members(tmp_path / "h.tar.gz", (plain("a", type=kind, linkname="/etc/passwd"), b""))
    with pytest.raises(UserError, match="is not a plain file"):
        read(path)


@pytest.mark.parametrize(
    "changes",
    [{"uid": 1}, {"gid": 1}, {"uname": "me"}, {"mtime": 1}, {"mode": 0o755}, {"mode": 0o4644}],
)
def test_a_header_that_says_more_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(UserError, match="is not a plain file"):
        read(of_members(tmp_path / "h.tar.gz", (plain("a", **changes), b"x")))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_headers_before_headers_are_refused(tmp_path: Path, form: int) -> None:
    path = of_members(tmp_path / "h.tar.gz", (plain("n" * 300), b"x"), form=form)
    with pytest.raises(UserError):
        read(path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="occurs twice"):
        read(of_members(tmp_path / "h.tar.gz", (plain("a"), b"x"), (plain("a"), b"y")))


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = of_members(tmp_path / "h.tar.gz", (plain("a"), bytes(10**6)))
    assert path.stat().st_size < 10**4
    with pytest.raises(UserError, match="holds more than 10000 bytes"):
        read(path, largest=10**4)


def test_a_size_that_is_a_lie_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "h.tar.gz"
    header = plain("a", size=8 * 10**9).tobuf(tarfile.USTAR_FORMAT)
    path.write_bytes(gzip.compress(header + bytes(4096), mtime=0))
    with pytest.raises(UserError, match="holds more than"):
        read(path)


def with_size(size: bytes) -> bytes:
    """A header whose size is told by 12 bytes of one's own, and whose checksum is right."""
    header = bytearray(plain("a").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize(
    "size",
    [
        b"\xff" * 12,
        b"\xff" * 10 + b"\xfe\x00",
        b"\x80" + b"\xff" * 11,
        b"-0000001000\0",
        b"00000000999\0",
        b"\0" * 12,
        b" " * 12,
    ],
    ids=repr,
)
def test_a_size_that_is_none_is_refused(tmp_path: Path, size: bytes) -> None:
    path = tmp_path / "h.tar.gz"
    path.write_bytes(gzip.compress(with_size(size) + bytes(9728), mtime=0))
    with pytest.raises(UserError):
        read(path)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K", b"S"])
def test_a_header_about_the_next_is_refused_before_its_content_is_read(
    tmp_path: Path, kind: bytes
) -> None:
    path = tmp_path / "h.tar.gz"
    header = plain("a", type=kind, size=10**9).tobuf(tarfile.USTAR_FORMAT)
    path.write_bytes(gzip.compress(header, mtime=0))  # whoever reads on finds the end of the file
    with pytest.raises(UserError, match="is not a plain file"):
        read(path)


def test_a_header_that_cannot_be_read_ends_nothing_quietly(archive: Path) -> None:
    content = bytearray(gzip.decompress(archive.read_bytes()))
    content[1536 + 150] ^= 1  # in the second header's checksum
    archive.write_bytes(gzip.compress(content, mtime=0))
    with pytest.raises(UserError):
        read(archive)


def test_a_name_that_is_no_ascii_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        read(of_members(tmp_path / "h.tar.gz", (plain("\u202egpj.py"), b"x")))


def test_folders_within_folders_are_limited(tmp_path: Path) -> None:
    path = tmp_path / "d.tar.gz"
    canonical_tar.write_archive(path, {"a/" * canonical_tar.DEEPEST + "b": b""})
    assert len(read(path)) == 1
    canonical_tar.write_archive(path, {"a/" * canonical_tar.DEEPEST + "a/b": b""})
    with pytest.raises(UserError, match="folders deep"):
        read(path)


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical_tar, "MOST", 2)
    path = tmp_path / "m.tar.gz"
    canonical_tar.write_archive(path, {"a": b"", "b": b""})
    assert read(path) == {"a": b"", "b": b""}
    canonical_tar.write_archive(path, {"a": b"", "b": b"", "c": b""})
    with pytest.raises(UserError, match="more than 2 files"):
        read(path)


def test_what_follows_the_end_is_refused(archive: Path) -> None:
    whole = archive.read_bytes()
    for more in (b"x", gzip.compress(b"more", mtime=0), gzip.compress(bytes(1), mtime=0)):
        archive.write_bytes(whole + more)
        with pytest.raises(UserError):
            read(archive)


def test_what_hides_in_the_fillings_is_refused(archive: Path) -> None:
    content = bytearray(gzip.decompress(archive.read_bytes()))
    for place in (512 + 1000 + 5, len(content) - 1):
        changed = content.copy()
        assert changed[place] == 0
        changed[place] = 1
        archive.write_bytes(gzip.compress(changed, mtime=0))
        with pytest.raises(UserError):
            read(archive)


@pytest.mark.parametrize(("name", "time"), [("hidden", 0), ("", 9)])
def test_a_gzip_header_that_says_more_is_refused(archive: Path, name: str, time: int) -> None:
    content = gzip.decompress(archive.read_bytes())
    with archive.open("wb") as file, gzip.GzipFile(name, "wb", 6, file, time) as out:
        out.write(content)
    with pytest.raises(UserError, match="gzip header"):
        read(archive)


@pytest.mark.parametrize("length", [0, 5, 30, -1, -9])
def test_a_cut_archive_is_refused(archive: Path, length: int) -> None:
    archive.write_bytes(archive.read_bytes()[:length])
    with pytest.raises(UserError):
        read(archive)


def test_a_missing_archive_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.tar.gz")


def test_a_name_too_long_for_an_archive_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="shorten it"):
        canonical_tar.write_archive(tmp_path / "a.tar.gz", {"n" * 300: b""})
