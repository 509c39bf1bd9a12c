"""Why a gradient could not be enclosed, or not narrowly enough."""

from autograd_by_hand.core.errors import UserError


class NotEnclosed(UserError):
    """Forward or its gradient has no enclosure; the sentence says why and names the operation."""


class NoEnclosure(NotEnclosed):
    """Forward uses an operation, or a case of one, that ball arithmetic does not cover here."""


class TooLarge(NotEnclosed):
    """Forward computes more numbers than the limit allows."""


class Undefined(NotEnclosed):
    """The true value or gradient does not exist: a pole, a branch cut, a singular matrix."""


class Undecided(NotEnclosed):
    """At this precision a comparison or a domain cannot be decided; more bits may help."""
