"""All values that a report shows; REPORT.md.j2 and its sections add only the words."""

from dataclasses import dataclass

from autograd_by_hand.experiment.settings import edition
from autograd_by_hand.report.measurements import Measurements
from autograd_by_hand.report.sections.acceptance import Acceptance, acceptance_of
from autograd_by_hand.report.sections.answer import Answer, answer_of
from autograd_by_hand.report.sections.causes import Causes, causes_of
from autograd_by_hand.report.sections.errors import Errors, errors_of
from autograd_by_hand.report.sections.example import Example, example_of
from autograd_by_hand.report.sections.float16 import Float16, float16_of
from autograd_by_hand.report.sections.graph import Graph, graph_of
from autograd_by_hand.report.sections.inputs import Inputs, inputs_of
from autograd_by_hand.report.sections.missing import MissingPart, missing_of
from autograd_by_hand.report.sections.mistakes import Mistakes, mistakes_of
from autograd_by_hand.report.sections.other_orders import OtherOrder, other_orders_of
from autograd_by_hand.report.sections.proof import Proof, proof_of
from autograd_by_hand.report.sections.provenance import Provenance, provenance_of
from autograd_by_hand.report.sections.remarks import Remark, remarks_of
from autograd_by_hand.report.sections.replay import Replay, replay_of
from autograd_by_hand.report.sections.shares import Shares, shares_of
from autograd_by_hand.report.sections.sizes import Sizes, sizes_of
from autograd_by_hand.report.sections.sums import Sums, sums_of
from autograd_by_hand.report.sections.tails import Tails, tails_of
from autograd_by_hand.report.sections.verdict import Verdict, verdict_of
from autograd_by_hand.report.translation import NAMES
from autograd_by_hand.storage.missing import Missing


@dataclass(frozen=True)
class Edition:
    """The report in one language.

    file: None for the language of this report
    """

    name: str
    file: str | None


@dataclass(frozen=True)
class Text:
    """A text by the author.

    untranslated: whether it is in another language than the report
    """

    text: str
    untranslated: bool


@dataclass(frozen=True)
class ReportView:
    """The values of the templates, by name.

    edition: the part of the pictures' file names before the suffix, such as ".es"
    editions: one for each language, empty if there is only one
    own_language: the author's language
    untranslated: whether some of the config's texts are not available in the report's language
    shown: the dtype that is shown in full
    no_pictures: why pictures are missing, by name
    """

    title: str
    question: str
    edition: str
    editions: list[Edition]
    own_language: str
    untranslated: bool
    dtypes: list[str]
    gradients: list[str]
    shown: str
    runs: int
    closely: int
    answer: Answer
    missing: list[MissingPart]
    no_pictures: dict[str, Missing]
    acceptance: Acceptance
    verdict: Verdict
    remarks: list[Remark]
    derivation: Text
    mistakes: Mistakes
    sizes: Sizes
    inputs: Inputs | None
    example: Example | None
    errors: Errors
    tails: Tails
    float16: Float16 | None
    graph: Graph
    proof: Proof
    sums: Sums
    replay: Replay
    shares: Shares
    other_orders: list[OtherOrder]
    causes: Causes
    discussion: Text | None
    no_discussion: bool
    provenance: Provenance


def report_view(
    measured: Measurements,
    language: str,
    languages: list[str],
    translated: set[str],
    derivation: Text,
    discussion: Text | None,
    no_discussion: bool = False,
) -> ReportView:
    """Compute the view of an experiment in one language.

    languages: all languages of its reports, the author's own first
    translated: the config's texts that the author translated into this language
    no_discussion: whether the discussion cannot be filled, since it uses what is missing
    """
    texts = {measured.title, measured.question}
    texts |= {row["criterion"] for row in measured.judgement["acceptance"]}
    if not isinstance(measured.pitfalls, Missing):
        texts |= {row["mistake"] for row in measured.pitfalls}
    return ReportView(
        title=measured.title,
        question=measured.question,
        edition=edition(language),
        editions=_editions(language, languages),
        own_language=languages[0],
        untranslated=language != languages[0] and not texts <= translated,
        dtypes=measured.dtypes,
        gradients=measured.gradients,
        shown=measured.shown,
        runs=measured.runs,
        closely=measured.closely,
        answer=answer_of(measured),
        missing=missing_of(measured),
        no_pictures=measured.pictures,
        acceptance=acceptance_of(measured),
        verdict=verdict_of(measured),
        remarks=remarks_of(measured),
        derivation=derivation,
        mistakes=mistakes_of(measured),
        sizes=sizes_of(measured),
        inputs=inputs_of(measured),
        example=example_of(measured),
        errors=errors_of(measured),
        tails=tails_of(measured),
        float16=float16_of(measured),
        graph=graph_of(measured),
        proof=proof_of(measured),
        sums=sums_of(measured),
        replay=replay_of(measured),
        shares=shares_of(measured),
        other_orders=other_orders_of(measured),
        causes=causes_of(measured),
        discussion=discussion,
        no_discussion=no_discussion,
        provenance=provenance_of(measured),
    )


def _editions(language: str, languages: list[str]) -> list[Edition]:
    if len(languages) == 1:
        return []
    return [
        Edition(NAMES[one], None if one == language else f"REPORT{edition(one)}.md")
        for one in languages
    ]
