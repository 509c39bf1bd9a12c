"""An operator with its hand-derived gradient, correct variants of it and mistakes in it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edit:
    """A change to the source of a backward; `old` occurs in it once.

    name: what was changed, in words, unique within the operator
    changes: (old, new) pieces of source, applied in order
    slip: for a mistake, the kind of mistake it is, or several divided by "|", each of which is as
        true a name for it; "" for a correct variant
    """

    name: str
    changes: tuple[tuple[str, str], ...]
    slip: str = ""

    def apply(self, source: str) -> str:
        """The edited source."""
        for old, new in self.changes:
            assert source.count(old) == 1, f"{self.name}: {old!r} occurs {source.count(old)} times"
            source = source.replace(old, new)
        return source


@dataclass(frozen=True)
class Operator:
    """One differentiable function, as an author would bring it.

    tensors: as under `tensors` in an experiment's config.yaml; a draw of "linear_default" needs
        its fan_in, "randint" its high. Those that have requires_grad are differentiated.
    forward, backward: the author's two files, as source
    variants: correct gradients computed otherwise: other order, other formula, other library
    mistakes: wrong gradients
    """

    name: str
    tensors: dict[str, dict[str, object]]
    forward: str
    backward: str
    variants: tuple[Edit, ...] = field(default=())
    mistakes: tuple[Edit, ...] = field(default=())
