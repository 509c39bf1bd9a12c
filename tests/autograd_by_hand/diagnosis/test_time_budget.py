"""A search ends when its time is over."""

from time import process_time

from autograd_by_hand.diagnosis.time_budget import until


def test_all_items_come_while_there_is_time():
    assert [*until(range(3), process_time() + 60)] == [0, 1, 2]


def test_none_comes_when_the_time_is_over():
    assert [*until(range(3), process_time() - 1)] == []
