import torch

from scripts.lib.files import read_json
from scripts.lib.tables import read_csv
from scripts.lib.tensors import write_tensors
from scripts.score_errors import score_errors

ULP = 2.0**-10  # of float16 at 1


def run(folder, **gradients):
    """Score dx of one trial run; each kind's gradient is given, the reference's in float64."""
    files = {}
    for kind, value in gradients.items():
        dtype = torch.float64 if kind == "reference" else torch.float16
        files[kind] = folder / f"{kind}.safetensors"
        dx = torch.tensor([value], dtype=dtype)
        write_tensors(files[kind], {"trial/dx": dx, "trial/result": dx.sum(1)})
    made = {"errors": folder / "errors.csv", "facts": folder / "facts.json"}
    score_errors("float16", **files, needed=["x"], **made)
    return read_csv(made["errors"]).set_index("comparison"), read_json(made["facts"])


def test_each_comparison_measures_its_own_pair(tmp_path):
    errors, _ = run(
        tmp_path,
        manual=[1 + ULP, 1],
        autograd=[1, 1],
        reordered=[1 + 3 * ULP, 1],
        reference=[1 + ULP / 2, 1],
    )
    assert errors["max_ulp"].to_dict() == {
        "manual_vs_autograd": 1.0,
        "reordered_vs_autograd": 3.0,
        "manual_vs_reference": 0.5,  # half a ulp above 1
        "autograd_vs_reference": 0.5,
    }
    assert errors["max_abs"]["reordered_vs_autograd"] == 3 * ULP


def test_equal_bits_are_a_fact_and_so_is_one_that_differs(tmp_path):
    kinds = ("manual", "autograd", "reordered", "reference")
    same = {kind: [1.0, 2.0] for kind in kinds}
    facts = run(tmp_path, **same)[1]["samples"]["trial"]["gradients"]["dx"]
    assert facts["identical"] is True
    facts = run(tmp_path, **same | {"manual": [1.0, 2 + 2 * ULP]})[1]
    assert facts["samples"]["trial"]["gradients"]["dx"]["identical"] is False


def test_the_size_of_a_gradient_comes_with_the_spacing_of_the_format_there(tmp_path):
    _, facts = run(
        tmp_path, manual=[1, 2048], autograd=[1, 2048], reordered=[1, 2048], reference=[1, 2048]
    )
    dx = facts["samples"]["trial"]["gradients"]["dx"]
    assert (dx["largest"], dx["ulp_at_largest"]) == (2048.0, 2.0)


def test_an_infinity_where_the_truth_fits_is_a_fact(tmp_path):
    inf = float("inf")
    _, facts = run(tmp_path, manual=[inf], autograd=[inf], reordered=[inf], reference=[1000.0])
    assert facts["samples"]["trial"]["gradients"]["dx"]["non_finite"]["value"] == "inf"
