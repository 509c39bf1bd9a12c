"""The benchmark over torch's operator database, on a few entries."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def bench(tmp_path, *arguments, code=""):
    """The records and the tables of a run; `code` is executed first."""
    results = tmp_path / "op_db.jsonl"
    start = f"import sys; sys.argv[1:] = {[*arguments, '--results', str(results)]!r}\n{code}\n"
    start += "from tests.bench.op_db.__main__ import main\nmain()\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", start],
        cwd=ROOT,
        env={"PYTHONPATH": "scripts", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in results.read_text().splitlines()], done.stdout


@pytest.mark.thorough
def test_a_sample_goes_through_every_stage_and_a_second_run_tries_it_no_more(tmp_path):
    (record,), text = bench(
        tmp_path, "max.reduction_with_dim", "--samples=1", "--dtypes", "float64"
    )
    assert {one["how"] for one in record["outcomes"]} == {"done"}
    assert record["verdicts"]["nothing"] == {"float64": {"dt0": "right"}}
    assert record["verdicts"]["scaled"] == {"float64": {"dt0": "wrong"}}
    assert "1 samples of 1 entries were tried. 0 crashed" in text
    assert "Of 1 entries (100.0 %)" in text
    again, _ = bench(tmp_path, "max.reduction_with_dim", "--samples=1", "--dtypes", "float64")
    assert again == [record]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("os.abort()", "the process died: -6"),
        ("time.sleep(99)", "no end after 2 s"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_a_stage_does_to_its_process_is_recorded(tmp_path, how, told):
    code = (
        "import os, time\nsys.path.insert(0, 'scripts')\nimport observe_operations\n"
        f"observe_operations.observe_operations = lambda dtype: {how}"
    )
    (record,), text = bench(
        tmp_path, "mul", "--samples=1", "--dtypes=float64", "--limit=2", code=code
    )
    (crash,) = (one for one in record["outcomes"] if one["how"] == "crashed")
    assert crash["stage"] == "observe_operations"
    assert told in crash["text"]
    assert "1 crashed in some stage" in text


@pytest.mark.thorough
def test_an_entry_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(AssertionError, match=r"op_db: has no differentiable entry nonsense\."):
        bench(tmp_path, "nonsense")
