import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.settings import Given
from autograd_by_hand.experiment.user_code import as_user_error, call, load_function

LIMIT, LONG = 0.2, 30.0
X, W = torch.ones(2, 3), torch.ones(4, 3)


def load(tmp_path: Path, text: str | bytes, arguments=("x", "W"), name="backward", limit=LONG):
    path = tmp_path / f"{name}.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_function(path, name, Given(tuple(arguments), {}), limit), path


def load_refused(tmp_path: Path, text: str | bytes, limit: float = LONG) -> str:
    """What is said of backward.py if it holds `text`, from behind its name on."""
    with pytest.raises(UserError) as error:
        load(tmp_path, text, limit=limit)
    path = tmp_path / "backward.py"
    assert str(error.value).startswith(f"{path}:")
    return str(error.value).removeprefix(f"{path}:")


def call_refused(
    tmp_path: Path, text: str, tensors: dict[str, torch.Tensor], limit: float = LONG
) -> str:
    """What is said when the backward of `text` is called."""
    function, path = load(tmp_path, text, tensors)
    with pytest.raises(UserError) as error:
        call(function, path, tensors, limit)
    assert str(error.value).startswith(f"{path}:")
    return str(error.value).removeprefix(f"{path}:")


# loading


def test_a_function_is_loaded_and_does_what_it_says(tmp_path):
    function, _ = load(tmp_path, "def backward(x):\n    return x + 1\n")
    assert function(1) == 2


def test_a_missing_file_is_told_with_what_belongs_in_it(tmp_path):
    with pytest.raises(UserError) as error:
        load_function(tmp_path / "forward.py", "forward", Given((), {}), LONG)
    assert str(error.value) == (
        f"{tmp_path}/forward.py: is missing; write it with a function forward."
    )


def test_a_syntax_error_is_told_with_its_line(tmp_path):
    sentence = load_refused(tmp_path, "def backward(x):\n    return (x\n")
    assert sentence == "2: does not parse as Python: '(' was never closed."


@pytest.mark.parametrize("text", [b"x = '\xff'\n", b"x = '\0'\n"], ids=["not UTF-8", "a null byte"])
def test_bytes_that_are_no_python_are_told(tmp_path, text):
    assert "does not parse as Python: " in load_refused(tmp_path, text)


def test_a_missing_function_is_told(tmp_path):
    sentence = load_refused(tmp_path, "def backwards(x):\n    return x\n")
    assert sentence == " has no function backward; write `def backward(...)`."


def test_a_name_that_is_no_function_is_told(tmp_path):
    assert "has no function backward" in load_refused(tmp_path, "backward = 5\n")


@pytest.mark.parametrize(
    ("signature", "name"), [("*args", "args"), ("**kwargs", "kwargs"), ("x, *rest", "rest")]
)
def test_a_catch_all_parameter_is_told(tmp_path, signature, name):
    sentence = load_refused(tmp_path, f"import torch\n\ndef backward({signature}):\n    pass\n")
    assert sentence == f"3: backward takes *{name}; name its tensors instead."


def test_an_unknown_parameter_is_told_with_the_tensors_there_are(tmp_path):
    sentence = load_refused(tmp_path, "\ndef backward(x, w):\n    pass\n")
    assert (
        sentence
        == "2: backward takes 'w', which is neither a tensor nor an argument of the config; there are x, W."
    )


def test_an_unknown_parameter_with_a_default_may_stay(tmp_path):
    function, path = load(tmp_path, "def backward(x, power=2):\n    return x**power\n")
    assert call(function, path, {"x": 3 * X}, LONG).unique().tolist() == [9]


def test_an_error_while_the_file_runs_is_told_with_its_line(tmp_path):
    assert load_refused(tmp_path, "import math\n\nmath.sqrt(-1)\n").startswith("3: ValueError: ")


def test_an_import_that_fails_is_told_with_its_line(tmp_path):
    sentence = load_refused(tmp_path, "\nimport no_such_package_at_all\n")
    assert sentence == "2: ModuleNotFoundError: No module named 'no_such_package_at_all'."


def test_a_file_that_runs_endlessly_is_stopped(tmp_path):
    sentence = load_refused(tmp_path, "while True:\n    pass\n", LIMIT)
    assert (
        f": still running after 0.2 s; mend the loop or raise time_limit in {tmp_path}/config.yaml."
        in sentence
    )


def test_the_file_knows_its_name_and_is_not_main(tmp_path):
    text = "assert __file__.endswith('backward.py')\nassert __name__ == 'backward'\ndef backward(x): ...\n"
    load(tmp_path, text)


