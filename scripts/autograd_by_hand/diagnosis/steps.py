"""A computation as the operations that torch makes of it, to be made again with one changed.

What the traces of a forward and of a backward have in common; how they are recorded is told by
`diagnosis.recorder`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from autograd_by_hand.aten.decompositions import decomposition_of


@dataclass(frozen=True)
class Ref:
    """The place of a tensor among the values."""

    place: int


Way = tuple[tuple[int, int], ...]  # instructions: of each the code's id, and its offset there
Place = tuple[Way, int]


@dataclass(frozen=True)
class Site:
    """A place in the author's code: one operation of one expression.

    line: its line
    way: the instructions of the author's functions that lead to it, the outermost first
    nth: of the operations that the innermost instruction carries out
    """

    line: int
    way: Way
    nth: int

    @property
    def place(self) -> Place:
        """The same, from wherever the function is called."""
        return self.way[-1:], self.nth


@dataclass(frozen=True)
class Step:
    """One operation: its arguments, with a `Ref` for each tensor, and what it makes.

    made: one tensor, or several with None for what is none; None for a number
    """

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: Ref | list[Ref | None] | None
    site: Site = Site(0, (), 0)

    @property
    def name(self) -> str:
        """What the operation is called, without its overload."""
        return str(self.func).split(".")[1].strip("_")

    @property
    def place(self) -> int:
        """The place of what it makes, of a step that makes one tensor."""
        assert isinstance(self.made, Ref)
        return self.made.place

    def refs(self) -> list[Ref]:
        """The tensors among its arguments."""
        found: list[Ref] = []
        changed((self.args, self.kwargs), found.append)
        return found

    def all_made(self) -> list[Ref]:
        """The tensors that it makes."""
        made = self.made if isinstance(self.made, list) else [self.made]
        return [ref for ref in made if ref is not None]


def changed(structure: Any, change: Callable[[Ref], Any]) -> Any:
    """Arguments with each `Ref` replaced by what `change` makes of it."""
    if isinstance(structure, Ref):
        return change(structure)
    if structure is None or isinstance(structure, int | float):
        return structure
    if isinstance(structure, dict):
        return {key: changed(item, change) for key, item in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(changed(item, change) for item in structure)
    return structure


@dataclass
class Steps:
    """A forward, recorded on one run.

    steps: the operations, in order
    values: every tensor that was met, as it was when it was made
    inputs: the inputs' places, by name
    result: the place of forward's result
    names: what the author calls a value, by place
    kernels_only: whether the steps to change are only those that can be taken apart
    """

    steps: list[Step]
    values: list[Tensor]
    inputs: dict[str, Ref]
    result: Ref
    names: dict[int, str] = field(default_factory=dict)
    kernels_only: bool = False

    def numbered(self) -> Iterator[tuple[int, Step]]:
        """The steps that may be changed, with their numbers."""
        for number, step in enumerate(self.steps):
            if not self.kernels_only or decomposition_of(step.func):
                yield number, step

    def turns(self) -> list[list[int]]:
        """The numbers of the steps that one expression makes in the turns of a loop."""
        found: dict[tuple[Place, str], list[int]] = {}
        for number, step in self.numbered():
            found.setdefault((step.site.place, step.name), []).append(number)
        return [numbers for numbers in found.values() if len(numbers) > 1]

    def again(
        self,
        tensors: dict[str, Tensor],
        do: Callable[[int, Step, list[Any]], Any] | None = None,
    ) -> Tensor:
        """Forward's result from other inputs.

        do: does a step in place of the step itself, given its number and all values so far; what
            it gives back is what the step makes. None leaves the step as it is.
        """
        values: list[Any] = list(self.values)  # for the constants: all that is made is replaced
        for name, ref in self.inputs.items():
            values[ref.place] = tensors[name]
        for number, step in enumerate(self.steps):
            made = do(number, step, values) if do else None
            if made is None:
                made = self.do(step, values)
            if isinstance(step.made, Ref):
                values[step.made.place] = made
            elif step.made is not None:
                for each, one in zip(step.made, made, strict=True):
                    if each is not None:
                        values[each.place] = one
        result = values[self.result.place]
        assert isinstance(result, Tensor)
        return result

    @staticmethod
    def do(step: Step, values: list[Any]) -> Any:
        """What a step makes."""
        args = [
            values[arg.place]
            if isinstance(arg, Ref)
            else changed(arg, lambda ref: values[ref.place])
            for arg in step.args
        ]
        kwargs = changed(step.kwargs, lambda ref: values[ref.place]) if step.kwargs else {}
        return step.func(*args, **kwargs)

    def told(self, ref: Ref, depth: int = 2) -> str:
        """A value in words: its name, or the operation that makes it of others."""
        if ref.place in self.names:
            return self.names[ref.place]
        makers = (one for one in self.steps if one.made == ref and ref not in one.refs())
        step = next(makers, None)
        if step is None:
            return "a constant"
        if step.name in SILENT and step.refs():
            return self.told(step.refs()[0], depth)
        if depth == 0:
            return "…"
        if step.name == "t" or (step.name == "permute" and list(step.args[1]) == [1, 0]):
            return f"{self.told(step.refs()[0], depth)}.T"
        args = [
            self.told(arg, depth - 1) if isinstance(arg, Ref) else f"{arg:g}"
            for arg in step.args
            if isinstance(arg, Ref) or (isinstance(arg, int | float) and step.name in INFIX)
        ]
        if step.name in INFIX and len(args) == 2:
            return f"({args[0]} {INFIX[step.name]} {args[1]})"
        return f"{step.name}({', '.join(args)})"

    def made(self, step: Step) -> str:
        """What a step makes, in words."""
        if step.name == "alias":
            return "forward's result"
        return self.told(step.all_made()[0]) if step.all_made() else "a number"


INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mm": "@", "bmm": "@", "pow": "**"}
SILENT = {"view", "expand", "clone", "unsqueeze", "squeeze", "unsafe_view", "to_copy", "detach"}
