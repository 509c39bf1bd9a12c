"""A forward as the steps that torch makes of it, to be made again with one of them changed.

Kernels that do several operations at once are taken apart, so that each step is one operation
that autograd knows how to differentiate.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from autograd_by_hand.aten.decompositions import taken_apart
from autograd_by_hand.aten.dispatch import DispatchMode
from autograd_by_hand.aten.torch_private import writes_to_an_input
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.local_variables import variables_of
from autograd_by_hand.experiment.user_code import Author, call

if TYPE_CHECKING:
    from types import FrameType

aten = torch.ops.aten


@dataclass(frozen=True)
class Ref:
    """The place of a tensor among the values."""

    place: int


@dataclass(frozen=True)
class Site:
    """A place in the author's code: one operation of one expression.

    line: its line
    way: the instructions of the author's functions that lead to it, the outermost first
    nth: of the operations that the innermost instruction carries out
    """

    line: int
    way: tuple[Any, ...]
    nth: int

    @property
    def place(self) -> Any:
        """The same, from wherever the function is called."""
        return self.way[-1:], self.nth


@dataclass(frozen=True)
class Step:
    """One operation: its arguments, with a `Ref` for each tensor, and what it makes."""

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: Any  # a Ref, or a list of them and of None
    site: Site = Site(0, (), 0)

    @property
    def name(self) -> str:
        """What the operation is called, without its overload."""
        return str(self.func).split(".")[1].strip("_")

    def refs(self) -> list[Ref]:
        """The tensors among its arguments."""
        found: list[Ref] = []
        changed((self.args, self.kwargs), found.append)
        return found


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
    """A forward, taken down on one run.

    steps: the operations, in order
    values: every tensor that was met, as it was when it was made
    inputs: the inputs' places, by name
    result: the place of forward's result
    names: what the author calls a value, by place
    gradients: the places of the true gradients, by tensor, if they are among the values
    kernels_only: whether the steps to change are only those that can be taken apart
    """

    steps: list[Step]
    values: list[Tensor]
    inputs: dict[str, Ref]
    result: Ref
    names: dict[int, str] = field(default_factory=dict)
    gradients: dict[str, Ref] = field(default_factory=dict)
    kernels_only: bool = False

    def numbered(self) -> Iterator[tuple[int, Step]]:
        """The steps that may be changed, with their numbers."""
        for number, step in enumerate(self.steps):
            if not self.kernels_only or taken_apart(step.func):
                yield number, step

    def turns(self) -> list[list[int]]:
        """The numbers of the steps that one expression makes in the turns of a loop."""
        found: dict[Any, list[int]] = {}
        for number, step in self.numbered():
            found.setdefault((step.site.place, step.name), []).append(number)
        return [numbers for numbers in found.values() if len(numbers) > 1]

    def with_gradients(self, gradients: dict[str, Tensor]) -> "Steps":
        """The same with the true gradients, by tensor, among the values."""
        places = {name: len(self.values) + place for place, name in enumerate(gradients)}
        return replace(
            self,
            values=[*self.values, *gradients.values()],
            names=self.names | {place: f"d{name}" for name, place in places.items()},
            gradients={name: Ref(place) for name, place in places.items()},
        )

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
            else:
                for ref, one in zip(step.made, made, strict=True):
                    if ref is not None:
                        values[ref.place] = one
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
        if isinstance(step.made, Ref):
            return self.told(step.made)
        return self.told(next(ref for ref in step.made if ref))


INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mm": "@", "bmm": "@", "pow": "**"}
SILENT = {"view", "expand", "clone", "unsqueeze", "squeeze", "unsafe_view", "to_copy", "detach"}


class Recorder(DispatchMode):
    """Within it, each operation is appended to `steps`, to be made again on the CPU.

    path: of the author's file
    apart: whether kernels that do several operations are taken apart
    places: the place of each tensor that was met, by its id
    values: what each held when it was met
    alive: every one that was met, so that no id is used twice
    pure: whether an operation that changes a tensor in place is taken for one that makes another
    """

    pure = True

    def __init__(
        self,
        path: Path,
        apart: bool,
        places: dict[int, Ref],
        values: list[Tensor],
        alive: list[Tensor],
    ) -> None:
        super().__init__()
        self.path, self.last = str(path), Site(0, (), 0)
        self.steps: list[Step] = []
        self.apart, self.places, self.values, self.alive = apart, places, values, alive

    def site(self) -> Site:
        """The place of the author's code that is being carried out."""
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - as traceback does
        way, line = list[Any](), 0
        while frame is not None:
            if frame.f_code.co_filename == self.path:
                line = line or frame.f_lineno
                way.append((id(frame.f_code), frame.f_lasti))
            frame = frame.f_back
        here = tuple(reversed(way))
        nth = self.last.nth + 1 if here == self.last.way else 0
        self.last = Site(line, here, nth)
        return self.last

    def ref(self, tensor: Tensor) -> Ref:
        """The place of a tensor; a new one if it was never met."""
        if id(tensor) not in self.places:
            self.places[id(tensor)] = Ref(len(self.values))
            self.values.append(tensor.detach().to("cpu", copy=True))
            self.alive.append(tensor)
        return self.places[id(tensor)]

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if self.apart and (apart := taken_apart(func)):
            inner = Recorder(Path(self.path), True, self.places, self.values, self.alive)
            inner.last = self.last
            with inner:
                made = apart(*args, **kwargs)
            # Of torch's primitives autograd knows no derivative.
            primitive = any(str(step.func).startswith("prims") for step in inner.steps)
            if made is not NotImplemented and not primitive:
                self.steps, self.last = self.steps + inner.steps, inner.last
                return made
        own_args, own_kwargs = (self._plain(given) for given in (args, kwargs))
        results = func(*args, **kwargs)
        if self.pure and (kept := _out_of_place(func)):  # what it changes becomes another value
            func = kept
            self.places.pop(id(results), None)
        several = isinstance(results, list | tuple)
        refs = [
            self.ref(one) if isinstance(one, Tensor) else None
            for one in (results if several else [results])
        ]
        made = refs if several else refs[0]
        self.steps.append(Step(func, own_args, own_kwargs, made, self.site()))
        return results

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.ref(value)
        if isinstance(value, list | tuple):
            return type(value)(map(self._plain, value))
        if isinstance(value, dict):
            return {key: self._plain(item) for key, item in value.items()}
        return torch.device("cpu") if isinstance(value, torch.device) else value


