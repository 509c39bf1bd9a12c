import pytest

from autograd_by_hand.core.files import write_json
from write_index import write_index

HEADER = "dtype,comparison,sample,run,gradient,max_abs,max_ulp,rel_norm\n"
ROWS = """\
float64,manual_vs_autograd,trial,0,dx,0.0,0.0,0.0
float32,manual_vs_autograd,trial,0,dx,1.0,3.0,1.0
float32,manual_vs_autograd,trial,1,dW,1.0,17.0,1.0
float32,manual_vs_autograd,example,0,dx,1.0,99.0,1.0
float32,manual_vs_reference,trial,0,dx,1.0,99.0,1.0
"""


def manifest(name, outcome="right", holds=(True, True)):
    return {
        "experiment": name,
        "config": {"title": f"The {name}", "question": "Is a | b?"},
        "acceptance": [{"holds": one} for one in holds],
        "verdicts": [
            {"gradient": "dx", "dtype": "float64", "outcome": "right"},
            {"gradient": "dW", "dtype": "float32", "outcome": outcome},
        ],
    }


def run(folder, *manifests):
    written, errors = [], []
    for one in manifests:
        own = folder / one["experiment"]
        own.mkdir(exist_ok=True)
        written.append(own / "manifest.json")
        errors.append(own / "errors.csv")
        write_json(written[-1], one)
        errors[-1].write_text(HEADER + ROWS)
    dtypes = ["float64", "float32", "bfloat16"]
    write_index(written, errors, dtypes, folder / "README.md", folder / "index.html")
    return (folder / "README.md").read_text(), (folder / "index.html").read_text()


def test_an_experiment_is_a_row_with_its_question_verdict_worst_ulps_and_links(tmp_path):
    text, _ = run(tmp_path, manifest("one"))
    assert (
        "| [The one](one/REPORT.md) | Is a \\| b? | right | 2 of 2 hold | 0 | 17 | "
        "[page](one/REPORT.html), [errors](one/errors.csv), [manifest](one/manifest.json) |\n"
        in text
    )


def test_the_columns_are_the_formats_that_were_tried(tmp_path):
    text, _ = run(tmp_path, manifest("one"))
    assert "| Criteria | float64 | float32 | Files |" in text


def test_the_experiments_stand_in_the_order_in_which_they_are_given(tmp_path):
    text, _ = run(tmp_path, manifest("two"), manifest("one"))
    assert text.index("[The two]") < text.index("[The one]")
    assert "**2 of 2 are right in every format.** 2 of 2 meet all of their own criteria." in text


def test_what_is_not_right_is_told_by_gradient_and_format(tmp_path):
    text, page = run(tmp_path, manifest("one", "wrong", holds=(True, False)), manifest("two"))
    assert "| **wrong**: dW in float32 | 1 of 2 hold |" in text
    assert "**1 of 2 are right in every format.** 1 of 2 meet all" in text
    assert 'class="lead wrong"' in page


@pytest.mark.parametrize(("holds", "look"), [((True,), "right"), ((False,), "wrong")])
def test_the_page_is_the_same_table_and_looks_right_where_all_is(tmp_path, holds, look):
    _, page = run(tmp_path, manifest("one", holds=holds))
    assert f'class="lead {look}"' in page
    assert '<a href="one/REPORT.html">The one</a>' in page


def test_the_same_experiments_give_the_same_bytes(tmp_path):
    assert run(tmp_path, manifest("one")) == run(tmp_path, manifest("one"))
