import numpy as np
import pytest
import torch

from autograd_by_hand.replay.interpreter import held
from autograd_by_hand.replay.torch_fallback import NotRepeated, execute_in_torch


def call(op, args, result, **kwargs):
    return {"op": f"aten.{op}", "args": args, "kwargs": kwargs, "result": result}


def arrays(*values):
    return {number: held(np.asarray(one)) for number, one in enumerate(values)}


TWO_RUNS = np.array([[0.5, 3.0], [-0.5, 0.0]], np.float32)  # two elements in two runs


def test_each_run_is_done_on_its_own():
    given = arrays(TWO_RUNS)
    execute_in_torch(call("tanh.default", [{"value": 0}], 1), given, torch.float32)
    for run in range(2):
        alone = torch.from_numpy(TWO_RUNS[:, run].copy()).tanh()
        assert given[1]["runs"][:, run].tolist() == alone.tolist()


def test_the_format_is_the_one_that_is_asked_for():
    given = arrays(TWO_RUNS)
    execute_in_torch(call("exp.default", [{"value": 0}], 1), given, torch.float16)
    half = torch.from_numpy(TWO_RUNS).half().exp().float()
    assert given[1]["runs"].dtype == np.float32
    assert given[1]["runs"].tolist() == half.tolist()


def test_whole_numbers_stay_whole():
    given = arrays(np.array([[3, 1], [0, 2]]))
    execute_in_torch(call("sort.default", [{"value": 0}], [1, 2]), given, torch.float32)
    assert given[1]["runs"].tolist() == [[0, 1], [3, 2]]
    assert given[2]["runs"].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(("into", "kind"), [("float16", torch.float32), ("int64", torch.int64)])
def test_a_half_format_that_is_named_is_the_one_at_hand(into, kind):
    given = arrays(TWO_RUNS)
    conversion = call(
        "_to_copy.default", [{"value": 0}], 1, dtype=into, layout="torch.strided", device="cpu"
    )
    execute_in_torch(conversion, given, torch.float32)
    assert torch.from_numpy(np.array(given[1]["runs"])).dtype == kind


def test_a_number_that_json_lacks_is_handed_over_as_a_number():
    given = arrays(TWO_RUNS, np.array([[True, False], [False, True]]))
    mask = call("masked_fill.Scalar", [{"value": 0}, {"value": 1}, {"number": "-inf"}], 2)
    execute_in_torch(mask, given, torch.float32)
    assert given[2]["runs"].tolist() == [[-np.inf, 3.0], [-0.5, -np.inf]]


def test_what_gives_a_number_to_python_makes_no_value():
    given = arrays(np.array([2.0, 3.0], np.float32))
    execute_in_torch(
        call("_local_scalar_dense.default", [{"value": 0}], None), given, torch.float32
    )
    assert set(given) == {0}


def test_what_is_the_same_in_all_runs_is_used_in_each():
    given = arrays(TWO_RUNS, np.array([[2.0], [4.0]], np.float32))
    execute_in_torch(call("atan2.default", [{"value": 0}, {"value": 1}], 2), given, torch.float32)
    assert given[2]["runs"].shape == (2, 2)


def test_a_value_of_another_dtype_keeps_it():
    given = arrays(TWO_RUNS, TWO_RUNS + 1)
    complexes = call("complex.default", [{"value": 0}, {"value": 1}], 2)
    wide = dict.fromkeys((0, 1), torch.float32)  # torch has no complex numbers of bfloat16
    execute_in_torch(complexes, given, torch.bfloat16, wide)
    assert given[2]["runs"].tolist() == (TWO_RUNS + 1j * (TWO_RUNS + 1)).tolist()


@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_complex_numbers_of_a_half_format_are_handed_back_wider():
    given = arrays(TWO_RUNS)
    conversion = call("_to_copy.default", [{"value": 0}], 1, dtype="complex32")
    execute_in_torch(conversion, given, torch.float16)
    assert given[1]["runs"].dtype == np.complex64
    assert given[1]["runs"].tolist() == TWO_RUNS.tolist()


def test_a_complex_number_is_handed_over_as_a_number():
    given = arrays(TWO_RUNS)
    turned = call("mul.Scalar", [{"value": 0}, {"number": "(1+2j)"}], 1)
    execute_in_torch(turned, given, torch.float32)
    assert given[1]["runs"].tolist() == (TWO_RUNS * (1 + 2j)).tolist()


def test_what_torch_does_not_execute_again_is_refused_by_name():
    matrices = arrays(np.zeros((2, 2, 1), np.float32))
    cholesky = call("linalg_cholesky.default", [{"value": 0}], 1)
    with pytest.raises(NotRepeated, match=r"^torch does not execute linalg_cholesky again: .*Half"):
        execute_in_torch(cholesky, matrices, torch.float16)
