from scripts.collect_errors import collect_errors

HEAD = "dtype,comparison,sample,run,gradient,max_abs,max_ulp,rel_norm\n"
FIRST = "float64,manual_vs_autograd,trial,0,dx,0.0,0.0,0.0\n"
SECOND = "float16,manual_vs_reference,trial,0,dx,0.1,inf,3.3333333333333335e-05\n"


def test_the_parts_stand_in_the_order_given_under_one_head_every_digit_kept(tmp_path):
    parts = [tmp_path / "one.csv", tmp_path / "two.csv"]
    for part, row in zip(parts, (FIRST, SECOND), strict=True):
        part.write_text(HEAD + row)
    collect_errors(parts, tmp_path / "errors.csv")
    assert (tmp_path / "errors.csv").read_text() == HEAD + FIRST + SECOND
    collect_errors(parts[::-1], tmp_path / "errors.csv")
    assert (tmp_path / "errors.csv").read_text() == HEAD + SECOND + FIRST
