from importlib.metadata import version

import torch

from autograd_by_hand.core.files import read_json
from record_environment import record_environment


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


def test_a_gpu_is_named_where_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    record_environment(["torch"], tmp_path / "environment.json")
    assert read_json(tmp_path / "environment.json")["torch"]["gpu"] == "NVIDIA H200, CUDA 13.0"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    record_environment(["torch"], tmp_path / "environment.json")
    assert read_json(tmp_path / "environment.json")["torch"]["gpu"] is None
