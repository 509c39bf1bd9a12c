"""Verify an experiment: all checks, in the order in which one rests on another."""

from collections.abc import Callable, Iterator
from typing import Any

from autograd_by_hand.archive.limits import out_of_memory
from autograd_by_hand.archive.reader import Archive
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.verification.coverage import check_coverage
from autograd_by_hand.verification.derivative import check_derivative
from autograd_by_hand.verification.draws import check_draws
from autograd_by_hand.verification.errors import check_errors
from autograd_by_hand.verification.experiment import Experiment
from autograd_by_hand.verification.files import check_files
from autograd_by_hand.verification.finding import Finding, Kind, broken, noted
from autograd_by_hand.verification.gradients import check_gradients
from autograd_by_hand.verification.rendering import check_rendering
from autograd_by_hand.verification.verdicts import check_facts, check_verdicts

Check = Callable[..., Iterator[Finding]]
CLAIMED = (
    "the recorded programs are the archive's own claim: whether forward.py and backward.py execute "
    "them is not checked here; --program prints them"
)
MEASURED = (
    "what torch measured beside the gradients (noise, graph, calls, attribution, second opinions, "
    "mistakes) is taken as archived"
)


def verify(archive: Archive) -> Iterator[Finding]:
    """Check an archive or a folder; yield what is found.

    Raises
        UserError: if these are recorded results, which cannot be computed again.
    """
    if archive.is_recorded:
        raise UserError(
            f"experiments/{archive.name}: a recorded run has no inputs to compute it from; "
            "verify an archive, or the experiment's own folder after make."
        )
    sound = True
    for finding in check_files(archive):
        yield finding
        sound &= finding.kind is not Kind.BROKEN
    if not sound:
        yield broken("replay", "not tried, since files are changed, missing or strange")
        return
    experiment = Experiment(archive, archive.manifest())
    for finding in _guarded(check_coverage, experiment):
        yield finding
        sound &= finding.kind is not Kind.BROKEN
    if not sound:
        yield broken("replay", "not tried, since what the config demands is missing")
        return
    yield from _guarded(check_draws, experiment)
    for dtype in experiment.dtypes:
        yield from _guarded(check_gradients, experiment, dtype)
    yield from _guarded(check_derivative, experiment)
    yield from _guarded(check_errors, experiment)
    for dtype in experiment.dtypes:
        yield from _guarded(check_facts, experiment, dtype)
    yield from _guarded(check_verdicts, experiment)
    yield from _guarded(check_rendering, experiment)
    yield noted("programs", CLAIMED)
    yield noted("torch", MEASURED)


def _guarded(check: Check, experiment: Experiment, *more: Any) -> Iterator[Finding]:
    """Run a check; what a forged file makes it raise is a finding as well."""
    about = check.__name__.removeprefix("check_")
    place = f"{', '.join(more)}: " if more else ""
    try:
        yield from check(experiment, *more)
    except (UserError, OSError) as error:
        words = str(error).replace(f"{experiment.archive.root}/", "")
        yield broken(about, f"{place}{words}")
    except MemoryError:
        yield broken(about, f"{place}{out_of_memory()}")
    except RecursionError:
        yield broken(about, f"{place}is nested too deeply")
    except Exception as error:  # noqa: BLE001 - whatever a forged program provokes
        yield broken(about, f"{place}cannot be executed ({type(error).__name__}: {error})")
