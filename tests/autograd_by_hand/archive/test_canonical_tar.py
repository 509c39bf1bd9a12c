"""Archives: the same bytes for the same files, and nothing hostile read."""

import gzip
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


def test_tarfile_writes_the_same(archive: Path, tmp_path: Path) -> None:
    members = [(plain(name), content) for name, content in sorted(FILES.items())]
    other = of_members(tmp_path / "t.tar.gz", *members)
    assert gzip.decompress(other.read_bytes()) == gzip.decompress(archive.read_bytes())


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
    with pytest.raises(UserError, match="is no plain file"):
        read(path)


@pytest.mark.parametrize(
    "changes",
    [{"uid": 1}, {"gid": 1}, {"uname": "me"}, {"mtime": 1}, {"mode": 0o755}, {"mode": 0o4644}],
)
def test_a_header_that_says_more_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(UserError, match="is no plain file"):
        read(of_members(tmp_path / "h.tar.gz", (plain("a", **changes), b"x")))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_headers_before_headers_are_refused(tmp_path: Path, form: int) -> None:
    path = of_members(tmp_path / "h.tar.gz", (plain("n" * 300), b"x"), form=form)
    with pytest.raises(UserError):
        read(path)


def test_a_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stands twice"):
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


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical_tar, "MOST", 2)
    path = tmp_path / "m.tar.gz"
    canonical_tar.write_archive(path, {"a": b"", "b": b""})
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
