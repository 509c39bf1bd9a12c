"""Thousands of strange inputs: each is answered by a sentence or by a result, never by a traceback.

The cases are the same at every run, and each test counts its own. `make test` tries a few of them.
"""

import gzip
import hashlib
import io
import json
from collections.abc import Callable
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
from tests.conftest import CONFIG, ROOT, TINY, Project, first_of
from verify import verify

FEW = 8
MANY: list[int] = []  # the numbers of cases of the tests below
FUZZ = settings(
    derandomize=True,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    database=None,
)


def many(number: int) -> pytest.MarkDecorator:
    """Give a test its number of cases: a few, and in `make test-all` that many."""
    MANY.append(number)
    return pytest.mark.parametrize("cases", first_of([FEW, number]))


def fuzz(cases: int, case: Callable[..., None], **strategies: st.SearchStrategy[Any]) -> None:
    """Call `case` with as many examples as there are cases, and see that there were so many."""
    tried = 0

    def counted(**drawn: Any) -> None:
        nonlocal tried
        tried += 1
        case(**drawn)

    settings(FUZZ, max_examples=cases)(given(**strategies)(counted))()
    assert tried >= cases


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
def test_no_changed_archive_is_intact(packed: bytes, place: Path, cases: int) -> None:
    def case(changes) -> None:
        made = changed(packed, changes)
        place.write_bytes(made)
        if judged(place):
            assert gzip.decompress(made) == gzip.decompress(packed)

    fuzz(cases, case, changes=CHANGES)


@many(300)
def test_no_archive_with_changed_files_or_headers_is_intact(
    packed: bytes, place: Path, cases: int
) -> None:
    content = gzip.decompress(packed)

    def case(changes) -> None:
        made = changed(content, changes)
        place.write_bytes(gzip.compress(made, 1, mtime=0))
        assert not judged(place) or made == content

    fuzz(cases, case, changes=CHANGES)


@many(150)
def test_no_file_changed_behind_new_sums_is_intact(
    members: dict[str, bytes], place: Path, cases: int
) -> None:
    manifest = json.loads(members[f"{TINY}/experiments/{TINY}/manifest.json"])
    listed = [f"{TINY}/{file['path']}" for kind in manifest["files"].values() for file in kind]
    sums = f"{TINY}/SHA256SUMS"

    def case(name: str, changes) -> None:
        files = {**members, name: changed(members[name], changes)}
        lines = [
            f"{hashlib.sha256(files[one]).hexdigest()}  {one.partition('/')[2]}\n"
            for one in sorted(files)
            if one != sums
        ]
        files[sums] = "".join(lines).encode()
        write_archive(place, {**files})
        assert not judged(place) or files[name] == members[name]

    names = st.sampled_from([one for one in listed if one in members])
    fuzz(cases, case, name=names, changes=CHANGES)


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
def test_a_forged_program_is_answered(unpacked: Archive, cases: int) -> None:
    """The replay's own files, mutated as JSON, in an archive whose sums are true of them."""

    def case(data: st.DataObject, file: str) -> None:
        folder = unpacked.folder
        path = folder / ("manifest.json" if file == "manifest" else f"work/float32/{file}.json")
        before = path.read_bytes()
        try:
            path.write_text(json.dumps(mutated(json.loads(before), data)))
            lines = list(verify(unpacked))
        finally:
            path.write_bytes(before)
        assert all(isinstance(line, str) for _, line in lines)

    fuzz(cases, case, data=st.data(), file=st.sampled_from(["operations", "orders", "manifest"]))


# --- configs --------------------------------------------------------------------------------------


def loaded(path: Path) -> None:
    with suppress(UserError):
        assert isinstance(load_config(path, ROOT / "experiments/schema.yaml"), dict)


@many(400)
def test_a_mutated_config_is_answered(place: Path, cases: int) -> None:
    path = place.with_name("config.yaml")

    def case(data: st.DataObject) -> None:
        path.write_text(yaml.safe_dump(mutated(yaml.safe_load(CONFIG), data), allow_unicode=True))
        loaded(path)

    fuzz(cases, case, data=st.data())


@many(200)
def test_a_config_of_strange_bytes_is_answered(place: Path, cases: int) -> None:
    path = place.with_name("config.yaml")

    def case(changes) -> None:
        path.write_bytes(changed(CONFIG.encode(), changes))
        loaded(path)

    fuzz(cases, case, changes=CHANGES)


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
def test_whatever_backward_returns_is_answered(cases: int) -> None:
    tensors = {"x": torch.zeros(2, 3), "W": torch.zeros(4, 3)}

    def case(returned: object) -> None:
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

    fuzz(cases, case, returned=RETURNED)


def test_there_are_two_thousand_cases() -> None:
    assert sum(MANY) >= 2000, MANY
