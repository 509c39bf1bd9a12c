"""The report's words follow its numbers: other figures, other sentences."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scripts.judge_gradients import judge_gradients
from scripts.lib.config import load_config
from scripts.render_report import render_report
from tests.conftest import ROOT

LAB = ROOT / "experiments/25-autograd-by-hand"
DTYPES = ["float64", "float32", "bfloat16", "float16"]
GRADIENTS = ["dx", "dW", "db"]
NODES = [
    ("MulBackward0", [1], None),
    ("SumBackward0", [2], None),
    ("AddmmBackward0", [3, 4, 5], None),
    ("AccumulateGrad", [], "b"),
    ("AccumulateGrad", [], "x"),
    ("TBackward0", [6], None),
    ("AccumulateGrad", [], "W"),
]


class Story:
    """Made-up measurements of the lab, and the report that they give."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = load_config(LAB / "config.yaml", ROOT / "experiments/schema.yaml")
        self.differences = dict.fromkeys(
            ["manual_vs_autograd", "reordered_vs_autograd", "manual_vs_reference", "autograd_vs_reference"],
            0.0,
        )  # fmt: skip
        self.identical = True
        self.loss_overflows = 0
        self.loss_overflows_small_target = 0
        self.true_loss = 4e4
        self.dx_largest, self.dx_ulp = 1740.0, 1.2e-4
        self.second_call = "same bits"
        self.ratio: float | None = None
        self.changed_inputs: list[str] = []
        self.halvings = {"0.5 * s": "MulBackward0", "s / 2": "DivBackward0"}

    def report(self) -> str:
        """Render REPORT.md from what was made up."""
        samples = self.config["samples"]
        rows = [
            {
                "dtype": dtype, "comparison": comparison, "sample": sample, "run": run, "gradient": gradient,
                "max_abs": value, "max_ulp": value * 1e7, "rel_norm": value / 1e3,
            }
            for dtype in DTYPES
            for comparison, value in self.differences.items()
            for sample in samples
            for run in range(samples[sample]["runs"])
            for gradient in GRADIENTS
        ]  # fmt: skip
        errors = self.folder / "errors.csv"
        pd.DataFrame(rows).to_csv(errors, index=False)
        nodes = [
            {
                "id": i,
                "type": kind,
                "leaf": leaf,
                "edges": [{"to": to, "input": 0} for to in onward],
            }
            for i, (kind, onward, leaf) in enumerate(NODES)
        ]
        graph = self.write(
            "graph", {"nodes": nodes, "first_edge_walk": [0, 1, 2, 3], "halvings": self.halvings}
        )
        facts = [self.write(f"facts.{dtype}", self.facts(dtype)) for dtype in DTYPES]
        second = dict.fromkeys(("x", "W", "b"), self.second_call)
        calls = {"second_call": second, "changed_inputs": self.changed_inputs}
        each = [self.write(f"calls.{dtype}", calls) for dtype in DTYPES]
        arithmetic = [
            self.write(f"a.{dtype}", {"arithmetic": "float64", "reason": None}) for dtype in DTYPES
        ]
        handed = [self.write(f"h.{dtype}", {"mm": 2}) for dtype in DTYPES]
        environment = self.write("environment", {
            "python": "3.11.7", "machine": "x86_64", "packages": {"torch": "2.13.0"},
            "torch": {"cpu_capability": "AVX2", "threads": 1, "libraries": ["MKL"]},
            "numpy": {"blas": "openblas", "version": "0.3"},
        })  # fmt: skip
        judgement, report = self.folder / "judgement.json", self.folder / "REPORT.md"
        judge_gradients(errors, facts, each, graph, self.config["acceptance"], DTYPES, judgement)
        written = [LAB / name for name in ("config.yaml", "derivation.md", "discussion.md")]
        render_report(
            LAB.name, errors, judgement, facts, each, arithmetic, handed, graph, environment, written,
            self.config["title"], self.config["question"], self.config["tensors"], samples, DTYPES, report,
        )  # fmt: skip
        return report.read_text()

    def facts(self, dtype: str) -> dict[str, Any]:
        lost = {"trial": self.loss_overflows, "small_target": self.loss_overflows_small_target}
        return {
            "dtype": dtype, "eps": 2.0**-10, "largest": 65504.0,
            "samples": {
                name: {
                    "runs": sample["runs"],
                    "result": {
                        "scalar": True,
                        "largest": self.true_loss,
                        "non_finite": {
                            "count": lost[name], "runs": lost[name], "run": 0, "index": [], "value": "inf",
                            "reference": self.true_loss, "fits": self.true_loss < 65504,
                        } if dtype == "float16" and lost.get(name) else None,
                    },
                    "gradients": {
                        gradient: {
                            "largest": self.dx_largest, "ulp_at_largest": self.dx_ulp,
                            "identical": self.identical, "non_finite": None, "ratio": self.ratio,
                            "first": {"manual": 1.5, "autograd": 1.5, "reference": 1.5},
                        }
                        for gradient in GRADIENTS
                    },
                }
                for name, sample in self.config["samples"].items()
            },
        }  # fmt: skip

    def write(self, name: str, value: object) -> Path:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(value))
        return path


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.chdir(ROOT)  # the templates are found from the project's root
    return Story(tmp_path)


