import pytest

import reveal_orders
from autograd_by_hand.core.files import read_json, write_json
from autograd_by_hand.summation.confirm import Proof
from tests.layer import Layer


@pytest.fixture
def layer(tmp_path):
    layer = Layer(tmp_path)
    layer.observe()
    return layer


def test_each_sum_has_torchs_order_and_the_hands_sums_have_numpys(layer):
    found = layer.reveal()["sums"]
    assert all(entry["torch"]["refused"] is None for entry in found)
    numpys = {entry["op"] for entry in found if entry["numpy"]}
    assert numpys == {"aten.addmm.default", "aten.mm.default", "aten.sum.dim_IntList"}
    for entry in found:
        for compared in entry["torch"]["compared"].values():
            assert 0 < compared["elements"] == compared["identical"]


def test_numpy_is_probed_in_the_format_in_which_it_adds(tmp_path):
    layer = Layer(tmp_path, "float16")
    layer.observe()
    product = next(one for one in layer.reveal()["sums"] if one["op"] == "aten.addmm.default")
    assert product["torch"]["orders"][0]["fused"] is None  # products of halves are exact
    assert "fused" in product["numpy"]["orders"][0]


@pytest.fixture
def revealed(monkeypatch):
    """The sums that are revealed, which are then refused."""
    found = []

    def refuse(_kernel, what):
        found.append(what)
        return Proof(None, "not asked")

    monkeypatch.setattr(reveal_orders, "prove", refuse)
    return found


def test_an_order_is_taken_over_where_nothing_that_it_depends_on_has_changed(layer, revealed):
    before = layer.reveal()
    assert len(revealed) > 0
    revealed.clear()
    assert layer.reveal() == before
    assert revealed == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("settings", {"MKL_CBWR": "COMPATIBLE"}),
        ("processor", "another"),
        ("torch", {"cpu_capability": "AVX2", "threads": 1}),
        ("torch", {"cpu_capability": "AVX512", "threads": 2}),
        ("packages", {"torch": "2.14.0", "numpy": "2.4.6"}),
    ],
)
def test_an_order_is_revealed_again_when_what_it_depends_on_changes(layer, revealed, name, value):
    layer.reveal()
    count = len(revealed)
    environment = layer.work / "environment.json"
    write_json(environment, read_json(environment) | {name: value})
    layer.run("reveal_orders")
    assert len(revealed) == 2 * count


def test_another_layout_is_another_key(layer):
    keys = {entry["key"] for entry in layer.reveal()["sums"]}
    observed = read_json(layer.file("operations"))
    observed["sums"][0]["args"][1]["offset"] = 4
    write_json(layer.file("operations"), observed)
    assert layer.reveal()["sums"][0]["key"] not in keys


@pytest.mark.parametrize("left", ["", "{", "[]", '{"sums": 3}', '{"sums": [{"op": "x"}]}'])
def test_what_cannot_be_read_is_revealed_anew(layer, left):
    whole = layer.reveal()
    (layer.own / "orders.json").write_text(left)
    assert layer.reveal() == whole
