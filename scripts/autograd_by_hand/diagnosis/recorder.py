"""Record the operations that torch executes as steps, with their places in the author's code."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from autograd_by_hand.aten.decompositions import decomposition_of
from autograd_by_hand.aten.dispatch import DispatchMode
from autograd_by_hand.aten.torch_private import writes_to_an_input

if TYPE_CHECKING:
    from types import FrameType
from autograd_by_hand.diagnosis.steps import Ref, Site, Step


class Recorder(DispatchMode):
    """Within it, each operation is appended to `steps`, to be executed again on the CPU.

    path: the path of the author's file
    decompose: whether kernels that do several operations are decomposed
    places: the place of each tensor seen so far, by its id
    values: what each tensor held when it was first seen
    alive: every tensor seen so far, so that no id is used twice
    pure: whether an in-place operation is recorded as one that makes a new tensor
    """

    pure = True

    def __init__(
        self,
        path: Path,
        decompose: bool,
        places: dict[int, Ref],
        values: list[Tensor],
        alive: list[Tensor],
    ) -> None:
        super().__init__()
        self.path, self.last = str(path), Site(0, (), 0)
        self.steps: list[Step] = []
        self.decompose, self.places, self.values, self.alive = decompose, places, values, alive

    def site(self) -> Site:
        """The place in the author's code that is being executed."""
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
        """The place of a tensor; a new one if it was not seen before."""
        if id(tensor) not in self.places:
            self.places[id(tensor)] = Ref(len(self.values))
            plain = tensor.detach().resolve_conj().resolve_neg()
            self.values.append(plain.to("cpu", copy=True))
            self.alive.append(tensor)
        return self.places[id(tensor)]

    def execute(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Append the operation to `steps`, or those that it decomposes into."""
        if self.decompose and (decompose := decomposition_of(func)):
            inner = Recorder(Path(self.path), True, self.places, self.values, self.alive)
            inner.last = self.last
            try:
                with inner:
                    made = decompose(*args, **kwargs)
            except Exception:  # noqa: BLE001 - torch's own do not take all that the kernels take
                made = NotImplemented
            # Autograd has no derivatives of torch's primitives.
            primitive = any(str(step.func).startswith("prims") for step in inner.steps)
            if made is not NotImplemented and not primitive:
                self.steps, self.last = self.steps + inner.steps, inner.last
                return made
        own_args, own_kwargs = (self._plain(given) for given in (args, kwargs))
        results = func(*args, **kwargs)
        if self.pure and (kept := _out_of_place(func)):  # the changed tensor becomes a new value
            func = kept
            self.places.pop(id(results), None)
        several = isinstance(results, list | tuple)
        refs = [
            self.ref(one) if isinstance(one, Tensor) else None
            for one in (results if several else [results])
        ]
        step = Step(func, own_args, own_kwargs, refs if several else refs[0], self.site())
        self.steps.append(step)
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
    """The out-of-place variant of an operation that writes into its first argument, or None."""
    if not writes_to_an_input(func):
        return None
    namespace, packet, overload = str(func).split(".")
    given = getattr(getattr(torch.ops, namespace), packet.removesuffix("_"), None)
    return getattr(given, overload, None)
