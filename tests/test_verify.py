"""Verifying: what is intact, what is not, and what a forged archive cannot do."""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autograd_by_hand.archive.canonical_tar import read_archive, write_archive
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from tests.conftest import ROOT, TINY, Project

FOLDER = f"{TINY}/experiments/{TINY}"
Files = dict[str, bytes]


def run_verify(*paths: Path, command: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *(command or ["scripts/verify.py"]), *map(str, paths)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def files(archived: Project) -> Files:
    return dict(read_archive(archived.archive))


@pytest.fixture
def repacked(tmp_path: Path) -> Callable[[Files], Path]:
    def write(files: Files) -> Path:
        write_archive(tmp_path / f"{TINY}.tar.gz", {**files})
        return tmp_path / f"{TINY}.tar.gz"

    return write


def signed(files: Files, manifest: bool = False) -> Files:
    """The files with sums that are true of them; on demand the manifest's too."""
    made = files.copy()
    if manifest:
        listed = json.loads(made[f"{FOLDER}/manifest.json"])
        for file in [file for kind in listed["files"].values() for file in kind]:
            if (content := made.get(f"{TINY}/{file['path']}")) is not None:
                file |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        made[f"{FOLDER}/manifest.json"] = json.dumps(listed).encode()
    names = sorted(name for name in made if not name.endswith("/SHA256SUMS"))
    lines = [
        f"{hashlib.sha256(made[name]).hexdigest()}  {name.partition('/')[2]}\n" for name in names
    ]
    made[f"{TINY}/SHA256SUMS"] = "".join(lines).encode()
    return made


def test_an_archive_is_intact_and_its_bits_are_met(archived: Project, files: Files) -> None:
    run = run_verify(archived.archive)
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert {line.split()[0] for line in lines[:-1]} == {"origin", "intact", "replay"}
    assert len([line for line in lines if line.startswith("intact ")]) == len(files) - 1
    for dtype in ("float64", "float32"):
        assert f"replay  {dtype} dx: 18 of 18 elements have the archived bits" in lines
        assert f"replay  {dtype} dW: 36 of 36 elements have the archived bits" in lines
    digest = hashlib.sha256(archived.archive.read_bytes()).hexdigest()
    assert lines[-1] == f"{archived.archive}: intact; its SHA-256 is {digest}"


def test_a_folder_is_intact(archived: Project) -> None:
    run = run_verify(archived.folder)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "replay  float32 dW: 36 of 36 elements have the archived bits" in run.stdout
    assert run.stdout.endswith(f"{archived.folder}: intact\n")


def test_a_recorded_run_is_refused(archived: Project, tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / TINY / "recorded"
    folder.mkdir(parents=True)
    shutil.copy(archived.folder / "manifest.json", folder)
    run = run_verify(folder)
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith(
        f"verify: experiments/{TINY}/recorded: a recorded run has no inputs"
    )


def test_an_unpacked_archive_is_a_folder_that_left_out_what_follows(
    archived: Project, tmp_path: Path
) -> None:
    shutil.unpack_archive(archived.archive, tmp_path, filter="data")
    run = run_verify(tmp_path / TINY / "experiments" / TINY)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"missing experiments/{TINY}/work/float32/noise.safetensors" in run.stdout


ALONE = """\
import runpy, sys
sys.path.insert(0, "scripts")  # as Python does for a script
for name in ("torch", "pandas", "ml_dtypes", "safetensors", "jinja2", "snakemake", "yaml", "jsonschema"):
    sys.modules[name] = None
sys.argv = [sys.argv[1], *sys.argv[2:]]
sys.path.insert(0, "scripts")
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_it_needs_numpy_alone(archived: Project) -> None:
    run = run_verify(archived.archive, command=["-c", ALONE, "scripts/verify.py"])
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_changed_file_is_named(files: Files, repacked: Callable[[Files], Path]) -> None:
    files[f"{FOLDER}/errors.csv"] += b"\n"
    run = run_verify(repacked(files))
    assert run.returncode == 1
    assert f"changed experiments/{TINY}/errors.csv\n" in run.stdout
    assert "replay  not tried, since files are changed" in run.stdout
    assert ": NOT intact; " in run.stdout


def test_a_missing_file_is_named(files: Files, repacked: Callable[[Files], Path]) -> None:
    del files[f"{FOLDER}/REPORT.md"]
    run = run_verify(repacked(files))
    assert run.returncode == 1
    assert f"missing experiments/{TINY}/REPORT.md\n" in run.stdout


def test_an_extra_file_is_named(files: Files, repacked: Callable[[Files], Path]) -> None:
    files[f"{TINY}/scripts/extra.py"] = b"raise SystemExit\n"
    run = run_verify(repacked(files))
    assert run.returncode == 1
    assert "extra   scripts/extra.py\n" in run.stdout


def test_sums_made_anew_are_held_against_the_manifest(
    files: Files, repacked: Callable[[Files], Path]
) -> None:
    files[f"{FOLDER}/REPORT.md"] += b"All is well.\n"
    run = run_verify(repacked(signed(files)))
    assert run.returncode == 1
    assert f"changed experiments/{TINY}/REPORT.md: the manifest has another hash" in run.stdout


def test_a_file_left_out_of_the_sums_as_well_is_missed_by_the_manifest(
    files: Files, repacked: Callable[[Files], Path]
) -> None:
    del files[f"{FOLDER}/errors.csv"]
    run = run_verify(repacked(signed(files)))
    assert run.returncode == 1
    assert f"missing experiments/{TINY}/errors.csv: the manifest lists it" in run.stdout


@pytest.mark.parametrize(
    ("file", "missed"),
    [
        ("draws.safetensors", ("dx", "dW")),
        ("float32/gradients.safetensors", ("dW",)),
    ],
)
def test_forged_bits_are_found_by_the_replay_whatever_the_sums_say(
    files: Files, repacked: Callable[[Files], Path], file: str, missed: tuple[str, ...]
) -> None:
    content = bytearray(files[f"{FOLDER}/work/{file}"])
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    key = "trial/W" if "draws" in file else "autograd/trial/dW"
    content[8 + size + header[key]["data_offsets"][0] + 2] ^= 1
    files[f"{FOLDER}/work/{file}"] = bytes(content)
    run = run_verify(repacked(signed(files, manifest=True)))
    assert run.returncode == 1
    for name in missed:
        (line,) = (line for line in run.stdout.splitlines() if f"float32 {name}:" in line)
        met, elements = line.split()[3:6:2]
        assert int(met) < int(elements)
    assert ": NOT intact; " in run.stdout


HOSTILE = {
    "no format": lambda program: program.clear(),
    "no calls": lambda program: program["autograd"].update(calls=[]),
    "a huge tensor": lambda program: program["autograd"]["calls"].insert(
        0,
        {
            "op": "aten.empty.memory_format",
            "args": [[10**6, 10**6]],
            "kwargs": {},
            "result": 99,
            "dtype": "float32",
        },
    ),
    "an operation that is none": lambda program: program["autograd"]["calls"][0].update(
        op="os.system"
    ),
    "a value that is none": lambda program: program["autograd"]["calls"][0].update(
        args=[{"value": 10**9}]
    ),
    "text for numbers": lambda program: program["autograd"].update(inputs={"x": "W"}),
}


def strided(*args: object) -> dict[str, object]:
    return {
        "op": "aten.as_strided.default",
        "args": [{"value": 0}, *args],
        "kwargs": {},
        "result": 99,
        "dtype": "float32",
    }


def bomb() -> dict[str, object]:
    """A message of 2^60 letters, if one believes it."""
    told: object = "x"
    for _ in range(60):
        told = {"text": "{x}{x}", "values": {"x": told}}
    return {"text": "{x}", "values": {"x": told}}


HOSTILE |= {
    "memory outside an array": lambda program: program["autograd"]["calls"].insert(
        0, strided([10**6], [1])
    ),
    "memory before an array": lambda program: program["autograd"]["calls"].insert(
        0, strided([2], [1], -(10**9))
    ),
    "writing outside an array": lambda program: program["autograd"]["calls"].__setitem__(
        slice(0, 0),
        [
            strided([2], [10**12]),
            strided() | {"op": "aten.mul_.Tensor", "args": [{"value": 99}, 0.0]},
        ],
    ),
    "a format that reaches into the process": lambda program: program.update(
        autograd={"text": "{x.__class__.__init__}", "values": {"x": 1}}
    ),
    "a format that is a page wide": lambda program: program.update(
        autograd={"text": "{x:10000000000}", "values": {"x": 1}}
    ),
    "messages that double": lambda program: program["autograd"].update(calls=bomb()),
    "letters for a screen": lambda program: program["autograd"].update(
        inputs={"x\x1b[2J\n./tiny.tar.gz: intact; its SHA-256 is\u202e": 0}
    ),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_forged_program_is_a_sentence(
    files: Files, repacked: Callable[[Files], Path], change: Callable[[dict[str, object]], None]
) -> None:
    name = f"{FOLDER}/work/float32/operations.json"
    program = json.loads(files[name])
    change(program)
    files[name] = json.dumps(program).encode()
    run = run_verify(repacked(signed(files, manifest=True)))
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "replay  float32" in run.stdout
    assert "replay  float64 dx: 18 of 18" in run.stdout
    assert all(line.isprintable() for line in run.stdout.splitlines())
    assert "tiny.tar.gz: intact" not in [line[-19:] for line in run.stdout.splitlines()]


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize("opening", ["[", '{"text": "{x}", "values": {"x": ', '{"a": '])
def test_a_program_without_a_bottom_is_a_sentence(
    files: Files, repacked: Callable[[Files], Path], opening: str, depth: int
) -> None:
    closing = "]" if opening == "[" else "}" * opening.count("{")
    made = opening * depth + "1" + closing * depth
    files[f"{FOLDER}/work/float32/operations.json"] = made.encode()
    run = run_verify(repacked(signed(files, manifest=True)))
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("replay  float32"))
    assert len(line) < 600


def test_a_reason_cannot_clear_the_screen_or_forge_a_line(
    files: Files, repacked: Callable[[Files], Path]
) -> None:
    name = f"{FOLDER}/work/float32/orders.json"
    orders = json.loads(files[name])
    forged = "\x1b[2J\x9b2J\ntiny.tar.gz: intact; its SHA-256 is 0\u202e\ud800" + "x" * 10**6
    for entry in orders["sums"]:
        entry["torch"] = {"refused": forged, "compared": {}}
    files[name] = json.dumps(orders).encode()
    run = run_verify(repacked(signed(files, manifest=True)))
    assert "Traceback" not in run.stderr
    assert "\\x1b[2J\\x9b2J\\ntiny.tar.gz: intact" in run.stdout
    assert all(line.isprintable() and len(line) < 3000 for line in run.stdout.splitlines())
    assert not any(line.startswith("tiny.tar.gz: intact") for line in run.stdout.splitlines())


@pytest.mark.parametrize(
    ("limit", "side"),
    [("MEMORY = 2 * 1024**3", 10**4), ("SECONDS = limits.GRACE = 2", 10**3)],
    ids=["memory", "time"],
)
def test_what_needs_too_much_is_a_sentence(
    files: Files, repacked: Callable[[Files], Path], limit: str, side: int
) -> None:
    name = f"{FOLDER}/work/float32/operations.json"
    program = json.loads(files[name])
    shown = strided([side, side, 3], [0, 0, 0])
    copied = shown | {"op": "aten.clone.default", "args": [{"value": 99}], "result": 100}
    program["autograd"]["calls"][:0] = [shown, *[copied] * 20_000]
    files[name] = json.dumps(program).encode()
    code = f"""
import sys; sys.path.insert(0, 'scripts'); sys.argv = ['verify', *sys.argv[1:]]
from autograd_by_hand.archive import limits; limits.{limit}
import runpy; runpy.run_path('scripts/verify.py', run_name='__main__')
"""
    run = run_verify(repacked(signed(files, manifest=True)), command=["-c", code])
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert "needs more " in run.stdout + run.stderr


def test_lower_limits_of_the_system_stand(archived: Project) -> None:
    limit = f"ulimit -Hv {4 * 1024**2}; exec {sys.executable} scripts/verify.py $0"
    run = subprocess.run(
        ["bash", "-c", limit, str(archived.archive)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"[]",
        b"{",
        b"{}",
        b"[" * 100_000,
        b'{"config": ' * 900 + b"1" + b"}" * 900,
        b'{"experiment": 1}',
        b"\xff",
        b'{"files": {"written": [1]}}',
    ],
)
def test_what_is_no_manifest_is_a_sentence(
    files: Files, repacked: Callable[[Files], Path], manifest: bytes
) -> None:
    files[f"{FOLDER}/manifest.json"] = manifest
    run = run_verify(repacked(signed(files)))
    assert run.returncode == 1
    assert f"experiments/{TINY}/manifest.json: is not " in run.stdout
    assert "Traceback" not in run.stderr


def test_a_manifest_without_a_bottom_is_a_sentence(
    files: Files, repacked: Callable[[Files], Path]
) -> None:
    manifest = json.loads(files[f"{FOLDER}/manifest.json"])
    deep: object = 1
    for _ in range(500):
        deep = {"a": deep}
    files[f"{FOLDER}/manifest.json"] = json.dumps(manifest | {"config": deep}).encode()
    path = repacked(signed(files))
    run = run_verify(path)
    assert run.returncode == 1
    assert (
        f"experiments/{TINY}/manifest.json: is not a manifest: it is nested more than 64 deep"
        in run.stdout
    )
    run = run_verify(path, path, command=["scripts/compare.py"])
    assert run.returncode == 2
    assert "is not a manifest: it is nested more than 64 deep" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_manifest_without_formats_proves_nothing(
    files: Files, repacked: Callable[[Files], Path]
) -> None:
    manifest = json.loads(files[f"{FOLDER}/manifest.json"])
    files[f"{FOLDER}/manifest.json"] = json.dumps(manifest | {"dtypes": []}).encode()
    run = run_verify(repacked(signed(files)))
    assert run.returncode == 1
    assert "the manifest lists no dtype" in run.stdout


@pytest.mark.parametrize("sums", [b"", b"x\n", b"0  a\n", b"0" * 64 + b"  ../a\n", b"\xff\xfe"])
def test_sums_that_are_none_are_a_sentence(
    files: Files, repacked: Callable[[Files], Path], sums: bytes
) -> None:
    files[f"{TINY}/SHA256SUMS"] = sums
    run = run_verify(repacked(files))
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert f"{TINY}.tar.gz: intact" not in run.stdout


def test_a_pickle_in_place_of_tensors_is_not_loaded(
    files: Files, repacked: Callable[[Files], Path], tmp_path: Path
) -> None:
    trace = tmp_path / "ran"
    array = np.array([f"open({str(trace)!r}, 'w')"], dtype=object)
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    files[f"{FOLDER}/work/draws.safetensors"] = content.getvalue()
    run = run_verify(repacked(signed(files, manifest=True)))
    assert run.returncode == 1
    assert "is damaged" in run.stdout
    assert not trace.exists()


def test_no_code_of_the_archive_runs(
    files: Files, repacked: Callable[[Files], Path], tmp_path: Path
) -> None:
    trace = tmp_path / "ran"
    for name in files:
        if name.endswith(".py"):
            files[name] += f"\nopen({str(trace)!r}, 'w')\n".encode()
    run_verify(repacked(signed(files, manifest=True)))
    assert not trace.exists()


def test_two_folders_in_one_archive_are_refused(
    files: Files, repacked: Callable[[Files], Path]
) -> None:
    run = run_verify(repacked(files | {"other/a": b""}))
    assert run.returncode == 1
    assert "lies outside its folder" in run.stderr


def test_a_file_that_is_also_a_folder_is_refused(
    files: Files, repacked: Callable[[Files], Path]
) -> None:
    run = run_verify(repacked(files | {f"{TINY}/Snakefile/a": b""}))
    assert run.returncode == 1
    assert "is also a folder" in run.stderr


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere.tar.gz", "verify: nowhere.tar.gz: cannot be read (No such file or directory)."),
        ("tests", "has no manifest.json; run snakemake -c1 there first."),
        (
            "README.md",
            "verify: README.md: is not an archive of an experiment: its gzip header is not canonical.",
        ),
    ],
)
def test_what_is_no_archive_is_a_sentence(path: str, sentence: str) -> None:
    run = run_verify(Path(path))
    assert run.returncode == 1
    assert sentence in run.stderr
    assert "Traceback" not in run.stderr


def test_no_argument_is_a_sentence() -> None:
    assert run_verify().stderr.startswith("verify: name an archive")


def test_every_kind_of_tensor_of_an_archive_can_be_read(files: Files, tmp_path: Path) -> None:
    for name, content in files.items():
        if name.endswith(".safetensors"):
            (tmp_path / "t").write_bytes(content)
            assert read_arrays(tmp_path / "t")


def test_a_plain_tar_is_no_archive(archived: Project, tmp_path: Path) -> None:
    path = tmp_path / "plain.tar.gz"
    path.write_bytes(gzip.decompress(archived.archive.read_bytes()))
    assert tarfile.is_tarfile(path)
    assert "gzip header" in run_verify(path).stderr
