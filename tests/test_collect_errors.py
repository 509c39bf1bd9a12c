import torch

from autograd_by_hand.storage.safetensors_torch import write_tensors
from collect_errors import collect_errors

HEAD = "dtype,comparison,sample,run,gradient,max_abs,max_ulp,rel_norm\n"
FIRST = "float64,manual_vs_autograd,trial,0,dx,0.0,0.0,0.0\n"
SECOND = "float16,manual_vs_reference,trial,0,dx,0.1,inf,3.3333333333333335e-05\n"


def test_the_parts_stand_in_the_order_given_under_one_head_every_digit_kept(tmp_path):
    parts = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for part, row in zip(parts, (FIRST, SECOND), strict=True):
        part.write_text(HEAD + row)
    collect_errors(parts, [], [], ["x"], tmp_path / "errors.csv")
    assert (tmp_path / "errors.csv").read_text() == HEAD + FIRST + SECOND
    collect_errors(parts[::-1], [], [], ["x"], tmp_path / "errors.csv")
    assert (tmp_path / "errors.csv").read_text() == HEAD + SECOND + FIRST


def test_the_rows_of_chunks_follow_those_of_their_own_sample_and_comparison(tmp_path):
    part = tmp_path / "one.csv"
    other = "float64,manual_vs_autograd,example,0,dx,9.0,9.0,9.0\n"
    last = "float64,autograd_vs_reference,trial,0,dx,8.0,8.0,8.0\n"
    part.write_text(HEAD + FIRST + other + last)
    chunks = [tmp_path / "trial.1-3", tmp_path / "trial.3-4"]
    for chunk, runs in zip(chunks, (2, 1), strict=True):
        errors = torch.zeros((1, 4, 1, runs, 3), dtype=torch.float64)
        errors[0, 0, 0, :, 0] = torch.arange(1, runs + 1)
        write_tensors(chunk, {"errors": errors})
    collect_errors(
        [part], chunks, [("trial", 1, 3), ("trial", 3, 4)], ["x"], tmp_path / "errors.csv"
    )
    rows = (tmp_path / "errors.csv").read_text().removeprefix(HEAD).splitlines()
    assert [row.split(",")[1:6] for row in rows] == [
        ["manual_vs_autograd", "trial", "0", "dx", "0.0"],
        ["manual_vs_autograd", "trial", "1", "dx", "1.0"],
        ["manual_vs_autograd", "trial", "2", "dx", "2.0"],
        ["manual_vs_autograd", "trial", "3", "dx", "1.0"],
        ["manual_vs_autograd", "example", "0", "dx", "9.0"],
        ["autograd_vs_reference", "trial", "0", "dx", "8.0"],
        ["autograd_vs_reference", "trial", "1", "dx", "0.0"],
        ["autograd_vs_reference", "trial", "2", "dx", "0.0"],
        ["autograd_vs_reference", "trial", "3", "dx", "0.0"],
    ]
