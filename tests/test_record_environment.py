from importlib.metadata import version

import torch

from scripts.lib.files import read_json
from scripts.record_environment import record_environment


def test_the_versions_the_threads_and_the_libraries_are_named(tmp_path):
    record_environment(["numpy", "torch"], tmp_path / "environment.json")
    found = read_json(tmp_path / "environment.json")
    assert found["packages"] == {name: version(name) for name in ("numpy", "torch")}
    assert found["torch"]["threads"] == torch.get_num_threads()
    assert found["torch"]["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert found["numpy"]["blas"]


def test_two_records_are_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        record_environment(["numpy"], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
