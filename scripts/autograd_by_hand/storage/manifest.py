"""What a manifest.json says of an experiment, as far as it is read again.

archive/manifest.schema.json says what else it holds, and an untrusted one is held against that.
"""

from typing import NotRequired, TypedDict

from autograd_by_hand.experiment.settings import Languages
from autograd_by_hand.storage.attribution import Share


class ListedFile(TypedDict):
    """A file: its path from the project's root, its size and its hash."""

    path: str
    bytes: int
    sha256: str


class Titled(Languages):
    """What the index of experiments says of a config."""

    title: str
    question: str


class TorchBuild(TypedDict):
    """What torch computes with.

    gpu: which GPU the author's files may use, or null
    """

    cpu_capability: str
    threads: int
    libraries: list[str]
    gpu: str | None


class NumpyBuild(TypedDict):
    """The library that numpy multiplies matrices with, and its version."""

    blas: str
    version: str


class Environment(TypedDict):
    """What the numbers depend on besides the inputs, as record_environment writes it.

    settings: variables that choose kernels
    packages: versions by name
    """

    python: str
    machine: str
    processor: str
    settings: dict[str, str]
    packages: dict[str, str]
    torch: TorchBuild
    numpy: NumpyBuild


class ListedCriterion(TypedDict):
    """A criterion of acceptance, what was measured of it, and whether it holds."""

    criterion: str
    measured: str
    holds: bool


class ListedMistake(TypedDict):
    """The likeliest mistake behind a gradient that is not right."""

    name: str


class ListedVerdict(TypedDict):
    """The verdict on a gradient in a format."""

    gradient: str
    dtype: str
    outcome: str
    reason: str
    diagnosis: ListedMistake | None


class ListedReplay(TypedDict):
    """How many elements of a tensor the replay meets in a format."""

    dtype: str
    tensor: str
    data: str
    elements: int
    identical: int


class ListedShare(Share):
    """A factor's share of a gradient's difference in a format."""

    dtype: str


class ListedOrder(TypedDict):
    """An order of additions, in the notation that the manifest explains."""

    tree: str
    fused: NotRequired[str | None]
    from_zero: NotRequired[bool]


class ListedKernel(TypedDict):
    """The orders of a kernel, and which of them a position of its result has.

    refused: why it has none, or null
    """

    refused: str | None
    orders: NotRequired[list[ListedOrder]]
    which: NotRequired[list[tuple[int, list[tuple[int, int]]]]]


class ListedSum(TypedDict):
    """An operation that adds: its operands, among them the layouts of tensors, and its orders."""

    dtype: str
    op: str
    args: NotRequired[list[object]]
    torch: NotRequired[ListedKernel | None]
    numpy: NotRequired[ListedKernel | None]


class ListedMissing(TypedDict):
    """A part that could not be computed: the stage that failed, and the reason."""

    stage: str
    dtype: str | None
    words: str


class Manifest(TypedDict):
    """A manifest.

    missing: the parts that could not be computed; older manifests have no such list
    files: by kind: written, code, intermediate and output
    """

    experiment: str
    config: Titled
    dtypes: list[str]
    environment: Environment
    acceptance: list[ListedCriterion]
    verdicts: list[ListedVerdict]
    missing: NotRequired[list[ListedMissing]]
    replay: list[ListedReplay]
    attribution: list[ListedShare]
    orders: list[ListedSum]
    files: dict[str, list[ListedFile]]
