"""Every section where a part of it is missing."""

from dataclasses import replace
from typing import Any

import pytest

from autograd_by_hand.core.messages import Message
from autograd_by_hand.report.sections.causes import causes_of
from autograd_by_hand.report.sections.errors import errors_of
from autograd_by_hand.report.sections.float16 import float16_of
from autograd_by_hand.report.sections.graph import Graph, graph_of
from autograd_by_hand.report.sections.missing import MissingPart, missing_of
from autograd_by_hand.report.sections.mistakes import Mistakes, mistakes_of
from autograd_by_hand.report.sections.proof import proof_of
from autograd_by_hand.report.sections.replay import Count, InDtypes, replay_of
from autograd_by_hand.report.sections.sums import Sums, sums_of
from autograd_by_hand.report.sections.verdict import verdict_of
from autograd_by_hand.storage.missing import Missing
from tests.autograd_by_hand.report.made_up import DTYPES, errors, measurements, replay

WORDS = Message("could not be computed: {why}", why="KeyError")
GONE = Missing("verify_replay", "float32", WORDS, "float32.log")


def test_one_reason_in_several_dtypes_is_one_part():
    other = replace(GONE, words="could not be computed: ValueError", dtype=None)
    found = missing_of(
        measurements(missing=[GONE, other, replace(GONE, dtype="float16", log="float16.log")])
    )
    assert found == [
        MissingPart("verify_replay", DTYPES, WORDS, ["float32.log", "float16.log"]),
        MissingPart("verify_replay", [], "could not be computed: ValueError", ["float32.log"]),
    ]


def test_a_missing_graph_and_missing_sums_and_pitfalls_are_nothing_but_that():
    told = measurements(graph=GONE, sums=GONE, pitfalls=GONE)
    assert graph_of(told) == Graph(GONE, [], [], [], [], [])
    assert sums_of(told) == Sums(GONE, [], [])
    assert mistakes_of(told) == Mistakes(GONE, [], 0)


def test_missing_opinions_and_mistakes_stand_in_their_place():
    unnamed = replace(GONE, stage="name_mistakes")
    told = verdict_of(measurements(oracle=GONE, gradcheck=GONE, missing=[GONE, unnamed]))
    assert (told.oracle, told.opinion, told.mistakes) == (GONE, GONE, unnamed)
    assert verdict_of(measurements(missing=[GONE])).mistakes is None


@pytest.mark.parametrize("gone", DTYPES)
def test_a_replay_that_is_missing_in_a_dtype_leaves_the_other(gone):
    told = measurements(replay={dtype: GONE if dtype == gone else replay() for dtype in DTYPES})
    found = replay_of(told)
    assert found.missing == [InDtypes([gone], GONE.words)]
    assert found.rows[0].counts == [None if dtype == gone else Count(6, 6) for dtype in DTYPES]
    proof = proof_of(told)
    assert (proof.missing, proof.reach, proof.unproved) == (None, "some formats", [gone])
    assert proof.tensors == ["dx"]


def test_a_replay_that_is_missing_everywhere_is_no_proof():
    told = measurements(replay=dict.fromkeys(DTYPES, GONE))
    assert replay_of(told).rows == []
    assert proof_of(told).missing == GONE
    assert proof_of(told).reach == "no format"


def without_numpys_sums(dtype):
    rows = {
        key: row for key, row in errors().items() if (dtype, "reordered_vs_autograd") != key[:2]
    }
    given: dict[str, Any] = {one: GONE if one == dtype else {} for one in DTYPES}
    return measurements(errors={"trial": rows}, handed_over=given)


def test_where_numpys_sums_are_missing_the_other_comparisons_are_told():
    in_float32, in_float16 = errors_of(without_numpys_sums("float32")).formats
    assert in_float32.missing == GONE
    assert {row.comparison for row in in_float32.rows} == {
        "manual_vs_autograd", "manual_vs_reference", "autograd_vs_reference"
    }  # fmt: skip
    assert len(in_float32.rows) == 6
    assert (in_float16.missing, len(in_float16.rows)) == (None, 8)


def test_causes_and_float16_say_where_numpys_sums_are_missing():
    assert causes_of(without_numpys_sums("float32")).missing == GONE
    assert causes_of(without_numpys_sums("float16")).missing is None
    told = float16_of(without_numpys_sums("float16"))
    assert told is not None
    assert told.missing == GONE
