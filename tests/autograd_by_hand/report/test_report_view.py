import pytest

from autograd_by_hand.report.report_view import Edition, Text, report_view
from tests.autograd_by_hand.report.made_up import measurements

DERIVATION = Text("# Why", untranslated=False)
ENVIRONMENT = {
    "python": "3.11.7", "packages": {}, "numpy": {"blas": "openblas", "version": "0.3"},
    "torch": {"cpu_capability": "AVX2", "threads": 1, "libraries": [], "gpu": None},
}  # fmt: skip
TEXTS = {"A title", "Is it right?", "It holds", "A slip"}


def view(language="en", languages=("en",), translated=()):
    measured = measurements(
        environment=ENVIRONMENT,
        judgement={
            "verdicts": [],
            "acceptance": [{"criterion": "It holds", "measured": "1", "holds": True}],
        },
        pitfalls=[{"mistake": "A slip", "replace": "a", "by": "b", "verdicts": []}],
    )
    return report_view(measured, language, list(languages), set(translated), DERIVATION, None)


def test_one_language_has_no_editions_to_choose_from():
    assert (view().editions, view().edition) == ([], "")


def test_of_several_languages_the_own_one_has_no_link():
    told = view("es", ("en", "es"))
    assert told.editions == [Edition("English", "REPORT.md"), Edition("Español", None)]
    assert told.edition == ".es"


@pytest.mark.parametrize("left_out", [None, *sorted(TEXTS)])
def test_each_text_of_the_config_counts_as_untranslated_until_it_is(left_out):
    told = view("es", ("en", "es"), TEXTS - {left_out})
    assert told.untranslated is (left_out is not None)
    assert told.own_language == "en"


def test_in_the_authors_own_language_nothing_is_untranslated():
    assert view("en", ("en", "es")).untranslated is False
