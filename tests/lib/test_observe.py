import torch

from scripts.lib.observe import Observer, Value

aten = torch.ops.aten


def observed():
    """The lab's forward and backward, seen."""
    x, weight, bias = (torch.randn(shape, requires_grad=True) for shape in ((2, 3), (5, 3), (5,)))
    target = torch.randn(2, 5)
    seen = Observer()
    inputs = [seen.value(tensor) for tensor in (x, weight, bias, target)]
    with seen:
        y = torch.nn.functional.linear(x, weight, bias)
        loss = 0.5 * ((y - target) ** 2).sum()
        loss.backward()
    return seen, inputs, (x, weight, bias)


def test_forward_and_backward_pass_in_the_order_in_which_they_are_done():
    seen, _, _ = observed()
    names = [call.function for call in seen.calls]
    sums = [name for name in names if name in (aten.addmm.default, aten.mm.default)]
    assert sums == [aten.addmm.default, aten.mm.default, aten.mm.default]
    assert names.index(aten.sum.default) < names.index(aten.mm.default)


def test_what_autograd_saved_is_known_again():
    seen, inputs, _ = observed()
    x, _, _, _ = inputs
    products = [call for call in seen.calls if call.function == aten.mm.default]
    assert any(x in call.args for call in products)


def test_a_gradient_is_the_result_of_a_call():
    seen, _, leaves = observed()
    made = {call.results for call in seen.calls if isinstance(call.results, Value)}
    assert {seen.value(leaf.grad) for leaf in leaves} <= made


def test_the_layout_is_that_of_the_call():
    seen, inputs, _ = observed()
    (call,) = (call for call in seen.calls if call.function == aten.addmm.default)
    transposed = call.layouts[call.args[2].number]
    assert (transposed.shape, transposed.strides) == ((3, 5), (1, 3))
    assert call.args[:2] == (inputs[2], inputs[0])


def test_a_number_that_the_code_holds_is_a_constant():
    seen = Observer()
    tensor = torch.ones(3)
    seen.value(tensor)
    with seen:
        tensor * torch.tensor(2.5)
    assert [constant.item() for constant in seen.constants.values()] == [2.5]


def test_memory_that_is_written_in_place_keeps_its_value():
    seen = Observer()
    tensor = torch.ones(3)
    value = seen.value(tensor)
    with seen:
        tensor.add_(1)
    assert seen.calls[-1].results == value
