"""An operator with its hand-derived gradient, correct variants of it and mistakes in it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edit:
    """A change to the source of a backward; `old` occurs in it once.

    name: the change in words, unique within the operator
    changes: (old, new) pieces of source, applied in order
    slip: the kind of the mistake, or several equally valid kinds divided by "|"; "" for a
        correct variant
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

    tensors: the entries of `tensors` in an experiment's config.yaml; a draw of "linear_default" needs
        its fan_in, "randint" its high. Tensors with requires_grad are differentiated.
    forward, backward: the author's two files, as source
    files, config: further files of the experiment by name, as source, and keys of its config
    variants: correct gradients that are computed in another order, by another formula or library
    mistakes: wrong gradients
    """

    name: str
    tensors: dict[str, dict[str, object]]
    forward: str
    backward: str
    variants: tuple[Edit, ...] = field(default=())
    mistakes: tuple[Edit, ...] = field(default=())
    files: dict[str, str] = field(default_factory=dict)
    config: dict[str, object] = field(default_factory=dict)
