"""The report's words follow its numbers: other figures, other sentences."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from autograd_by_hand.core.messages import Message
from autograd_by_hand.experiment.config import load_config
from autograd_by_hand.experiment.settings import FULLY_ANALYSED
from autograd_by_hand.replay.attribution import FACTORS, OTHER
from judge_gradients import judge_gradients
from render_report import render_report
from tests.conftest import ROOT

LAB = ROOT / "experiments/25-autograd-by-hand"
COMPARISONS = [
    "manual_vs_autograd",
    "reordered_vs_autograd",
    "manual_vs_reference",
    "autograd_vs_reference",
]
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
PROGRAM = {
    "inputs": {"x": 0, "W": 1},
    "outputs": {"dx": 2},
    "calls": [
        {"op": "aten.mm.default", "args": [{"value": 0}, {"value": 1}], "kwargs": {}, "result": 2, "dtype": "float32", "sum": 0}
    ],
}  # fmt: skip
LANES = {
    "refused": None,
    "shape": [1, 2, 4],
    "which": [[2, [[3, 0], [1, 1]]]],
    "orders": [
        {"tree": "((0:64:4) (1:64:4) (2:64:4) (3:64:4))", "fused": "(4:64)", "from_zero": False},
        {"tree": "(0:64)", "fused": None, "from_zero": False},
    ],
}
SUM = {
    "op": "aten.mm.default",
    "torch": LANES,
    "numpy": {
        "refused": None,
        "shape": [1, 2, 4],
        "which": [[2, [[4, 0]]]],
        "orders": [{"tree": "(0:64)", "fused": "(1:64)", "from_zero": False}],
    },
}


class Story:
    """Made-up measurements of the lab, and the report that they give."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = load_config(LAB / "config.yaml", ROOT / "experiments/schema.yaml")
        self.differences = dict.fromkeys(COMPARISONS, 0.0)
        self.identical = True
        self.unequal = 0
        self.loss_overflows = 0
        self.loss_overflows_small_target = 0
        self.true_loss = 4e4
        self.dx_largest, self.dx_ulp = 1740.0, 1.2e-4
        self.second_call = "same bits"
        self.off_by, self.noise = dict.fromkeys(DTYPES, 0.5), dict.fromkeys(DTYPES, 2.0**-12)
        self.mistake: dict[str, str] | None = None
        self.refused: dict[str, str] = {}
        self.autograd: dict[str, Any] = {}  # what calls of backward tell of it
        self.gpu: str | None = None
        self.changed_inputs: list[str] = []
        self.oracle: str | None = None
        self.proven: float | None = None
        self.autograds = 0.25
        self.fault: dict[str, Any] | None = None
        self.opinion: dict[str, Any] = {
            "fast": False,
            "objection": None,
            "refused": None,
        }
        self.tried: list[dict[str, Any]] | None = None
        self.halvings = {"0.5 * s": "MulBackward0", "s / 2": "DivBackward0"}
        self.shares: dict[str, float] | None = None  # by factor, alike in all formats
        self.untraced: str | None = None
        self.missed = 0
        self.sum: dict[str, Any] = SUM
        self.given: dict[str, int] = {}
        self.no_order: str | None = None
        self.others: list[list[Any]] = []
        self.language, self.languages = "en", ["en"]

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
        calls = {
            "second_call": second, "zero_cotangent": {}, "changed_inputs": self.changed_inputs,
            "refused": self.refused,
        } | self.autograd  # fmt: skip
        each = [self.write(f"calls.{dtype}", calls) for dtype in DTYPES]
        arithmetic = [
            self.write(
                f"a.{dtype}", {"arithmetic": "float64", "reason": None, "fault": None, "kinks": []}
            )
            for dtype in DTYPES
        ]
        handed = [self.write(f"h.{dtype}", {"mm": 2}) for dtype in DTYPES]
        environment = self.write("environment", {
            "python": "3.11.7", "machine": "x86_64", "packages": {"torch": "2.13.0"},
            "torch": {
                "cpu_capability": "AVX2", "threads": 1, "libraries": ["MKL"], "gpu": self.gpu,
            },
            "numpy": {"blas": "openblas", "version": "0.3"},
        })  # fmt: skip
        replays = [self.write(f"replay.{dtype}", self.replay(dtype)) for dtype in DTYPES]
        attributions = [self.write(f"at.{dtype}", self.attribution()) for dtype in DTYPES]
        operations = self.write("operations", {"autograd": PROGRAM, "hand": PROGRAM})
        orders = self.write("orders", {"sums": [self.sum]})
        judgement, report = self.folder / "judgement.json", self.folder / "REPORT.md"
        mistakes = self.write("mistakes", dict.fromkeys(GRADIENTS, self.mistake))
        oracle = self.write(
            "oracle",
            {
                "autograd": 2.5,
                "difference": 2.75,
                "uncertain": 0.5,
                "reason": self.oracle,
                "proven": self.proven,
                "stops": [],
            },
        )
        tried = [] if self.tried is None else [self.write("pitfalls", self.tried)]
        judge_gradients(
            errors, facts, each, facts[0], mistakes, oracle, attributions, tried, [], graph,
            handed, self.config["acceptance"], self.config.get("autograd"), None, DTYPES, judgement,
        )  # fmt: skip
        opinion = self.write("gradcheck", self.opinion)
        written = [LAB / name for name in ("config.yaml", "derivation.md", "discussion.md")]
        render_report(
            LAB.name, errors, judgement, facts, each, arithmetic, handed, replays, attributions,
            operations, orders, self.write("tails", self.tails()), oracle,
            self.write("proof", {}), opinion, tried, [],
            graph, environment, self.write("inputs", []), mistakes, [], written,
            self.config["title"], self.config["question"], self.config["tensors"], {}, samples, DTYPES,
            self.language, self.languages, self.config["translations"], None, None, report,
        )  # fmt: skip
        return report.read_text()

    def tails(self) -> dict[str, Any]:
        runs = self.config["samples"]["trial"]["runs"]
        greatest = {"ulps": 3.5, "run": 7, "index": [1, 2], "hand": 1.25, "true": 1.5}
        tail = {
            "runs": runs, "elements": 6, "unequal": self.unequal, "counts": {"0": 1, "2^0": 2, "2^2": 3},
            "overflow": 4, "zeros": 5, "subnormal": 6, "greatest": greatest,
        }  # fmt: skip
        return {
            dtype: {"gradients": dict.fromkeys(GRADIENTS, tail), "lost": self.loss_overflows}
            for dtype in DTYPES
        }

    def replay(self, dtype: str) -> dict[str, Any]:
        row = {"dtype": dtype, "tensor": "dx", "elements": 100, "identical": 100, "first": None}
        miss = {"sample": "trial", "run": 3, "index": [1, 63], "found": 1.0, "expected": 1.5}
        missed = {"identical": 100 - self.missed, "first": miss} if self.missed else {}
        refused = [{"tensor": "dx", "op": "aten.mm.default", "reason": self.no_order}]
        return {
            "tensors": [row | {"data": "experiment"} | missed, row | {"data": "amplified"}],
            "given": self.given, "constants": [], "refused": refused if self.no_order else [],
            "others": self.others,
            "proved": not (self.missed or self.given or self.no_order or self.others),
        }  # fmt: skip

    def attribution(self) -> dict[str, Any]:
        shares = [
            {
                "gradient": name,
                "factor": factor,
                "share": None if self.shares is None else self.shares.get(factor, 0.0),
            }
            for name in GRADIENTS
            for factor in (*FACTORS, OTHER)
        ]
        counterfactuals = [
            {
                "order": "reversed", "gradient": name, "elements": 8, "identical": 2,
                "max_abs": 0.25, "max_ulp": 1.0, "rel_norm": 0.1,
            }
            for name in GRADIENTS
        ]  # fmt: skip
        whole = {
            "refused": None, "runs": 5, "shares": shares, "counterfactuals": counterfactuals,
            "forward": [], "backward": ["mm"],
        }  # fmt: skip
        nothing: dict[str, Any] = {
            "refused": self.untraced,
            "runs": 0,
            "shares": [],
            "counterfactuals": [],
            "forward": [],
            "backward": [],
        }
        return nothing if self.untraced else whole

    def facts(self, dtype: str) -> dict[str, Any]:
        lost = {"trial": self.loss_overflows, "small_target": self.loss_overflows_small_target}
        return {
            "dtype": dtype, "eps": 2.0**-10, "largest": 65504.0,
            "samples": {
                name: {
                    "runs": min(sample["runs"], FULLY_ANALYSED),
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
                            "shape": self.config["tensors"][gradient[1:]]["shape"],
                            "largest": self.dx_largest, "ulp_at_largest": self.dx_ulp,
                            "identical": self.identical, "non_finite": None,
                            "first": {"manual": 1.5, "autograd": 1.5, "reference": 1.5},
                            "noise": self.noise[dtype], "jumps": 0.0, "jumping": 0, "judged": 128, "limits": {"norm": 4.0, "element": 9.0},
                            "manual": {
                                "norm": self.off_by[dtype], "element": 1.0, "run": 0, "index": [0, 0],
                            },
                            "autograd": {"norm": self.autograds, "element": 1.0, "lost": False, "fault": self.fault},
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
    assert "the gradient derived by hand is identical to autograd's, bit for bit" in report
    assert "there is no difference to explain" in report
    assert "Even numpy's sums give the same bits on this machine." in report


def differing(story: Story, **shares: float) -> str:
    """The report where numpy's sums differ from autograd, for these reasons."""
    story.differences |= {"reordered_vs_autograd": 2e-3}
    story.shares = shares
    return story.report()


def test_a_difference_is_laid_to_the_order_where_the_shares_say_so(story: Story) -> None:
    report = differing(story, forward_order=0.25, backward_order=0.75)
    assert "With numpy's sums the difference is up to 0.0020" in report
    assert "in `dx` summation order explains 100 % (25.0 % in the forward" in report
    assert "fused products explain 0 %" in report
    assert "no difference to explain" not in report


def test_a_difference_is_laid_to_fused_products_where_the_shares_say_so(story: Story) -> None:
    report = differing(story, forward_fma=0.5, backward_fma=0.4, backward_order=0.1)
    assert "summation order explains 10.0 % (0 % in the forward pass)" in report
    assert "fused products explain 90.0 %" in report


def test_what_no_sum_explains_is_said(story: Story) -> None:
    report = differing(story, forward_order=0.2, other_operations=0.8)
    assert "80.0 % does not come from sums: the two execute different operations" in report


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.9999, "almost entirely rounding"), (0.8, "mostly rounding"), (0.2, "not mostly")],
)
def test_half_precision_is_laid_to_rounding_by_its_share(
    story: Story, share: float, words: str
) -> None:
    report = differing(story, output_rounding=share, forward_order=1 - share)
    assert f"between the float32 gradient and autograd's is {words}" in report


