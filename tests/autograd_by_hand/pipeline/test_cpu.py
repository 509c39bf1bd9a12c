from autograd_by_hand.pipeline import cpu


def test_variables_that_choose_kernels_are_settings(monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert cpu.settings()["MKL_CBWR"] == "COMPATIBLE"
    assert list(cpu.settings()) == sorted(cpu.settings())


def test_numbers_of_threads_and_other_variables_are_none(monkeypatch):
    for name in ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LANG", "HOME"):
        monkeypatch.setenv(name, "1")
        assert name not in cpu.settings()


def test_the_processor_is_named_the_same_every_time():
    assert cpu.processor() == cpu.processor() != ""


def test_without_cpuinfo_the_system_is_asked(monkeypatch, tmp_path):
    monkeypatch.setattr(cpu, "CPUINFO", tmp_path / "absent")
    assert cpu.processor()


def test_other_features_are_another_processor(monkeypatch, tmp_path):
    monkeypatch.setattr(cpu, "CPUINFO", tmp_path / "cpuinfo")
    names = []
    for flags in ("fpu avx2", "fpu avx2 avx512f", "avx2 fpu"):
        (tmp_path / "cpuinfo").write_text(f"model name\t: A processor\nflags\t: {flags}\n")
        names.append(cpu.processor())
    assert names[0].startswith("A processor, features ")
    assert names[0] == names[2] != names[1]
