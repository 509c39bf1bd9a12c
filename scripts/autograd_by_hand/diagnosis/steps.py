"""A computation as torch's operations, to be executed again with one of them changed.

The traces of forward and of backward share this module; `diagnosis.recorder` records them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from autograd_by_hand.aten.decompositions import decomposition_of
from autograd_by_hand.experiment.output_names import RESULT


@dataclass(frozen=True)
class Ref:
    """A reference to a tensor by its place: its index among the values."""

    place: int


Way = tuple[tuple[int, int], ...]  # instructions: of each the code's id, and its offset there
Place = tuple[Way, int]


@dataclass(frozen=True)
class Site:
    """A place in the author's code: one operation of one expression.

    line: its line
    way: the instructions of the author's functions that lead to it, the outermost first
    nth: which of the operations that the innermost instruction executes
    """

    line: int
    way: Way
    nth: int

    @property
    def place(self) -> Place:
        """The same place, whatever calls the function."""
        return self.way[-1:], self.nth


@dataclass(frozen=True)
class Step:
    """One operation: its arguments, with a `Ref` for each tensor, and its results.

    made: one tensor, or several, with None for a result that is not a tensor; None for a number
    """

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: Ref | list[Ref | None] | None
    site: Site = Site(0, (), 0)

    @property
    def name(self) -> str:
        """The name of the operation, without its overload."""
        return str(self.func).split(".")[1].strip("_")

    @property
    def place(self) -> int:
        """The place of the result, for a step with one result."""
        assert isinstance(self.made, Ref)
        return self.made.place

    def refs(self) -> list[Ref]:
        """The tensors among its arguments."""
        found: list[Ref] = []
        changed((self.args, self.kwargs), found.append)
        return found

    def all_made(self) -> list[Ref]:
        """The tensors among its results."""
        made = self.made if isinstance(self.made, list) else [self.made]
        return [ref for ref in made if ref is not None]

    def with_refs(self, results: Any) -> Iterator[tuple[Ref, Tensor]]:
        """The tensors among the results of an execution, each with its `Ref`.

        Raises
            ValueError: if there are other results than when the step was recorded.
        """
        several = isinstance(self.made, list)
        if several != isinstance(results, list | tuple):
            raise ValueError("one result in place of several, or several in place of one")
        made = self.made if isinstance(self.made, list) else [self.made]
        for ref, one in zip(made, results if several else [results], strict=True):
            if ref is not None:
                if not isinstance(one, Tensor):
                    raise ValueError("a result that is no tensor, in place of one")
                yield ref, one


def changed(structure: Any, change: Callable[[Ref], Any]) -> Any:
    """Replace each `Ref` among arguments by the result of `change`."""
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
    values: every tensor, as it was when it was computed
    inputs: the inputs' places, by name
    outputs: the places of forward's outputs, by name; empty for a backward
    names: the author's names of the values, by place
    kernels_only: whether only the steps that can be decomposed may be changed
    """

    steps: list[Step]
    values: list[Tensor]
    inputs: dict[str, Ref]
    outputs: dict[str, Ref]
    names: dict[int, str] = field(default_factory=dict)
    kernels_only: bool = False

    def numbered(self) -> Iterator[tuple[int, Step]]:
        """The steps that may be changed, with their numbers."""
        for number, step in enumerate(self.steps):
            if not self.kernels_only or decomposition_of(step.func):
                yield number, step

    def iterations(self) -> list[list[int]]:
        """For each expression in a loop, the numbers of its steps in the iterations."""
        found: dict[tuple[Place, str], list[int]] = {}
        for number, step in self.numbered():
            found.setdefault((step.site.place, step.name), []).append(number)
        return [numbers for numbers in found.values() if len(numbers) > 1]

    def again(
        self,
        tensors: dict[str, Tensor],
        do: Callable[[int, Step, list[Any]], Any] | None = None,
    ) -> dict[str, Tensor]:
        """Compute forward's outputs, by name, from other inputs.

        do: executes something instead of a step, given the step's number, the step and all values
            so far, and returns the step's result; None to execute the step itself.
        """
        values: list[Any] = list(self.values)  # keeps the constants; all results are replaced
        for name, ref in self.inputs.items():
            values[ref.place] = tensors[name]
        for number, step in enumerate(self.steps):
            if not step.all_made():
                continue  # it gives a number, or checks one; both are part of the recording
            made = do(number, step, values) if do else None
            if made is None:
                made = self.do(step, values)
            for ref, one in step.with_refs(made):
                values[ref.place] = one
        return {name: values[ref.place] for name, ref in self.outputs.items()}

    @staticmethod
    def do(step: Step, values: list[Any]) -> Any:
        """Execute a step and return its result."""
        args = [
            values[arg.place]
            if isinstance(arg, Ref)
            else changed(arg, lambda ref: values[ref.place])
            for arg in step.args
        ]
        kwargs = changed(step.kwargs, lambda ref: values[ref.place]) if step.kwargs else {}
        return step.func(*args, **kwargs)

    def describe(self, ref: Ref, depth: int = 2) -> str:
        """Describe a value: by its name, or by the operation that computes it from others."""
        if ref.place in self.names:
            return self.names[ref.place]
        makers = (one for one in self.steps if ref in one.all_made() and ref not in one.refs())
        step = next(makers, None)
        if step is None:
            return "a constant"
        if step.name in SILENT and step.refs():
            return self.describe(step.refs()[0], depth)
        if depth == 0:
            return "…"
        if step.name == "t" or (step.name == "permute" and list(step.args[1]) == [1, 0]):
            return f"{self.describe(step.refs()[0], depth)}.T"
        args = [
            self.describe(arg, depth - 1) if isinstance(arg, Ref) else f"{arg:g}"
            for arg in step.args
            if isinstance(arg, Ref) or (isinstance(arg, int | float) and step.name in INFIX)
        ]
        if step.name in INFIX and len(args) == 2:
            return f"({args[0]} {INFIX[step.name]} {args[1]})"
        which = f"[{step.made.index(ref)}]" if isinstance(step.made, list) else ""
        return f"{step.name}({', '.join(args)}){which}"

    def made(self, step: Step) -> str:
        """Describe the result of a step."""
        for name, ref in self.outputs.items():
            if step.made == ref:
                return described_output(name)
        return self.describe(step.all_made()[0]) if step.all_made() else "a number"


def described_output(name: str) -> str:
    """One of forward's outputs in words."""
    key = name.removeprefix(f"{RESULT}_")
    return "forward's result" if name == RESULT else f"forward's output {key}"


INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mm": "@", "bmm": "@", "pow": "**"}
SILENT = {
    "view",
    "expand",
    "clone",
    "unsqueeze",
    "squeeze",
    "unsafe_view",
    "to_copy",
    "detach",
    "alias",
}
