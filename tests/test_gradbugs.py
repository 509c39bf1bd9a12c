"""Bugs of public projects: the wrong backward is caught, and its fixed twin is right."""

from pathlib import Path

import pytest

from tests.conftest import thoroughly
from tests.gradbugs import Bug, bugs
from tests.operators.case import Operator
from tests.operators.trial import Trial

QUICK = {"jax-3213"}


@pytest.mark.parametrize(
    "bug",
    [
        *(bug for bug in bugs() if bug.name in QUICK),
        *thoroughly(bug for bug in bugs() if bug.name not in QUICK),
    ],
    ids=lambda bug: bug.name,
)
def test_a_bug_that_really_happened_is_caught_and_its_fix_is_right(
    tmp_path: Path, bug: Bug
) -> None:
    operator = Operator(bug.name, bug.tensors, bug.forward, bug.fixed)
    trial = Trial(tmp_path, operator, 1.0, bug.dtypes)
    trial.compute(bug.fixed)
    assert {one["outcome"] for one in trial.verdicts().values()} == {"right"}
    trial.compute(bug.wrong)
    caught = {dtype for (dtype, _), one in trial.verdicts().items() if one["outcome"] == "wrong"}
    assert caught == set(bug.dtypes)
