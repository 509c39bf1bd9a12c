import pytest

from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.core.messages import Message, clause, joined, message_of, replaced

OFF = Message("off by {times}; {more}", times=2.5, more=Message("run {run}", run=3))


def test_a_message_is_its_english_text():
    assert OFF == "off by 2.5; run 3"
    assert f"{OFF}!" == "off by 2.5; run 3!"


def test_a_message_in_a_file_is_read_back_with_its_words_and_values(tmp_path):
    write_json(tmp_path / "told.json", {"reason": [OFF], "plain": "off", "none": None})
    told = read_json(tmp_path / "told.json")
    assert told == {"reason": [OFF], "plain": "off", "none": None}
    (reason,) = told["reason"]
    assert (reason.text, reason.values["more"].text) == ("off by {times}; {more}", "run {run}")
    assert not isinstance(told["plain"], Message)


def test_a_value_may_have_braces():
    assert Message("{code} is left out", code="{x}") == "{x} is left out"


def test_texts_in_a_row_keep_what_each_was_made_of():
    row = joined(", ", ["dx", OFF])
    assert row == f"dx, {OFF}"
    assert row.values["_1"] is OFF


@pytest.mark.parametrize("text", ["It is off.", Message("{what}.", what="It is off")])
def test_a_sentence_within_another_loses_its_stop(text):
    assert clause(text) == "It is off"
    assert type(clause(text)) is type(text)


def test_a_piece_of_what_stands_in_a_message_can_be_another():
    told = Message("{place}: {what} {count}", place="/tmp/b.py:3", what=OFF, count=1)
    other = replaced(told, "/tmp/b.py", "backward.py")
    assert other == f"backward.py:3: {OFF} 1"
    assert other.text == told.text


class Guarded:
    inner = "leaked"


@pytest.mark.parametrize(
    "text",
    [
        "{x.inner}",
        "{x[0]}",
        "{x!r}",
        "{x:9}",
        "{x:1000000000}",
        "{0}",
        "{}",
        "{ x }",
        "{",
        "}",
        "{{}",
    ],
)
def test_nothing_but_a_name_in_braces_is_a_place_for_a_value(text):
    with pytest.raises(ValueError, match="brace"):
        Message(text, x=Guarded())


def test_doubled_braces_are_braces():
    assert Message("{{{x}}} and {{x}}", x=1) == "{1} and {x}"


def test_a_place_without_a_value_is_an_error():
    with pytest.raises(KeyError):
        Message("{x}", y=1)


def test_values_may_have_any_name():
    names = ("text", "cls", "self", "values")
    text = "".join(f"{{{name}}}" for name in names)
    assert Message(text, **dict.fromkeys(names, 1)) == "1111"


@pytest.mark.parametrize(
    "parts",
    [
        {"text": "{x.__class__}", "values": {"x": 1}},
        {"text": "{x:1000000000}", "values": {"x": 1}},
        {"text": "{x}", "values": {}},
        {"text": "{", "values": {}},
        {"text": 1, "values": {}},
        {"text": ["{x}"], "values": {"x": 1}},
        {"text": "{x}", "values": [1]},
        {"text": "{x}", "values": {"x": 1, "a b": 2}},
        {"text": "x", "values": None},
        {"text": "x"},
        {"text": "x", "values": {}, "more": 1},
    ],
    ids=str,
)
def test_a_mapping_that_is_no_message_stays_as_it_is(parts):
    assert message_of(parts) is parts


def test_messages_within_messages_do_not_grow_without_end():
    told = "ha"
    for _ in range(200):
        told = message_of({"text": "{x}{x}", "values": {"x": told}})
    assert not isinstance(told, Message)
