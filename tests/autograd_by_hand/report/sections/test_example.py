from autograd_by_hand.report.sections.example import Row, example_of
from tests.autograd_by_hand.report.made_up import errors, measurements


def test_without_such_a_sample_there_is_no_section():
    assert example_of(measurements()) is None


def test_it_has_the_first_elements_and_the_greatest_differences():
    found = errors(
        float32_manual_vs_autograd_dx={"max_abs_max": 0.5},
        float32_manual_vs_reference_dx={"max_abs_max": 0.25},
        float32_manual_vs_reference_dW={"max_abs_max": 2.0},
        float16_manual_vs_reference_dW={"max_abs_max": 99.0},
    )
    samples = {"trial": {"seed": 1, "runs": 20}, "example": {"seed": 42, "runs": 1}}
    told = example_of(measurements(samples=samples, errors={"trial": errors(), "example": found}))
    assert told is not None
    assert (told.seed, told.arithmetic) == (42, "float64")
    assert (told.to_autograd, told.to_reference) == (0.5, 2.0)
    assert told.rows == [
        Row("dx", [2, 3], 1.5, 1.5, 1.25, 0.5, 0.25),
        Row("dW", [4, 3], 1.5, 1.5, 1.25, 0.0, 2.0),
    ]
