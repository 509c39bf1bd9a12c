"""Read and check an experiment's config.yaml; describe each mistake in a sentence with its line."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.input_mistakes import Place, mistakes_of_inputs, numeric_hint
from autograd_by_hand.experiment.settings import Config, Criterion, languages_of
from autograd_by_hand.experiment.sizes import with_numbers
from autograd_by_hand.experiment.source_code import compiled
from autograd_by_hand.experiment.yaml_file import line_of, read_yaml

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
AUTHORS_FILES = ("forward.py", "backward.py", "derivation.md")
SOURCES = ("forward.py", "backward.py", "inputs.py")  # the last is optional


def load_configs(folders: list[Path], schema: Path) -> tuple[dict[str, Config], dict[str, str]]:
    """The checked configs of all experiments, and the mistakes of those that cannot be run.

    Both are by experiment; the mistakes are one sentence a line. The author's Python files are
    parsed as well, so that a mistake of syntax is found before anything is computed.

    schema: the path of the configs' schema
    """
    configs, mistakes = dict[str, Config](), dict[str, str]()
    for folder in folders:
        found = [*_mistakes_of_files(folder)]
        try:
            config = load_config(folder / "config.yaml", schema)
        except UserError as error:
            found.insert(0, str(error))
        if found:
            mistakes[folder.name] = "\n".join(found)
        else:
            configs[folder.name] = config
    return configs, mistakes


def _mistakes_of_files(folder: Path) -> Iterator[str]:
    """Sentences on an experiment's folder and on its files besides config.yaml."""
    if not _NAME.fullmatch(folder.name):
        yield (
            f"{folder}: this folder's name is not valid on every system; "
            "rename it, using only letters, digits, - _ and . (at most 64)."
        )
    for name in AUTHORS_FILES:
        if not (folder / name).is_file():
            yield f"{folder / name}: is missing; every experiment has one."
    for path in (folder / name for name in SOURCES):
        if path.is_file():
            try:
                compiled(path)
            except UserError as error:
                yield str(error)


def load_config(path: Path, schema: Path) -> Config:
    """The checked config at `path`.

    Raises
        UserError: with every mistake found, one per line, each with file, line and remedy.
    """
    config, nodes = read_yaml(path)
    if not isinstance(config, dict):
        raise UserError(f"{path}: is not a mapping of keys to values; copy another experiment's.")
    config, named = with_numbers(config)
    validator = _Validator(yaml.load(schema.read_bytes(), yaml.CSafeLoader))
    errors = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    mistakes = [
        (tuple(error.absolute_path), _sentence(error, key), key)
        for error in errors
        for key in _wrong_keys(error) or [""]
    ]
    checked = cast("Config", config)
    mistakes = mistakes or [(*one, "") for one in _contradictions(checked, path.parent)]
    if mistakes:
        # jsonschema reports each missing key, but one sentence names them all: keep it once
        once = dict.fromkeys(_placed(path, nodes, *mistake) for mistake in mistakes)
        raise UserError("\n".join(once))
    if named:
        checked["named"] = named
    return checked


# JSON Schema accepts 7.0 as an integer; torch does not accept it as a shape or a seed.
_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def _placed(path: Path, nodes: yaml.Node | None, place: Place, sentence: str, key: str) -> str:
    """`sentence` preceded by the file, the line and the place that it is about.

    key: the key there that should not be there, if it is about one; the line is that of the key
    """
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    line = line_of(nodes, (*place, key))
    return f"{path}:{line}: {where.lstrip('.') or 'the file'}: {sentence}"


def _wrong_keys(error: ValidationError) -> list[str]:
    """The keys that a violated rule of the schema forbids."""
    if error.validator == "additionalProperties":
        value: Any = error.instance
        schema: Any = error.schema
        return [key for key in value if key not in schema.get("properties", {})]
    return [str(error.instance)] if "propertyNames" in error.schema_path else []


def _hint_of_axis(error: ValidationError) -> str:
    """Say of a text among the numbers of a shape that it names no axis."""
    text = isinstance(error.instance, str) and error.validator_value == "integer"
    return ", and `axes` has no such name" if text and "shape" in error.absolute_path else ""