def test_rounding_that_leads_away_explains_nothing(story: Story) -> None:
    report = differing(story, output_rounding=-0.4, other_operations=1.4)
    assert "rounding the result of each operation to 8 bits explains 0 % of" in report


def test_what_could_not_be_traced_is_not_explained(story: Story) -> None:
    story.untraced = "torch's mm has no order: a second call gives other bits"
    report = differing(story)
    assert f"What causes it is not known: {story.untraced}." in report
    assert f"not traced: {story.untraced}" in report
    assert "explains" not in report.split("## What the difference")[1].split("## What the lab")[0]
    assert "Not all hold." in report


def test_each_sum_is_told_in_words(story: Story) -> None:
    report = story.report()
    row = next(line for line in report.splitlines() if line.startswith("| `dx` | mm |"))
    assert "| 64 | in 4 lanes of 16 summands, 4 apart" in row
    assert row.endswith("| all | one after another | all |")
    assert "`dx`: 2 of its 8 positions are added in 1 other order;" in report


def test_a_sum_without_an_order_is_told_with_the_reason(story: Story) -> None:
    story.sum = SUM | {"torch": {"refused": "it is no tree"}}
    assert (
        "| `dx` | mm |  | unknown: it is no tree |  | one after another | all |" in story.report()
    )


