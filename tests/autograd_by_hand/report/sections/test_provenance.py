from autograd_by_hand.report.sections.provenance import Provenance, provenance_of
from tests.autograd_by_hand.report.made_up import measurements


def test_it_names_what_torch_and_numpy_compute_with():
    environment = {
        "python": "3.11.7",
        "packages": {"torch": "2.13.0"},
        "torch": {"cpu_capability": "AVX2", "threads": 1, "libraries": ["MKL"], "gpu": None},
        "numpy": {"blas": "openblas", "version": "0.3"},
    }
    assert provenance_of(measurements(environment=environment)) == Provenance(
        "3.11.7", {"torch": "2.13.0"}, ["MKL"], "AVX2", 1, None, "openblas", "0.3"
    )
