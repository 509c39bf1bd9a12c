from autograd_by_hand.report.sections.grouping import distinct, grouped


def test_groups_stand_in_alphabetical_order_and_their_items_in_their_own():
    assert grouped(["b2", "A1", "b1"], lambda item: item[0]) == [("A", ["A1"]), ("b", ["b2", "b1"])]


def test_keys_that_differ_in_case_alone_are_two():
    assert grouped(["x", "X"], str) == [("x", ["x"]), ("X", ["X"])]


def test_each_item_is_kept_once_in_the_order_of_first_places():
    assert distinct(["dW", "dx", "dW", "dw"]) == ["dW", "dx", "dw"]
