"""Thousands of strange inputs: each is answered by a sentence or by a result, never by a traceback.

The cases are the same at every run, and so is their number, which the last test counts.
"""

import gzip
import hashlib
import io
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograd_by_hand.archive.canonical_tar import read_archive, write_archive
from autograd_by_hand.archive.reader import Archive, opened
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.config import load_config
from autograd_by_hand.experiment.returned_values import check_gradients
from tests.conftest import CONFIG, ROOT, TINY, Project
from verify import verify

CASES = Counter[str]()
FUZZ = settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    database=None,
)


def many(number: int) -> settings:
    return settings(FUZZ, max_examples=number)


# --- archives -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(archived: Project) -> bytes:
    return archived.archive.read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / f"{TINY}.tar.gz"


@pytest.fixture(scope="module")
def members(archived: Project) -> dict[str, bytes]:
    return dict(read_archive(archived.archive))


def judged(path: Path) -> bool | None:
    """Whether an archive is found intact; None if it is refused."""
    try:
        with opened(path) as archive:
            return all(good for good, _ in verify(archive))
    except UserError:
        return None


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "drop", "add"]),
        st.floats(0, 1),
        st.binary(min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=4,
)


def changed(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    made = bytearray(content)
    for kind, where, data in changes:
        at = int(where * max(0, len(made) - 1))
        match kind:
            case "flip" if made:
                made[at] ^= data[0] or 1
            case "cut":
                del made[at:]
            case "drop":
                del made[at : at + len(data)]
            case "add":
                made[at:at] = data
    return bytes(made)


@many(700)
@given(changes=CHANGES)
def test_no_changed_archive_is_intact(packed: bytes, place: Path, changes) -> None:
    CASES["archive"] += 1
    made = changed(packed, changes)
    place.write_bytes(made)
    if judged(place):
        assert gzip.decompress(made) == gzip.decompress(packed)


@many(300)
@given(changes=CHANGES)
def test_no_archive_with_changed_files_or_headers_is_intact(
    packed: bytes, place: Path, changes
) -> None:
    CASES["archive"] += 1
    content = gzip.decompress(packed)
    made = changed(content, changes)
    place.write_bytes(gzip.compress(made, 1, mtime=0))
    assert not judged(place) or made == content


@many(150)
@given(data=st.data())
def test_no_file_changed_behind_new_sums_is_intact(
    members: dict[str, bytes], place: Path, data: st.DataObject
) -> None:
    CASES["archive"] += 1
    files: dict[str, bytes | Path] = {**members}
    manifest = json.loads(bytes_of(files, f"{TINY}/experiments/{TINY}/manifest.json"))
    listed = [f"{TINY}/{file['path']}" for kind in manifest["files"].values() for file in kind]
    name = data.draw(st.sampled_from([one for one in listed if one in files]))
    before = bytes_of(files, name)
    files[name] = changed(before, data.draw(CHANGES))
    sums = f"{TINY}/SHA256SUMS"
    lines = [
        f"{hashlib.sha256(bytes_of(files, one)).hexdigest()}  {one.partition('/')[2]}\n"
        for one in sorted(files)
        if one != sums
    ]
    files[sums] = "".join(lines).encode()
    write_archive(place, files)
    assert not judged(place) or files[name] == before


def bytes_of(files: dict[str, bytes | Path], name: str) -> bytes:
    content = files[name]
    assert isinstance(content, bytes)
    return content


@pytest.fixture(scope="module")
def unpacked(archived: Project):
    with opened(archived.archive) as archive:
        yield archive


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


def mutated(value: Any, data: st.DataObject) -> Any:
    """A structure with something in it replaced, added or left out."""
    inside = isinstance(value, dict | list) and len(value)
    if not inside or data.draw(st.integers(0, 9)) == 0:
        return data.draw(VALUES)
    made = value.copy()
    key = data.draw(st.sampled_from([*made] if isinstance(made, dict) else range(len(made))))
    match data.draw(st.sampled_from([*["inside"] * 4, "remove", "rename"])):
        case "inside":
            made[key] = mutated(made[key], data)
        case "remove":
            del made[key]
        case "rename" if isinstance(made, dict):
            made[data.draw(st.text(max_size=5))] = made.pop(key)
        case _:
            made.reverse()
    return made


@many(300)
@given(data=st.data(), file=st.sampled_from(["operations", "orders", "manifest"]))
def test_a_forged_program_is_answered(unpacked: Archive, data: st.DataObject, file: str) -> None:
    """The replay's own files, mutated as JSON, in an archive whose sums are true of them."""
    CASES["program"] += 1
    folder = unpacked.folder
    path = folder / ("manifest.json" if file == "manifest" else f"work/float32/{file}.json")
    before = path.read_bytes()
    try:
        path.write_text(json.dumps(mutated(json.loads(before), data)))
        lines = list(verify(unpacked))
    finally:
        path.write_bytes(before)
    assert all(isinstance(line, str) for _, line in lines)


# --- configs --------------------------------------------------------------------------------------


def loaded(path: Path) -> None:
    with suppress(UserError):
        assert isinstance(load_config(path, ROOT / "experiments/schema.yaml"), dict)


@many(400)
@given(data=st.data())
def test_a_mutated_config_is_answered(place: Path, data: st.DataObject) -> None:
    CASES["config"] += 1
    path = place.with_name("config.yaml")
    path.write_text(yaml.safe_dump(mutated(yaml.safe_load(CONFIG), data), allow_unicode=True))
    loaded(path)


@many(200)
@given(changes=CHANGES)
def test_a_config_of_strange_bytes_is_answered(place: Path, changes) -> None:
    CASES["config"] += 1
    path = place.with_name("config.yaml")
    path.write_bytes(changed(CONFIG.encode(), changes))
    loaded(path)


# --- what backward returns ------------------------------------------------------------------------

DTYPES = [torch.float32, torch.float64, torch.float16, torch.int64, torch.bool, torch.complex64]
SHAPES = st.lists(st.integers(0, 3), max_size=3)
TENSORS = st.builds(
    lambda shape, dtype: torch.zeros(shape, dtype=dtype), SHAPES, st.sampled_from(DTYPES)
)
ODD = st.sampled_from(
    [
        torch.zeros(2, 3).to_sparse(),
        torch.zeros(2, 3, device="meta"),
        torch.zeros(1).expand(2, 3),
        torch.full((2, 3), float("nan")),
        torch.zeros(2, 3, requires_grad=True),
        torch.nn.Parameter(torch.zeros(2, 3)),
        torch.float32,
        object(),
        dict,
        io.StringIO(),
    ]
)
RETURNED = (
    st.dictionaries(
        st.sampled_from(["x", "W", "dx", "", "y"]) | st.text(max_size=3),
        TENSORS | ODD | VALUES,
        max_size=4,
    )
    | VALUES
    | TENSORS
    | ODD
)


def backward(x, W):
    """Stands for the author's, so that there is a line to name."""


@many(500)
@given(returned=RETURNED)
def test_whatever_backward_returns_is_answered(returned: object) -> None:
    CASES["backward"] += 1
    tensors = {"x": torch.zeros(2, 3), "W": torch.zeros(4, 3)}
    try:
        good, refused = check_gradients(
            returned, backward, Path("backward.py"), tensors, ["x", "W"]
        )
    except UserError:
        assert not isinstance(returned, dict)
        return
    assert good.keys() | refused.keys() >= {"x", "W"}
    assert not good.keys() & refused.keys()
    for name, gradient in good.items():
        assert (gradient.shape, gradient.dtype) == (tensors[name].shape, tensors[name].dtype)
        assert gradient.clone().numpy().shape == gradient.shape


def test_there_were_two_thousand_cases() -> None:
    assert CASES.total() >= 2000, CASES
