"""How a report was made: the libraries and the machine."""

from dataclasses import dataclass

from autograd_by_hand.report.measurements import Measurements


@dataclass(frozen=True)
class Provenance:
    """Versions, and the hardware and libraries of torch and numpy.

    gpu: None if none may be used
    """

    python: str
    packages: dict[str, str]
    libraries: list[str]
    cpu_capability: str
    threads: int
    gpu: str | None
    blas: str
    blas_version: str


def provenance_of(measured: Measurements) -> Provenance:
    """Return what record_environment recorded."""
    environment = measured.environment
    torch, numpy = environment["torch"], environment["numpy"]
    return Provenance(
        python=environment["python"],
        packages=environment["packages"],
        libraries=torch["libraries"],
        cpu_capability=torch["cpu_capability"],
        threads=torch["threads"],
        gpu=torch["gpu"],
        blas=numpy["blas"],
        blas_version=numpy["version"],
    )