def test_a_whole_replay_is_called_proved(story: Story) -> None:
    report = story.report()
    assert "**Every bit is accounted for.**" in report
    assert "proved" in report
    assert "| `dx` | amplified | 100 of 100 | 100 of 100 | 100 of 100 | 100 of 100 |" in report


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("missed", 1, "the first element that the replay misses is at index [1, 63] in run 3 of trial"),
        ("no_order", "it adds in more than 24 bits", "no order of its mm was found: it adds in more"),
        ("others", [["trial", 4]], "one run executes other operations than the first run"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_of_a_proof_is_named_and_nothing_called_proved(
    story: Story, setting: str, value: Any, words: str
) -> None:
    setattr(story, setting, value)
    report = story.report()
    assert words in report
    assert "proved" not in report
    assert "**Not every bit is accounted for.**" in report


def test_what_is_taken_as_given_is_named_and_nothing_called_proved(story: Story) -> None:
    story.given = {"tanh": 2, "exp": 1}
    report = story.report()
    assert "**Every sum is accounted for.**" in report
    assert "if the results of tanh and exp are taken as recorded" in report
    assert "from the bits of the inputs.\n" in report
    assert "proved" not in report


def test_what_is_given_is_counted_where_something_else_is_missed(story: Story) -> None:
    story.given, story.missed = {"tanh": 2}, 1
    assert "taken as recorded: tanh (2)." in story.report()


def test_a_difference_on_torchs_own_sums_is_not_laid_to_them(story: Story) -> None:
    story.identical = False
    story.differences |= {"manual_vs_autograd": 3e-6, "reordered_vs_autograd": 2e-3}
    story.untraced = "a replay with the sums of torch misses bits of dx"
    report = story.report()
    assert (
        "The gradients by hand and by autograd already differ in float32 on torch's own kernels."
        in report
    )
    assert "The greatest difference here is 3.0e-6." in report
    assert "bit for bit" not in report.split("## Acceptance criteria")[0]
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
        (0.1, 0.5, "Summation order is not the main reason"),
        (0.4, 0.5, "Summation order matters as much"),
    ],
)
def test_the_half_precision_sentence_is_chosen_by_the_figures(
    story: Story, order: float, rounding: float, sentence: str
) -> None:
    story.differences |= {"reordered_vs_autograd": order, "manual_vs_reference": rounding}
    assert sentence in story.report()


