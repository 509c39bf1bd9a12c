"""Name the axes of an experiment's shapes, and try other sizes of them."""

from typing import Any, TypedDict

from autograd_by_hand.experiment.settings import Config, TensorSpec

MAY_NAME = ("shape", "high", "fan_in")  # the keys of a tensor that may name an axis
Size = dict[str, int]  # of every axis, by its name
Named = dict[str, dict[str, object]]  # by tensor, its keys that name axes, as they are written


class Sizes(TypedDict):
    """Other sizes of an experiment's axes.

    named: what names axes
    tried: the sizes
    declared: whether the config lists them, or else they are the project's own choice
    """

    named: Named
    tried: list[Size]
    declared: bool


def with_numbers(config: Any) -> tuple[Any, Named]:
    """The config with a number for each name of an axis, and what named them, by tensor.

    config: a mapping, not checked; what is not as it should be is left as it is
    """
    axes, tensors = config.get("axes"), config.get("tensors")
    if not isinstance(axes, dict) or not isinstance(tensors, dict):
        return config, {}
    named = {
        name: {key: spec[key] for key in MAY_NAME if key in spec and _names_in(spec[key], axes)}
        for name, spec in tensors.items()
        if isinstance(spec, dict)
    }
    named = {name: keys for name, keys in named.items() if keys}
    return config | {"tensors": sized(tensors, named, axes)}, named


def sized(tensors: dict[str, TensorSpec], named: Named, size: Size) -> dict[str, TensorSpec]:
    """The tensors of the config with this size of the axes."""
    made: dict[str, TensorSpec] = {
        name: spec | {key: _filled(value, size) for key, value in named.get(name, {}).items()}  # type: ignore[misc]
        for name, spec in tensors.items()
    }
    return made


def sizes_of(config: Config) -> Sizes | None:
    """The other sizes in which an experiment is tried; None if there are none.

    If the config names axes but lists no sizes, these are: each axis of length 1 in turn; all of
    them odd; and all of them just above a power of two. In the last two no axes are equal.
    """
    named, axes = config.get("named", {}), config.get("axes", {})
    if "sizes" in config:
        tried = [axes | size for size in config["sizes"]]
        return {"named": named, "tried": tried, "declared": True} if tried else None
    used = [axis for axis in axes if any(_names_in(one, [axis]) for one in _values(named))]
    made = any("from" in spec or "file" in spec for spec in config["tensors"].values())
    if not used or made:  # what inputs.py or a file gives has the sizes that it has
        return None
    tried = [axes | {axis: 1} for axis in used]
    tried.append(axes | {axis: 3 + 2 * place for place, axis in enumerate(used)})
    tried.append(
        axes | {axis: 2 ** (3 + place % 4) + 1 + place // 4 for place, axis in enumerate(used)}
    )
    return {"named": named, "tried": tried, "declared": False}


def _values(named: Named) -> list[object]:
    return [value for keys in named.values() for value in keys.values()]


def _names_in(value: Any, axes: Any) -> bool:
    """Whether a value is, or has in it, the name of an axis."""
    items = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and one in axes for one in items)


def _filled(value: Any, size: Size) -> Any:
    if isinstance(value, list):
        return [_filled(one, size) for one in value]
    return size.get(value, value) if isinstance(value, str) else value
