import pytest

from accept import accept
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import write_json

HOLDS = {"criterion": "It is right", "measured": "2 of 2 are right", "holds": True}
FAILS = {"criterion": "It is close", "measured": "0.5 off", "holds": False}


def run(folder, *rows, refused=(), verdicts=(), acceptance=()):
    judgement = {"acceptance": rows, "refused": refused, "verdicts": verdicts}
    write_json(folder / "judgement.json", judgement)
    files = folder / "judgement.json", folder / "REPORT.md"
    accept(*files, list(acceptance), folder / "accepted.txt")
    return (folder / "accepted.txt").read_text()


def test_what_holds_is_listed_with_its_figure(tmp_path):
    assert run(tmp_path, HOLDS) == "It is right: 2 of 2 are right\n"


def test_one_criterion_that_fails_fails_the_run_and_is_named(tmp_path):
    with pytest.raises(UserError) as error:
        run(tmp_path, HOLDS, FAILS)
    assert str(error.value) == (
        "1 of 2 acceptance criteria do not hold. It is close: 0.5 off. "
        f"The report is {tmp_path}/REPORT.md."
    )
    assert not (tmp_path / "accepted.txt").exists()


@pytest.mark.parametrize("row", [HOLDS, FAILS])
def test_a_gradient_that_is_not_given_fails_the_run_with_the_authors_line(tmp_path, row):
    sentences = ["backward.py:1: dW is none.", "backward.py:1: db is missing."]
    with pytest.raises(UserError) as error:
        run(tmp_path, row, refused=sentences)
    assert str(error.value) == (
        "backward.py:1: dW is none. backward.py:1: db is missing. The others are judged; "
        f"the report is {tmp_path}/REPORT.md."
    )
    assert not (tmp_path / "accepted.txt").exists()


def verdict(gradient, dtype, outcome="wrong"):
    return {"gradient": gradient, "dtype": dtype, "outcome": outcome}


WRONG = [
    verdict("dW", "float32"),
    verdict("dx", "float32"),
    verdict("db", "float64"),
    verdict("db", "float32", "right"),
    verdict("dy", "float32", "imprecise"),
]


@pytest.mark.parametrize("acceptance", [[], [{"claim": "", "graph": ["AddBackward0"]}]])
def test_a_wrong_gradient_that_no_criterion_expects_fails_the_run(tmp_path, acceptance):
    with pytest.raises(UserError) as error:
        run(tmp_path, HOLDS, verdicts=WRONG, acceptance=acceptance)
    assert str(error.value) == (
        "dW and dx are wrong in float32; db is wrong in float64, and no acceptance criterion "
        f"expects it. The report is {tmp_path}/REPORT.md."
    )


def test_a_gradient_that_shall_be_wrong_is_accepted(tmp_path):
    expects = [{"claim": "It is wrong", "verdict": "wrong"}]
    assert run(tmp_path, HOLDS, verdicts=WRONG, acceptance=expects)


def test_what_is_not_wrong_is_left_to_the_criteria(tmp_path):
    assert run(tmp_path, HOLDS, verdicts=WRONG[3:])