MISTAKE = {
    "kind": "sign",
    "name": "the sign is wrong",
    "evidence": Message("every element is {number}", number=0).parts(),
}


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"differences": dict.fromkeys(COMPARISONS, 2e-3), "shares": {"forward_order": 0.7, "other_operations": 0.3}, "identical": False},
        {"missed": 3, "given": {"exp": 2}, "no_order": "it is no tree", "others": [["trial", 1]]},
        {"off_by": dict.fromkeys(DTYPES, 1e9), "mistake": MISTAKE},
        {"off_by": dict.fromkeys(DTYPES, 1.0) | {"float16": 1e3}},
        {"noise": dict.fromkeys(DTYPES, 0.4), "untraced": "torch's mm has no order"},
        {"loss_overflows": 18, "changed_inputs": ["x", "W"], "oracle": "forward.py: autograd is off"},
        {"loss_overflows": 2, "true_loss": 1e5, "second_call": "twice the first"},
        {"refused": {"W": "backward.py:3: the gradient of 'W' is missing."}, "opinion": {"fast": True, "objection": "Jacobian mismatch", "refused": None}},
    ],
    ids=["equal", "differing", "not proved", "wrong", "imprecise", "unresolved", "in doubt", "overflow", "refused"],
)  # fmt: skip
def test_another_language_has_the_same_figures_in_other_words(
    story: Story, told: dict[str, Any]
) -> None:
    vars(story).update(told)
    story.languages = ["en", "es"]
    english = story.report()
    story.language = "es"
    spanish = story.report()
    assert re.findall(r"\d[\d.e-]*", spanish) == re.findall(r"\d[\d.e-]*", english)
    own, _, lab = spanish.partition("## What the lab text expects")
    assert "Sin traducir: son palabras del autor, en inglés." in own.splitlines()[-2]
    assert lab
    assert not re.search(r"\b(the|every|is|are|with|which)\b", _without_quotes(own))


