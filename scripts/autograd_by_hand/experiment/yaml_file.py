"""Read a YAML file with its lines; describe what is not YAML in a sentence with a remedy."""

import re
from pathlib import Path
from typing import Any

import yaml

from autograd_by_hand.core.errors import UserError

# A line with a key and a value, which may be an item of a list.
_PAIR = re.compile(r"\s*(?:- +)*([\w.-]+): +(\S.*)")
_INDENT = re.compile(r"[ -]*\t")
# With these characters YAML begins something else than text.
_NO_TEXT = "%@`*&!|>"


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


def read_yaml(path: Path) -> tuple[Any, yaml.Node | None]:
    """The value of a YAML file, and its tree of nodes, which have line numbers.

    Raises
        UserError: if the file cannot be read, or is not YAML.
    """
    try:
        text = path.read_bytes().decode()
        return yaml.load(text, _UniqueKeyLoader), yaml.compose(text, yaml.CSafeLoader)  # noqa: S506
    except FileNotFoundError as error:
        raise UserError(f"{path}: is missing; copy another experiment's.") from error
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); it must be a readable file."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: {_clause(error, text.splitlines())}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as YAML: {reason}.") from error


def _clause(error: yaml.MarkedYAMLError, lines: list[str]) -> str:
    """What is wrong in the line of an error, and how to repair it; or else the parser's words."""
    mark, begun, problem = error.problem_mark, error.context_mark, error.problem or "is not YAML"
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if _INDENT.match(line):
        return "a tab indents this line; YAML takes only spaces"
    for kind, sign in (("flow sequence", "["), ("flow mapping", "{")):
        if begun and kind in (error.context or ""):
            return (
                f"the {sign} of line {begun.line + 1} is not closed, or a comma is missing before "
                "this place"
            )
    if begun and "quoted scalar" in (error.context or ""):
        return f"the quotation mark of line {begun.line + 1} is not closed"
    if pair := _PAIR.fullmatch(line):
        key, value = pair.groups()
        remedy = f"write {key}: {_quoted(value)} with quotes"
        if "mapping values" in problem and re.search(r":(\s|$)", value):
            return f"the text of {key!r} has a colon; {remedy}"
        if value[0] in _NO_TEXT and "expected key" not in problem:
            return f"the text of {key!r} begins with {value[0]}; {remedy}"
        if value[0] in "\"'[{" and "expected key" in problem:
            return (
                f"the text of {key!r} goes on after what {value[0]} begins; put all of it in quotes"
            )
    if "mapping values" in problem or "expected key" in problem or "document start" in problem:
        return (
            "this line does not continue what is above it; check its indentation, and that every "
            "key has a colon and a space after it"
        )
    return problem


def _quoted(value: str) -> str:
    """A text in the quotes that it does not contain itself, without a comment after it."""
    text = re.sub(r"\s+#.*", "", value).rstrip()
    return (
        f'"{text}"' if '"' not in text and "\\" not in text else "'" + text.replace("'", "''") + "'"
    )


def line_of(nodes: yaml.Node | None, path: tuple[str | int, ...]) -> int:
    """The line of the value that `path` leads to, or of the last step that exists; 1 at least."""
    line, node = 1, nodes
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}
            if step not in pairs:
                break
            key, node = pairs[step]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
