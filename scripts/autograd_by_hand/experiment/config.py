"""Read and check an experiment's config.yaml; describe each mistake in a sentence with its line."""

import difflib
import re
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from autograd_by_hand.core.errors import UserError
from autograd_by_hand.experiment.input_mistakes import Place, mistakes_of_inputs, numeric_hint
from autograd_by_hand.experiment.settings import Config, Criterion, languages_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
AUTHORS_FILES = ("forward.py", "backward.py", "derivation.md")


def load_configs(folders: list[Path], schema: Path) -> dict[str, Config]:
    """The checked configs of all experiments, by name; `schema` is the path of their schema.

    Raises
        UserError: with every mistake in every experiment, including missing files.
    """
    configs, mistakes = {}, []
    for folder in folders:
        if not _NAME.fullmatch(folder.name):
            mistakes.append(
                f"{folder}: this folder's name is not valid on every system; "
                "rename it, using only letters, digits, - _ and . (at most 64)."
            )
        try:
            configs[folder.name] = load_config(folder / "config.yaml", schema)
        except UserError as error:
            mistakes.append(str(error))
        missing = [name for name in AUTHORS_FILES if not (folder / name).is_file()]
        mistakes += [f"{folder / name}: is missing; every experiment has one." for name in missing]
    if mistakes:
        raise UserError("\n".join(mistakes))
    return configs


def load_config(path: Path, schema: Path) -> Config:
    """The checked config at `path`.

    Raises
        UserError: with every mistake found, one per line, each with file, line and remedy.
    """
    config, nodes = _read(path)
    if not isinstance(config, dict):
        raise UserError(f"{path}: is not a mapping of keys to values; copy another experiment's.")
    validator = _Validator(yaml.load(schema.read_bytes(), yaml.CSafeLoader))
    errors = sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path)))
    mistakes = [(tuple(error.absolute_path), _sentence(error)) for error in errors]
    checked = cast("Config", config)
    mistakes = mistakes or _contradictions(checked)
    if mistakes:
        # jsonschema reports each missing key, but one sentence names them all: keep it once
        once = dict.fromkeys(_placed(path, nodes, *mistake) for mistake in mistakes)
        raise UserError("\n".join(once))
    return checked


# JSON Schema accepts 7.0 as an integer; torch does not accept it as a shape or a seed.
_Validator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


class _UniqueKeyLoader(yaml.CSafeLoader):
    """A YAML loader that rejects duplicate keys and keys that are not text."""


def _unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} is not text; put it in quotes", key_node.start_mark
            )
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} occurs twice; keep one", key_node.start_mark
            )
        seen.add(key)
    return dict(loader.construct_mapping(node, deep=True))


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:map", _unique_mapping)


def _read(path: Path) -> tuple[Any, yaml.Node | None]:
    """The value of a YAML file, and its tree of nodes, which have line numbers."""
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, _UniqueKeyLoader), yaml.compose(text, yaml.CSafeLoader)  # noqa: S506
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text (byte {error.start}).") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: {error.problem}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as YAML: {reason}.") from error


def _placed(path: Path, nodes: yaml.Node | None, place: Place, sentence: str) -> str:
    """`sentence` preceded by the file, the line and the key that it is about."""
    line, node = 1, nodes
    for step in place:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if step not in pairs:
                break
            key, node = pairs[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return f"{path}:{line}: {where.lstrip('.') or 'the file'}: {sentence}"


def _sentence(error: ValidationError) -> str:
    """Explain a violated rule of the schema to the author of the config."""
    value: Any = error.instance
    limit: Any = error.validator_value
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties":
            known = sorted(schema.get("properties", {}))
            wrong = sorted(set(value) - set(known))
            close = difflib.get_close_matches(wrong[0], known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
            return f"{wrong[0]!r} is not a known key; {hint}"
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
            hint = numeric_hint(value) if limit in ("number", "integer") else ""
            return f"{value!r} is not {wanted[str(limit)]}{hint}."
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


def _contradictions(config: Config) -> list[tuple[Place, str]]:
    """Mistakes in keys that are valid one by one but contradict each other."""
    found: list[tuple[Place, str]] = []
    samples = config["samples"]
    if not any(tensor.get("requires_grad") for tensor in config["tensors"].values()):
        found.append((("tensors",), "none has requires_grad: true; there is no gradient to try."))
    found += mistakes_of_inputs(config)
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
