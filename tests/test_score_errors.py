from math import log, sqrt

import pytest
import torch

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.storage.errors_table import read_csv
from autograd_by_hand.storage.missing import Missing, write_missing
from autograd_by_hand.storage.safetensors_torch import write_tensors
from score_errors import score_errors

ULP = 2.0**-10  # of float16 at 1
INF = float("inf")
KINDS = ("manual", "autograd", "reordered", "reference")


def run(
    folder,
    noise=(ULP, ULP),
    arithmetic="float64",
    jumps=(),
    samples=("trial",),
    second=None,
    **gradients,
):
    """Score dx of one run; each kind's gradient is given, the reference's in float64.

    second: the manual gradients with those of a second call, by key
    """
    files = {}
    for kind, value in ({kind: [1.0, 1.0] for kind in KINDS} | gradients).items():
        dtype = torch.float64 if kind == "reference" else torch.float16
        files[kind] = folder / f"{kind}.safetensors"
        dx = torch.tensor([value], dtype=dtype)
        write_tensors(
            files[kind],
            {
                f"{s}/{name}": one
                for s in samples
                for name, one in [("dx", dx), ("result", dx.sum(1))]
            },
        )
    if second:
        halves = {key: torch.tensor(one, dtype=torch.float16) for key, one in second.items()}
        write_tensors(files["manual"], halves)
    made = {"errors": folder / "errors.csv", "facts": folder / "facts.json"}
    made["tails"] = folder / "tails.json"
    given = {"noise": folder / "noise.safetensors", "arithmetic": folder / "arithmetic.json"}
    units = {"dx": noise} | ({"dx.jumps": jumps} if jumps else {})
    write_tensors(
        given["noise"],
        {f"trial/{key}": torch.tensor([one]).double() for key, one in units.items()},
    )
    used = {"arithmetic": arithmetic, "reason": None, "fault": None, "kinks": []}
    write_json(given["arithmetic"], used)
    peer = folder / "autograd.safetensors"
    score_errors(
        "float16", **files, **given, peer=peer, computed_in="float16", needed=["x"], **made
    )
    return read_csv(made["errors"]).set_index("comparison"), read_json(made["facts"])


def facts_of_dx(folder, **given):
    return run(folder, **given)[1]["samples"]["trial"]["gradients"]["dx"]


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
    assert facts_of_dx(tmp_path)["identical"] is True
    assert facts_of_dx(tmp_path, manual=[1.0, 1 + ULP])["identical"] is False


def test_a_second_call_with_other_bits_is_measured(tmp_path):
    manual = {"trial/dx": [[1.0, 1.0]], "trial/dx.second": [[1.0, 1 + 2 * ULP]]}
    dx = facts_of_dx(tmp_path, second=manual)
    assert (dx["second"]["unequal"], dx["second"]["ulps"]) == (1, 2.0)
    assert dx["second"]["error"]["element"] == dx["second"]["apart"]["element"] == 2.0
    assert "second" not in facts_of_dx(tmp_path)


def test_the_size_of_a_gradient_comes_with_the_spacing_of_the_format_there(tmp_path):
    dx = facts_of_dx(tmp_path, **{kind: [1.0, 2048.0] for kind in KINDS})
    assert (dx["largest"], dx["ulp_at_largest"]) == (2048.0, 2.0)


def test_an_infinity_where_the_truth_fits_is_a_fact_and_so_is_autograds(tmp_path):
    dx = facts_of_dx(tmp_path, manual=[INF, 1])
    assert (dx["non_finite"]["value"], dx["non_finite"]["reference"]) == ("inf", 1.0)
    assert (dx["manual"]["element"], dx["manual"]["index"]) == ("inf", [0])
    assert dx["autograd"]["lost"] is False
    dx = facts_of_dx(tmp_path, autograd=[1, INF])
    assert (dx["non_finite"], dx["autograd"]["lost"]) == (None, True)


def test_what_only_the_manual_gradient_has_lost_is_told_apart(tmp_path):
    both = facts_of_dx(tmp_path, manual=[INF, 1], autograd=[INF, 1])
    assert both["autograd"]["lost"]
    assert "lost_alone" not in both
    dx = facts_of_dx(tmp_path, manual=[INF, INF], autograd=[INF, 1])
    assert (dx["non_finite"]["count"], dx["autograd"]["lost"]) == (2, True)
    assert (dx["lost_alone"]["count"], dx["lost_alone"]["index"]) == (1, [1])


def test_an_infinity_where_the_truth_does_not_fit_is_not_lost(tmp_path):
    beyond = {"manual": [INF, 1], "autograd": [INF, 1], "reference": [7e4, 1]}
    dx = facts_of_dx(tmp_path, **beyond)
    assert (dx["non_finite"]["fits"], dx["autograd"]["lost"]) == (False, False)
    assert (dx["manual"]["element"], dx["judged"], dx["elements"]) == (0.0, 1, 2)