def _without_quotes(report: str) -> str:
    """What is not the author's, nor torch's, nor made up by these tests."""
    ours = re.sub(r"## Las matemáticas.*?\n## ", "", report, flags=re.DOTALL)
    for quoted in ("it is no tree", "torch's mm has no order", "autograd is off"):
        ours = ours.replace(quoted, "")
    return re.sub(r"backward\.py:3: the gradient of 'W' is missing", "", ours, flags=re.IGNORECASE)


def verdict_of(report: str) -> str:
    """What stands above the criteria."""
    return report.split("## Acceptance criteria", maxsplit=1)[0]


def test_a_wrong_formula_is_told_once_for_all_formats_with_its_mistake(story: Story) -> None:
    story.identical = False
    story.off_by["float64"] = 1e9
    story.mistake = {
        "kind": "factor",
        "name": "a factor 1/2 is forgotten",
        "evidence": "every element is 2 times the true one",
    }
    report = story.report()
    assert verdict_of(report).count("**Wrong: ") == 1
    assert (
        "**Wrong: dx, dW and db in float64, float32, bfloat16 and float16.** The likeliest mistake: "
        "a factor 1/2 is forgotten. Every element is 2 times the true one. Off by 1.00e9 times the "
        "rounding noise; autograd is off by 0.25; the limit is 4.0." in report
    )
    assert (
        "- `dW` in float16 is wrong: In float64 off by 1.00e9 times the rounding noise; autograd is off "
        "by 0.25; the limit is 4.0. Likely: A factor 1/2 is forgotten. Every element is 2 times "
        "the true one.\n" in report
    )
    assert "**Right.**" not in report


def test_a_wrong_gradient_without_a_known_mistake_is_told_by_its_reason(story: Story) -> None:
    story.off_by["float64"] = 5e9
    report = story.report()
    assert (
        "**Wrong: dx, dW and db in float32, bfloat16 and float16.** In float64 off by 5.00e9 times "
        "the rounding noise; autograd is off by 0.25; the limit is 4.0." in report
    )
    assert "The likeliest mistake" not in report


def test_a_right_formula_that_a_format_spoils_is_imprecise_there_alone(story: Story) -> None:
    story.identical = False
    story.off_by["bfloat16"] = 5.0
    report = story.report()
    assert verdict_of(report).count("**Imprecise: dx, dW and db in bfloat16.**") == 1
    assert "**Wrong" not in report
    assert "| `dx` | bfloat16 | **imprecise** | 5.0 | 0.25 | 4.0 | 2.4e-4 | 9.8e-4 |" in report
    assert "| `dx` | float16 | right | 0.50 | 0.25 | 4.0 | 2.4e-4 | 9.8e-4 |" in report


def test_a_format_that_can_tell_nothing_is_unresolved(story: Story) -> None:
    story.noise["bfloat16"] = 0.25
    report = story.report()
    assert "**Unresolved: dx, dW and db in bfloat16.** Rounding noise in bfloat16 is 0.25" in report
    assert "| `dx` | bfloat16 | **unresolved** | 0.50 | 0.25 | 4.0 | 0.25 | 1.0 |" in report
    assert "- `dx` in bfloat16 is unresolved: Rounding noise in bfloat16 is 0.25" in report


def test_a_gradient_that_is_not_given_is_wrong_and_the_others_are_judged(story: Story) -> None:
    line = f"{LAB}/backward.py:3"
    story.refused = {"W": f"{line}: the gradient of 'W' is missing; backward must give 'x', 'W'."}
    report = story.report()
    assert (
        "**Wrong: dW in float64, float32, bfloat16 and float16.** The likeliest mistake: backward "
        f"returns no usable gradient. {line}: the gradient of 'W' is missing; backward "
        "must give 'x', 'W'.\n" in report
    )
    assert "| `dx` | float32 | right |" in report
    assert "| `dW` | float32 | **wrong** |" in report
    assert ".." not in verdict_of(report)


def test_a_gradient_that_grows_is_named(story: Story) -> None:
    story.second_call = "twice the first"
    evidence = "a second call on the same inputs gave twice the first"
    story.mistake = {
        "kind": "accumulated",
        "name": "it adds to what was left",
        "evidence": evidence,
    }
    report = story.report()
    assert (
        "The likeliest mistake: it adds to what was left. A second call on the same inputs gave "
        "twice the first.\n" in report
    )
    assert (
        "Called a second time on the same inputs in float16, backward gives `dW` as twice" in report
    )


