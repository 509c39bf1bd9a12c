import json

import pytest

from autograd_by_hand.core.messages import Message
from autograd_by_hand.storage.missing import (
    Missing,
    distinct_missing,
    missing_in,
    read_part,
    write_missing,
)
from autograd_by_hand.storage.safetensors_numpy import read_arrays
from autograd_by_hand.storage.safetensors_torch import read_tensors

WORDS = Message("could not be computed: {why}", why=Message("{what} <&> {{'\"|", what="é {x}"))
MISSING = Missing("verify_replay", "float32", WORDS, "logs/verify_replay.log")


@pytest.mark.parametrize("name", ["a.json", "a.safetensors", "a.es.svg"])
def test_what_is_missing_is_read_back_as_it_was_written(tmp_path, name):
    write_missing(tmp_path / name, MISSING)
    found = missing_in(tmp_path / name)
    assert found == MISSING
    assert found is not None
    assert isinstance(found.words, Message)
    assert found.words.text == WORDS.text  # so that it can be translated
    assert isinstance(found.words.values["why"], Message)


def test_no_other_kind_of_file_can_say_that_it_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"a\.csv"):
        write_missing(tmp_path / "a.csv", MISSING)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b'{\n  "nodes": []\n}\n'),
        ("a.json", b'{"missing": 1}'),
        ("a.json", b'{\n  "missing": 1}'),
        ("a.json", b'{\n  "missing": {"stage": "x"}}'),
        ("a.json", b'{\n  "missing": '),
        ("a.json", b""),
        ("a.safetensors", b"\2\0\0\0\0\0\0\0{}"),
        ("a.safetensors", b"\2\0\0\0\0\0\0\0[]"),
        ("a.safetensors", b"\xff" * 40),
        ("a.safetensors", b""),
        ("a.svg", b"<svg><text>missing</text></svg>"),
        ("a.txt", b"missing"),
    ],
)
def test_any_other_content_is_not_missing(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert missing_in(tmp_path / name) is None


def test_a_file_that_is_not_there_says_nothing(tmp_path):
    assert missing_in(tmp_path / "a.json") is None


def test_a_part_is_its_value_or_why_it_is_missing(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"nodes": [1]}))
    assert read_part(path) == {"nodes": [1]}
    write_missing(path, MISSING)
    assert read_part(path) == MISSING


def test_readers_of_tensors_find_none(tmp_path):
    write_missing(tmp_path / "a.safetensors", MISSING)
    assert read_arrays(tmp_path / "a.safetensors") == {}
    assert read_tensors(tmp_path / "a.safetensors") == {}


def test_a_picture_shows_the_words_and_no_markup_of_theirs(tmp_path):
    write_missing(tmp_path / "a.svg", MISSING)
    text = (tmp_path / "a.svg").read_text()
    assert "could not be computed: é {x} &lt;&amp;&gt; {&#x27;&quot;|</text>" in text


def test_each_reason_is_given_once(tmp_path):
    other = Missing("dump_graph", None, WORDS, "logs/dump_graph.log")
    for name, one in (("a.json", MISSING), ("b.json", other), ("c.safetensors", MISSING)):
        write_missing(tmp_path / name, one)
    (tmp_path / "d.json").write_text("{}")
    paths = [tmp_path / name for name in ("a.json", "b.json", "c.safetensors", "d.json")]
    assert distinct_missing(paths) == [MISSING, other]