def test_errors_are_told_in_units_of_the_noise(tmp_path):
    dx = facts_of_dx(tmp_path, manual=[1, 1 + 4 * ULP], autograd=[1 + ULP, 1])
    # noise of the whole: sqrt(2) ulps
    assert dx["manual"] == {
        "norm": pytest.approx(4 / sqrt(2)),
        "element": pytest.approx(4),
        "run": 0,
        "index": [1],
        "beyond": 0,
    }
    assert dx["autograd"] == {
        "norm": pytest.approx(1 / sqrt(2)),
        "element": pytest.approx(1),
        "run": 0,
        "index": [0],
        "beyond": 0,
        "lost": False,
        "fault": None,
    }
    assert dx["noise"] == pytest.approx(ULP)  # of a gradient of sqrt(2)


def test_each_element_is_told_in_units_of_its_own_noise(tmp_path):
    off = [1 + 6 * ULP, 1 + 6 * ULP]
    dx = facts_of_dx(tmp_path, noise=[ULP, 7 * ULP], manual=off, reordered=[1, 1])
    # the first has less noise than the rms over the run, sqrt((1 + 49) / 2) = 5 ulps, and gets that
    assert (dx["manual"]["element"], dx["manual"]["index"]) == (pytest.approx(6 / 5), [0])
    assert dx["manual"]["norm"] == pytest.approx(6 / 5)


def test_what_decisions_change_that_rounding_may_turn_is_no_error(tmp_path):
    off = [1, 1 + 4 * ULP]
    dx = facts_of_dx(tmp_path, manual=off, jumps=[0, 3 * ULP])
    assert dx["manual"]["element"] == pytest.approx(1)
    assert dx["jumps"] == pytest.approx(3 * ULP / sqrt(2))
    assert (dx["jumping"], facts_of_dx(tmp_path, manual=off)["jumping"]) == (1, 0)


def test_a_reference_that_is_no_wider_adds_its_own_noise(tmp_path):
    off = [1, 1 + 4 * ULP]
    wider = facts_of_dx(tmp_path, manual=off)
    same = facts_of_dx(tmp_path, manual=off, arithmetic="float16")
    assert same["manual"]["element"] == pytest.approx(wider["manual"]["element"] / sqrt(2))
    assert same["noise"] == pytest.approx(sqrt(2) * ULP)


def test_what_may_be_chance_follows_from_the_number_of_runs_and_elements(tmp_path):
    assert facts_of_dx(tmp_path)["limits"] == {
        "norm": pytest.approx(sqrt(log(2 * 1e6))),
        "element": pytest.approx(4 * sqrt(log(2 * 2 * 1e6))),
    }


def test_a_gradient_that_is_truly_zero_has_nothing_but_noise(tmp_path):
    zero = {"manual": [ULP, 0], "autograd": [0, 0], "reference": [0, 0]}
    dx = facts_of_dx(tmp_path, **zero)
    assert dx["noise"] == "inf"
    assert dx["manual"]["element"] == pytest.approx(1)


def test_a_sample_that_is_not_judged_has_no_noise(tmp_path):
    _, facts = run(tmp_path, samples=("example", "trial"), manual=[1 + ULP, 1])
    example, trial = (facts["samples"][name]["gradients"]["dx"] for name in ("example", "trial"))
    judged = {"noise", "jumps", "jumping", "judged", "elements", "limits", "manual", "autograd"}
    assert set(trial) - set(example) == judged
    assert {key: trial[key] for key in example} == example
    assert example["first"] == {"manual": 1 + ULP, "autograd": 1.0, "reference": 1.0}


def test_a_gradient_that_backward_did_not_give_is_infinitely_far(tmp_path):
    nan = float("nan")
    errors, facts = run(tmp_path, manual=[nan, nan], reordered=[nan, nan])
    assert errors["max_abs"].to_dict() == {
        "manual_vs_autograd": INF,
        "reordered_vs_autograd": INF,
        "manual_vs_reference": INF,
        "autograd_vs_reference": 0.0,
    }
    dx = facts["samples"]["trial"]["gradients"]["dx"]
    assert (dx["manual"]["norm"], dx["autograd"]["norm"]) == ("inf", 0.0)
    assert dx["non_finite"]["count"] == 2


def test_the_tails_of_the_trial_are_counted(tmp_path):
    run(tmp_path, manual=[1 + ULP, 1], autograd=[1, 1], reordered=[1, 1], reference=[1, 1])
    tails = read_json(tmp_path / "tails.json")["float16"]
    assert tails["lost"] == 0
    assert tails["gradients"]["dx"]["counts"] == {"0": 1, "2^0": 1}
    assert tails["gradients"]["dx"]["unequal"] == 1


def test_numpys_sums_may_be_missing(tmp_path):
    run(tmp_path)
    write_missing(
        tmp_path / "reordered.safetensors", Missing("reorder_sums", "float16", "gone", "a.log")
    )
    files = {kind: tmp_path / f"{kind}.safetensors" for kind in (*KINDS, "noise")}
    made = {name: tmp_path / f"{name}.again" for name in ("errors", "facts", "tails")}
    files |= {"arithmetic": tmp_path / "arithmetic.json", "peer": files["autograd"]}
    score_errors("float16", **files, computed_in="float16", needed=["x"], **made)
    lines = (tmp_path / "errors.csv").read_text().splitlines()
    kept = [line for line in lines if "reordered_vs_autograd" not in line]
    assert made["errors"].read_text().splitlines() == kept
    assert len(kept) == len(lines) - 1
    assert read_json(made["facts"]) == read_json(tmp_path / "facts.json")