def test_autograd_that_stands_a_test_is_called_a_fair_reference(story: Story) -> None:
    report = story.report()
    assert "along a random direction its derivative is 2.5000000" in report
    assert "give 2.7500000 (within 0.50)" in report
    assert "in doubt" not in report


def test_a_proof_that_overrules_finite_differences_is_told(story: Story) -> None:
    story.proven = 1e-16
    report = story.report()
    assert "direction is 2.5000000, and finite differences of forward disagree: they give" in report
    assert "autograd's gradient agrees with the proven bounds to within 1.0e-16 of its" in report
    assert "fair reference" not in report


def test_autograd_that_does_not_stand_it_is_in_doubt_and_nothing_called_right(story: Story) -> None:
    story.oracle = "forward.py: autograd's derivative is another than that by differences"
    report = story.report()
    assert f"**Autograd itself is in doubt here:** {story.oracle}. No verdict is *right*" in report
    assert (
        f"**Unresolved: dx, dW and db in float64, float32, bfloat16 and float16.** {story.oracle}."
        in report
    )
    assert "fair reference" not in report
    assert report.count("| **unresolved** |") == 12  # 3 gradients in 4 formats


@pytest.mark.parametrize(
    ("opinion", "words"),
    [
        ({}, "on every element of one run, accepts the gradient"),
        ({"fast": True}, "in its fast mode, on the whole of one run, accepts the gradient"),
        ({"objection": "Jacobian mismatch"}, '**objects**: "Jacobian mismatch".'),
        ({"refused": "gradcheck is not done after 10 s."}, "could not be asked: Gradcheck is not done after 10 s."),
    ],
)  # fmt: skip
def test_the_second_opinion_is_told(story: Story, opinion: dict[str, Any], words: str) -> None:
    story.opinion |= opinion
    assert words in story.report()


def test_pitfalls_are_told_one_by_one(story: Story) -> None:
    sign = {"name": "the sign is wrong", "evidence": "every element is -1 times the true one"}
    caught: list[dict[str, Any]] = [
        {"gradient": "dx", "dtype": "float64", "outcome": "wrong", "diagnosis": sign},
        {"gradient": "dx", "dtype": "float32", "outcome": "wrong", "diagnosis": sign},
        {"gradient": "db", "dtype": "float64", "outcome": "right", "diagnosis": None},
        {"gradient": "db", "dtype": "float32", "outcome": "imprecise", "diagnosis": None},
    ]
    missed = [one | {"outcome": "right", "diagnosis": None} for one in caught]
    story.tried = [
        {"mistake": "A sign", "replace": "a | b", "by": "-a", "verdicts": caught},
        {"mistake": "None", "replace": "c", "by": "d", "verdicts": missed},
    ]
    report = story.report()
    assert (
        "| A sign | `a \\| b` becomes `-a` | imprecise: db in float32; wrong: dx in every dtype | "
        "dx: the sign is wrong (every element is -1 times the true one) |\n"
        "| None | `c` becomes `d` | **no** |  |\n" in report
    )


def test_an_experiment_without_pitfalls_tells_of_none(story: Story) -> None:
    assert "## The mistakes" not in story.report()


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [(["wrong"], "All are caught."), (["wrong", "right"], "1 of 2 are caught.")],
)
def test_above_the_mistakes_stands_how_many_are_caught(
    story: Story, outcomes: list[str], words: str
) -> None:
    story.tried = [
        {
            "mistake": "A sign", "replace": "a", "by": "-a",
            "verdicts": [{"gradient": "dx", "dtype": "float32", "outcome": one, "diagnosis": None}],
        }
        for one in outcomes
    ]  # fmt: skip
    assert words in story.report()


def test_above_the_verdicts_stands_how_many_are_right(story: Story) -> None:
    assert "All 12 are right.\n" in story.report()
    story.off_by["bfloat16"] = 5.0
    assert "9 of 12 are right; the others are in bold.\n" in story.report()


def test_above_the_example_stands_whether_its_digits_agree(story: Story) -> None:
    assert "By hand and by autograd every digit is the same;" in story.report()
    story.differences |= {"manual_vs_autograd": 2e-6, "manual_vs_reference": 3e-6}
    assert (
        "By hand and by autograd the gradients differ by at most 2.0e-6; by hand and the reference "
        "differ by at most 3.0e-6." in story.report()
    )


