"""Judge every gradient in every dtype."""

from collections.abc import Mapping

from autograd_by_hand.verdict.calls import Calls, calls_of
from autograd_by_hand.verdict.error_growth import next_coarser
from autograd_by_hand.verdict.gradient_facts import JudgedFacts
from autograd_by_hand.verdict.judge import Mistake, VerdictOnGradient, judge_gradient


def verdicts_on(
    facts: Mapping[str, Mapping[str, JudgedFacts]],
    formula: Mapping[str, JudgedFacts],
    calls: Mapping[str, Calls],
    mistakes: Mapping[str, Mistake | None],
    oracle: str | None,
) -> list[VerdictOnGradient]:
    """The verdicts on all gradients, dtype by dtype.

    facts: of each gradient, by dtype
    formula: of each gradient in float64
    calls: what the calls of backward revealed, by dtype
    mistakes: what name_mistakes found, by gradient; may lack some
    oracle: why autograd itself cannot be trusted, or None if it can
    """
    coarser = {
        gradient: next_coarser({dtype: one[gradient] for dtype, one in facts.items()})
        for gradient in formula
    }
    return [
        {
            "gradient": gradient,
            "dtype": dtype,
            **judge_gradient(
                dtype,
                measured,
                formula[gradient],
                coarser[gradient],
                calls_of(calls[dtype], gradient.removeprefix("d")),
                mistakes.get(gradient),
                oracle,
            ),
        }
        for dtype, of_dtype in facts.items()
        for gradient, measured in of_dtype.items()
    ]
