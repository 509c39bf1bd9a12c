import pytest

from autograd_by_hand.experiment.source_code import parameters_of


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("def backward(x, W, dout=None):\n    pass\n", {"x", "W", "dout"}),
        ("if True:\n    def backward(x, *, dout):\n        pass\n", {"x", "dout"}),
        ("def forward(x, dout):\n    pass\n", set()),
        ("from elsewhere import backward\n", set()),
        ("def backward(x, dout:\n", set()),
    ],
    ids=["a function", "within a block", "another name", "imported", "a mistake"],
)
def test_the_parameters_of_a_function_are_read_without_executing_it(tmp_path, text, due):
    (tmp_path / "backward.py").write_text(text)
    assert parameters_of(tmp_path / "backward.py", "backward") == due
    assert parameters_of(tmp_path / "missing.py", "backward") == set()
