import json
import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import atomic_path, read_json, sha256, write_json, write_text


class Crash(BaseException):
    """Not an Exception, as an interrupt is none."""


@pytest.mark.parametrize("error", [ValueError, Crash, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_path(path) as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@given(old=st.binary(), new=st.binary(), at=st.integers(0, 10))
def test_whatever_is_written_before_an_error_the_old_bytes_stay(old, new, at):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(old)
        with pytest.raises(OSError), atomic_path(path) as temporary:  # noqa: PT012
            temporary.write_bytes(new[:at])
            raise OSError
        assert path.read_bytes() == old
        assert list(Path(folder).iterdir()) == [path]


def test_an_error_makes_no_file_where_there_was_none(tmp_path):
    with pytest.raises(ValueError), atomic_path(tmp_path / "file"):
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_a_reader_sees_the_old_file_until_the_block_ends(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_lies_on_the_same_disk_beside_the_path(tmp_path):
    with atomic_path(tmp_path / "file") as temporary:
        assert temporary.parent == tmp_path


def test_missing_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "file", "text")
    assert (tmp_path / "a" / "b" / "file").read_text() == "text"


def test_a_name_that_is_a_folder_is_an_error_that_leaves_nothing(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError):
        write_text(tmp_path / "file", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_file_has_the_permissions_of_any_other_new_file(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "file", "text")
        assert os.umask(umask) == umask  # and the umask is still the user's
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_text_is_utf_8_and_its_line_ends_are_its_own(tmp_path):
    write_text(tmp_path / "file", "é\n\r\n")
    assert (tmp_path / "file").read_bytes() == b"\xc3\xa9\n\r\n"


def test_json_is_indented_ends_in_a_newline_and_keeps_the_order_of_keys(tmp_path):
    write_json(tmp_path / "file", {"b": [1], "a": "é"})
    text = (tmp_path / "file").read_text(encoding="utf-8")
    assert text == '{\n  "b": [\n    1\n  ],\n  "a": "é"\n}\n'


@pytest.mark.parametrize(
    ("value", "text"), [(math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")]
)
def test_what_json_has_no_number_for_is_written_as_text(tmp_path, value, text):
    write_json(tmp_path / "file", {"outer": [{"inner": (value, 1.5)}]})
    assert read_json(tmp_path / "file") == {"outer": [{"inner": [text, 1.5]}]}


def test_a_value_that_json_cannot_hold_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "file", "old")
    with pytest.raises(TypeError):
        write_json(tmp_path / "file", {1, 2})
    assert read_json(tmp_path / "file") == "old"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_json_reads_back_as_what_was_written(value):
    with tempfile.TemporaryDirectory() as folder:
        write_json(Path(folder, "file"), value)
        assert read_json(Path(folder, "file")) == value
        assert json.loads(Path(folder, "file").read_text(encoding="utf-8")) == value


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b"[" * 10**5, b'{"a":' * 10**5, b"1" * 10**4, b"[1] 2"],
    ids=lambda content: str(content[:9]),
)
def test_what_is_no_json_is_a_sentence(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(
        UserError, match=r"is damaged .*; delete it and run snakemake again"
    ) as error:
        read_json(tmp_path / "file")
    assert isinstance(error.value, ValueError)
    assert len(str(error.value)) < 300


def test_a_mapping_that_only_looks_like_a_message_is_read_as_it_is(tmp_path):
    value = {"text": "{x.__class__}", "values": {"x": {"text": "{x}", "values": {"x": 1}}}}
    (tmp_path / "file").write_text(json.dumps(value))
    assert read_json(tmp_path / "file") == value | {"values": {"x": "1"}}


@pytest.mark.parametrize(
    ("content", "digest"),
    [  # FIPS 180-4's own examples
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_a_hash_is_the_sha_256_of_the_bytes(tmp_path, content, digest):
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == digest