def test_every_table_stands_below_a_sentence(story: Story) -> None:
    story.tried = []
    differing(story, forward_order=1.0)
    blocks = [block for block in story.report().split("\n\n") if block.strip()]
    for above, block in pairwise(blocks):
        if block.startswith("|"):
            assert not above.startswith(("#", "|", "```")), block


def test_changed_inputs_are_told(story: Story) -> None:
    story.changed_inputs = ["W"]
    assert "backward changes its inputs in place in float32: W." in story.report()


def test_the_root_follows_the_graph(story: Story) -> None:
    assert "The root here is `MulBackward0`." in story.report()
    story.halvings["s / 2"] = "MulBackward0"
    assert "what the other spelling gives" not in story.report()


def test_the_report_has_every_section_once() -> None:
    templates = ROOT / "templates"
    included = re.findall(r'include "(.+?)"', (templates / "REPORT.md.j2").read_text())
    sections = {f"report/{path.name}" for path in (templates / "report").glob("*.j2")}
    assert sorted(included) == sorted(sections - {"report/words.md.j2"})


def test_the_lab_report_has_no_template_left_in_it_and_every_fence_closed() -> None:
    report = (LAB / "recorded/REPORT.md").read_text()
    assert not any(left in report for left in ("{%", "{{", "{#", "| None", "| nan", "Undefined"))
    assert report.count("```") % 2 == 0
    tables = [line for line in report.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_the_tails_are_told_in_columns_and_by_the_element_that_is_furthest_off(tmp_path):
    report = Story(tmp_path).report()
    assert "Every element of every run is counted" in report
    assert "| `dx` | float32 | 1 | 0 | 2 | 0 | 3 | 0 | 0 | 0 | 0 | 4 | 5 | 6 |" in report
    assert "| `dx` | float32 | 3.5 | 7 | 1, 2 | 1.25000000 | 1.50000000 |" in report


def test_one_element_of_a_later_run_with_other_bits_is_no_equality(tmp_path):
    story = Story(tmp_path)
    story.unequal = 1
    assert "bit for bit" not in story.report().split("##")[0]


def test_what_was_looked_at_closely_is_told_apart_from_all_runs(tmp_path):
    story = Story(tmp_path)
    story.config["samples"]["trial"]["runs"] = 300
    report = story.report()
    assert "in the worst of the first 100 runs" in report
    assert "the first 100 runs in float32, by hand against the reference" in report
    assert "## 300 runs in a row" in report


def test_one_run_is_told_in_the_singular(tmp_path):
    story = Story(tmp_path)
    story.config["samples"]["trial"]["runs"] = 1
    report = story.report()
    assert "## One run\n\nOne draw from seed" in report
    # "1 of 1 runs" is a count; "all 1 runs" stands in the lab's own discussion, which has 20.
    assert not re.search(r"(?<!of )(?<!all )\b1 (runs|draws)", report)


def test_a_gpu_that_may_be_used_is_named(tmp_path):
    story = Story(tmp_path)
    assert "may use" not in story.report()
    story.gpu = "NVIDIA H200, CUDA 13.0"
    assert "forward.py and backward.py may use NVIDIA H200, CUDA 13.0." in story.report()


def test_nothing_is_said_to_be_replayed_where_nothing_was(tmp_path):
    story = Story(tmp_path)
    assert "Every combination of these steps was replayed exactly" in story.report()
    story.untraced = (
        "from run to run, backward makes other operations, or the same with other numbers or shapes"
    )
    assert "Every combination of these steps was replayed exactly" not in story.report()


def test_that_autograd_is_off_is_said_above_the_verdict(story: Story) -> None:
    story.identical, story.autograds = False, 500.0
    story.fault = {"operation": "digamma", "error": 4e-10}
    report = story.report()
    assert "**Right.**" in report
    assert "autograd's differ by rounding" not in report
    assert (
        "**Autograd is off in float64, float32, bfloat16 and float16.** PyTorch's derivative of "
        "`digamma` is 4.0e-10 of its size from the true one"
    ) in report