def test_equal_bits_are_called_so(story: Story) -> None:
    report = story.report()
    assert "the gradient derived by hand is autograd's, bit for bit" in report
    assert "There is no difference to explain." in report
    assert "Even numpy's sums give the same bits on this machine." in report


def test_a_difference_of_numpys_sums_alone_is_laid_to_the_sums(story: Story) -> None:
    story.differences |= {
        "reordered_vs_autograd": 2e-3,
        "manual_vs_reference": 5e-4,
        "autograd_vs_reference": 5e-4,
    }
    report = story.report()
    assert "differs from autograd by up to 0.0020" in report
    assert "so they are all of that difference" in report
    assert "There is no difference to explain" not in report


def test_a_difference_on_torchs_own_sums_is_not_laid_to_them(story: Story) -> None:
    story.identical = False
    story.differences |= {"manual_vs_autograd": 3e-6, "reordered_vs_autograd": 2e-3}
    report = story.report()
    assert "cannot be called the reason" in report
    assert "The greatest difference here is 3.0e-6." in report
    assert "bit for bit" not in report.split("## Does it do")[0]
    assert "Not all hold." in report


@pytest.mark.parametrize(
    ("spacing", "sentence"),
    [
        (1.2e-4, "no two different numbers there are that close"),
        (1e-7, "is within what the format can hold"),
    ],
)
def test_the_bound_is_weighed_against_the_spacing_at_dx(
    story: Story, spacing: float, sentence: str
) -> None:
    story.dx_ulp = spacing
    assert sentence in story.report()


def test_a_finite_loss_is_not_called_infinite(story: Story) -> None:
    report = story.report()
    assert "The float16 loss is finite in all 20 runs here" in report
    assert "is inf" not in report


def test_an_infinite_loss_is_counted_and_the_remedy_judged(story: Story) -> None:
    story.loss_overflows = 18
    assert "With target x 0.1 it is finite in all 20 runs" in story.report()
    story.loss_overflows_small_target = 17
    report = story.report()
    assert "The float16 loss is inf in 18 of 20 runs." in report
    assert "the sum of squares, twice as large, has to be formed before it is halved" in report
    assert "With target x 0.1 it is still inf in 17 of 20 runs" in report


def test_a_loss_too_large_for_the_format_is_called_that(story: Story) -> None:
    story.loss_overflows, story.true_loss = 20, 8.6e4
    assert "and float16 ends at 65504: it is too large for the format." in story.report()


@pytest.mark.parametrize(
    ("order", "rounding", "sentence"),
    [
        (0.0, 0.5, "has autograd's own bits"),
        (0.1, 0.5, "The order of the sums is not the main reason"),
        (0.4, 0.5, "The order of the sums matters as much"),
    ],
)
def test_the_half_precision_sentence_is_chosen_by_the_figures(
    story: Story, order: float, rounding: float, sentence: str
) -> None:
    story.differences |= {"reordered_vs_autograd": order, "manual_vs_reference": rounding}
    assert sentence in story.report()


def test_a_factor_of_two_is_named(story: Story) -> None:
    story.identical, story.ratio = False, 2.0
    story.differences |= {"manual_vs_autograd": 1e3, "manual_vs_reference": 1e3}
    report = story.report()
    assert (
        "**Wrong: dx, dW and db in float64, float32, bfloat16 and float16:** every element is 2 times"
        in report
    )
    assert "a factor 0.5 is missing" in report


def test_a_gradient_that_grows_is_named(story: Story) -> None:
    story.second_call = "twice the first"
    report = story.report()
    assert "a second call on the same inputs gave twice the first" in report
    assert "backward adds to what an earlier call left" in report


def test_changed_inputs_are_told(story: Story) -> None:
    story.changed_inputs = ["W"]
    assert "backward changes its inputs in place in float32: W." in story.report()


def test_the_root_follows_the_graph(story: Story) -> None:
    assert "The root here is `MulBackward0`." in story.report()
    story.halvings["s / 2"] = "MulBackward0"
    assert "what the other spelling gives" not in story.report()


def test_the_lab_report_has_no_template_left_in_it_and_every_fence_closed() -> None:
    report = (LAB / "REPORT.md").read_text()
    assert not any(left in report for left in ("{%", "{{", "{#", "| None", "| nan", "Undefined"))
    assert report.count("```") % 2 == 0
    tables = [line for line in report.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