# calling


def test_a_function_gets_the_tensors_that_it_asks_for_in_any_order(tmp_path):
    function, path = load(tmp_path, "def backward(W, x):\n    return W - x\n")
    tensors = {"x": torch.tensor(1.0), "W": torch.tensor(5.0), "other": torch.tensor(7.0)}
    assert call(function, path, tensors, LONG) == 4


def test_an_error_inside_is_told_with_the_line_of_the_authors_file(tmp_path):
    text = "def helper(x):\n    raise KeyError('x')\n\ndef backward(x):\n    return helper(x)\n"
    assert call_refused(tmp_path, text, {"x": X}) == "2: KeyError: 'x'."


def test_an_error_within_torch_is_told_with_the_authors_line_not_torchs(tmp_path):
    text = (
        "import torch\n\ndef backward(x):\n    y = x + 1\n    return torch.nn.Linear(3, 'a')(y)\n"
    )
    assert call_refused(tmp_path, text, {"x": X}).startswith("5: TypeError: ")


def test_an_error_without_a_reason_is_told_by_its_name(tmp_path):
    text = "def backward(x):\n    raise ValueError\n"
    assert call_refused(tmp_path, text, {"x": X}) == "2: ValueError."


def test_an_error_of_many_lines_is_told_in_one(tmp_path):
    text = "def backward(x):\n    raise ValueError('first.\\n   second.\\n')\n"
    assert call_refused(tmp_path, text, {"x": X}) == "2: ValueError: first. second."


def test_exit_in_the_authors_code_does_not_end_ours(tmp_path):
    assert (
        call_refused(tmp_path, "def backward(x):\n    exit(0)\n", {"x": X}) == "2: SystemExit: 0."
    )


