from tests.autograd_by_hand.report.made_up import errors, measurements, verdicts


def test_what_follows_from_the_settings():
    measured = measurements()
    assert (measured.gradients, measured.shown, measured.runs) == (["dx", "dW"], "float32", 20)
    assert measured.precision == {"float32": 24, "float16": 11}


def test_a_discussion_finds_the_fields_and_what_follows_from_the_settings():
    measured = measurements()
    named = measured.named()
    assert (named["gradients"], named["shown"]) == (["dx", "dW"], "float32")
    assert (named["errors"], named["precision"]["float16"]) == (measured.errors, 11)


def test_what_is_judged_closely_may_be_less_than_all_runs():
    measured = measurements(samples={"trial": {"seed": 1, "runs": 300}})
    assert (measured.runs, measured.closely) == (300, 20)


def test_the_failing_are_those_that_are_not_right():
    judgement = {"verdicts": verdicts(dx="unresolved"), "acceptance": []}
    assert [one["gradient"] for one in measurements(judgement=judgement).failing] == ["dx", "dx"]


def test_the_greatest_error_is_that_of_the_trial_in_one_format():
    found = errors(
        float32_manual_vs_autograd_dx={"max_ulp_max": 2.0},
        float32_manual_vs_autograd_dW={"max_ulp_max": 3.0},
        float16_manual_vs_autograd_dx={"max_ulp_max": 9.0},
    )
    measured = measurements(errors={"trial": found, "example": errors()})
    assert measured.greatest("float32", "manual_vs_autograd", "max_ulp") == 3.0


def test_equal_gradients_have_no_difference_in_any_run():
    found = errors(float32_manual_vs_autograd_dx={"max_abs_max": 1e-30})
    assert measurements(errors={"trial": found}).equal_gradients("float32") == ["dW"]