def _sentence(error: ValidationError, key: str) -> str:
    """Explain a violated rule of the schema to the author of the config.

    key: which of the keys that it forbids is explained, if it forbids some
    """
    value: Any = error.instance
    limit: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties":
            known = sorted(schema.get("properties", {}))
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
            return f"{key!r} is not a known key; {hint}"
        case "required":
            missing = sorted(set(limit) - set(value))
            return f"{', '.join(missing)} is missing."
        case "type":
            wanted = {"object": "a mapping", "array": "a list", "string": "text"}
            wanted |= {
                "number": "a number",
                "integer": "a whole number",
                "boolean": "true or false",
            }
            if value is None:
                return f"is empty; write {wanted[str(limit)]} after the colon."
            if limit == "string" and not isinstance(value, dict | list):
                return f"{value} is not text, as YAML reads it; put it in quotes."
            hint = numeric_hint(value) if limit in ("number", "integer") else ""
            return f"{value!r} is not {wanted[str(limit)]}{hint or _hint_of_axis(error)}."
        case "enum":
            close = difflib.get_close_matches(str(value), list(map(str, limit)), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            return f"{value!r} is none of {', '.join(map(str, limit))}{hint}"
        case "minimum" | "maximum" | "exclusiveMinimum":
            word = {"minimum": "at least", "maximum": "at most"}.get(error.validator, "more than")
            return f"{value!r} is out of range; it must be {word} {limit}."
        case "pattern":
            return f"the name {value!r} must match {limit} (letters, digits, underscores)."
        case "uniqueItems":
            return "an entry occurs twice; keep one."
        case "minItems" | "minLength" | "minProperties" if "properties" not in schema:
            return "must not be empty."
        case "minProperties" | "maxProperties":
            known = sorted(schema["properties"])
            return f"has {len(value)} keys of {', '.join(known)}; it needs exactly {limit} of them."
        case _:
            return f"{error.message}."


def _contradictions(config: Config, folder: Path) -> list[tuple[Place, str]]:
    """Mistakes in keys that are valid one by one but contradict each other."""
    found: list[tuple[Place, str]] = []
    samples = config["samples"]
    if not any(tensor.get("requires_grad") for tensor in config["tensors"].values()):
        found.append((("tensors",), "none has requires_grad: true; there is no gradient to try."))
    found += _mistakes_of_surrogate(config, folder)
    if config.get("computes_in") == "float64":
        finest = "float64 changes nothing, since no dtype is finer; leave computes_in out."
        found.append((("computes_in",), finest))
    found += mistakes_of_inputs(config, folder)
    most = max(sample["runs"] for sample in samples.values())
    if config.get("chunk", 0) > most:
        found.append((("chunk",), f"is larger than the runs of any sample ({most}); leave it out."))
    texts = [config["title"], config["question"], *(one["claim"] for one in config["acceptance"])]
    texts += [one["mistake"] for one in config.get("pitfalls", [])]
    for language, translated in config.get("translations", {}).items():
        if language not in languages_of(config)[1:]:
            others = "must be one of `languages`, but not the first, which is the original's."
            found.append((("translations", language), others))
        for text in translated:
            if text not in texts:
                close = difflib.get_close_matches(text, texts, n=1)
                hint = f"did you mean {close[0]!r}?" if close else "copy the words exactly."
                sentence = f"{text!r} is not a title, question, claim or mistake here; {hint}"
                found.append((("translations", language, text), sentence))
    for index, criterion in enumerate(config["acceptance"]):
        if "pitfalls" in criterion and not config.get("pitfalls"):
            place = ("acceptance", index, "pitfalls")
            found.append((place, "the config lists no pitfalls; write some under `pitfalls`."))
        found += _unanswerable(index, criterion, config)
    return list(dict.fromkeys(found))


def _mistakes_of_surrogate(config: Config, folder: Path) -> list[tuple[Place, str]]:
    name = config.get("surrogate")
    if name in ("forward.py", "backward.py", "inputs.py"):
        return [(("surrogate",), f"{name} is another file of the experiment; name one of its own.")]
    if name and not (folder / name).is_file():
        advice = "write it, with a function surrogate of forward's parameters."
        return [(("surrogate",), f"there is no file {name} beside forward.py; {advice}")]
    return []


def _unanswerable(index: int, criterion: Criterion, config: Config) -> list[tuple[Place, str]]:
    found: list[tuple[Place, str]] = []
    errors = criterion.get("errors", {})
    dtype = errors.get("dtype") or criterion.get("attribution")
    place: Place = ("acceptance", index, *(key for key in criterion if key != "claim"))
    if dtype and dtype not in config["dtypes"]:
        found.append((place, f"{dtype} is not among the experiment's dtypes; add it there."))
    if errors.get("sample", "trial") not in config["samples"]:
        found.append((place, f"there is no sample {errors['sample']!r} in `samples`."))
    if errors and ("every" in errors) == ("some" in errors):
        found.append((place, "needs exactly one of every, some."))
    return found