def _out_of_place(func: Any) -> Any:
    """The operation that gives what `func` writes into its first argument, if it does so."""
    if not writes_to_an_input(func):
        return None
    namespace, packet, overload = str(func).split(".")
    given = getattr(getattr(torch.ops, namespace), packet.removesuffix("_"), None)
    return getattr(given, overload, None)


def take_down(
    forward: Author, path: Path, tensors: dict[str, Tensor], limit: float, apart: bool
) -> Steps:
    """The steps of a forward on one run, and as the last one its result once more.

    tensors: one run's inputs, in float64 or int64
    apart: whether kernels that do several operations are taken apart

    Raises
        UserError: if forward fails, or if its steps do not make its result again, as where it
            writes into a part of a tensor.
    """
    given = {name: tensor.clone() for name, tensor in tensors.items()}
    values: list[Tensor] = []
    recorder = Recorder(path, apart, {}, values, [])
    inputs = {name: recorder.ref(tensor) for name, tensor in given.items()}
    with torch.no_grad(), variables_of(forward) as variables, recorder:
        result = call(forward, path, given, limit)
    names = {
        recorder.places[id(tensor)].place: name
        for name, tensor in variables.items()
        if id(tensor) in recorder.places
    }
    names |= {ref.place: name for name, ref in inputs.items()}
    end = recorder.ref(result)
    names.setdefault(end.place, "forward's result")
    values.append(result)
    last = Step(aten.alias.default, (end,), {}, Ref(len(values) - 1))
    steps = Steps([*recorder.steps, last], values, inputs, last.made, names)
    with torch.no_grad():
        again = steps.again({name: tensor.clone() for name, tensor in tensors.items()})
    if not torch.allclose(again, result, rtol=1e-9, atol=0, equal_nan=True):
        raise UserError(f"{path}: forward writes into a part of a tensor.")
    return steps