def test_an_interrupt_is_not_the_authors_mistake(tmp_path):
    function, path = load(tmp_path, "def backward(x):\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        call(function, path, {"x": X}, LONG)


@pytest.mark.parametrize("then", ["return x", "raise ValueError"])
def test_the_authors_code_does_not_move_ours_to_another_directory(tmp_path, then):
    text = f"import os\ndef backward(x):\n    os.chdir('/')\n    {then}\n"
    function, path = load(tmp_path, text)
    before = Path.cwd()
    with suppress(UserError):
        call(function, path, {"x": X}, LONG)
    assert Path.cwd() == before


def test_a_refusal_of_ours_passes_as_it_is(tmp_path):
    with pytest.raises(UserError, match=r"^as it is$"), as_user_error(tmp_path / "a.py", LONG):
        raise UserError("as it is")


@pytest.mark.parametrize(
    "body",
    [
        "    while True:\n        x = x + 1\n",
        "    while True:\n        try:\n            x = x + 1\n        except Exception:\n            pass\n",
    ],
    ids=["a plain loop", "a loop that catches every Exception"],
)
def test_an_endless_loop_is_stopped_at_the_limit(tmp_path, body):
    start = time.monotonic()
    sentence = call_refused(tmp_path, f"def backward(x):\n{body}", {"x": X}, LIMIT)
    assert 0.2 <= time.monotonic() - start < 5
    line, rest = sentence.split(": ", 1)
    assert int(line) in range(2, 6)
    assert rest == (
        f"still running after 0.2 s; mend the loop or raise time_limit in {tmp_path}/config.yaml."
    )


def test_a_loop_that_swallows_the_alarm_ends_the_stage(tmp_path, run_python):
    path = tmp_path / "backward.py"
    path.write_text(
        "while True:\n    try:\n        while True:\n            pass\n    except:\n        pass\n"
    )
    ended = run_python(
        "import sys; from pathlib import Path; from autograd_by_hand.experiment.user_code import load_function;"
        "from autograd_by_hand.experiment.settings import Given;"
        "load_function(Path(sys.argv[1]), 'backward', Given(('x',), {}), 0.2)",
        str(path),
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"{path}: still running after 0.2 s; "
        f"mend the loop or raise time_limit in {tmp_path}/config.yaml.\n"
    )


def test_a_function_without_named_parameters_is_told(tmp_path):
    sentence = load_refused(tmp_path, "backward = dict\n")
    assert sentence == " backward has no named parameters; write `def backward(...)`."


def test_after_a_call_no_alarm_is_left_and_the_old_handler_is_back(tmp_path):
    def ours(*_):
        pytest.fail("the alarm rang after the call")

    before = signal.signal(signal.SIGALRM, ours)
    try:
        function, path = load(tmp_path, "def backward(x):\n    return x\n")
        call(function, path, {"x": X}, LIMIT)
        assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
        assert signal.getsignal(signal.SIGALRM) is ours
    finally:
        signal.signal(signal.SIGALRM, before)


def test_after_an_error_no_alarm_is_left_either(tmp_path):
    call_refused(tmp_path, "def backward(x):\n    raise ValueError\n", {"x": X})
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


# errors about shapes


@pytest.mark.parametrize(
    ("product", "first", "second", "hint"),
    [
        ("a @ b", (2, 3), (4, 3), " They fit with the second transposed, (2x3) @ (3x4)."),
        ("a @ b", (3, 2), (3, 4), " They fit with the first transposed, (2x3) @ (3x4)."),
        (
            "a @ b",
            (2, 3),
            (2, 3),
            " They fit with the second transposed, (2x3) @ (3x2) or with the first transposed, (3x2) @ (2x3).",
        ),
        ("a @ b", (2, 3), (4, 5), ""),
        ("a + b", (2, 3), (2, 4), ""),
        ("a.sum(dim=5) + b", (2, 3), (2, 3), ""),
    ],
)
def test_a_product_that_does_not_fit_names_the_transpose_that_does_and_all_shapes(
    tmp_path, product, first, second, hint
):
    tensors = {"a": torch.ones(first), "b": torch.ones(second)}
    sentence = call_refused(tmp_path, f"def backward(a, b):\n    return {product}\n", tensors)
    assert sentence.split(": ")[0] == "2"
    assert sentence.split(".", 1)[1] == f"{hint} The tensors are a {first}, b {second}."


def test_the_transpose_that_is_named_does_fit(tmp_path):
    sentence = call_refused(tmp_path, "def backward(x, W):\n    return x @ W\n", {"x": X, "W": W})
    assert "(2x3) @ (3x4)" in sentence
    function, path = load(tmp_path, "def backward(x, W):\n    return x @ W.T\n")
    assert call(function, path, {"x": X, "W": W}, LONG).shape == (2, 4)


def test_an_error_about_something_else_lists_no_shapes(tmp_path):
    text = "def backward(x):\n    raise ValueError('bad luck')\n"
    assert "The tensors are" not in call_refused(tmp_path, text, {"x": X})


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("torch.linalg.cholesky(x)", '"cholesky_cpu" not implemented for'),
        ("x.quantile(0.5)", "quantile() input tensor must be either float or double dtype"),
        ("torch.fft.rfft(x)", "nsupported dtype"),
        ("torch.linalg.lstsq(x, x)", "types other than float and double"),
        ("torch.polar(x, x)", "not implemented for|Float or Double tensors but got"),
    ],
)
def test_what_torch_lacks_in_a_half_format_is_told_with_two_ways_out(
    tmp_path, dtype, expression, reason
):
    text = f"import torch\n\ndef backward(x):\n    é = 1; return {expression} + é\n"
    sentence = call_refused(tmp_path, text, {"x": torch.eye(2, dtype=getattr(torch, dtype))})
    assert sentence.startswith("4: ")
    assert any(one in sentence for one in reason.split("|"))
    assert sentence.endswith(
        f". If torch cannot compute `{expression}` in {dtype}, do it in float32, with .float(), or "
        f"leave {dtype} out of dtypes in {tmp_path / 'config.yaml'}."
    )


@pytest.mark.parametrize("line", ["from forward import f", "import forward"])
def test_an_import_of_another_file_of_the_experiment_is_told_with_what_to_do(tmp_path, line):
    (tmp_path / "forward.py").write_text("def f(x):\n    return x\n")
    assert load_refused(tmp_path, f"\n{line}\n") == (
        "2: ModuleNotFoundError: No module named 'forward'. Each file of an experiment is executed "
        "by itself and cannot import forward.py; copy from it into backward.py what both need, and "
        "derive the gradient there."
    )


def test_an_import_of_what_is_not_there_gets_no_such_advice(tmp_path):
    assert load_refused(tmp_path, "import nothing_here\n") == (
        "1: ModuleNotFoundError: No module named 'nothing_here'."
    )


def test_an_expression_of_several_lines_is_not_quoted(tmp_path):
    text = "import torch\ndef backward(x):\n    return torch.linalg.cholesky(\n        x\n    )\n"
    sentence = call_refused(tmp_path, text, {"x": torch.eye(2, dtype=torch.float16)})
    assert "If torch cannot compute this in float16" in sentence
