"""Compile an author's Python file, or look into it; describe a mistake of syntax in a sentence."""

import ast
from pathlib import Path
from types import CodeType

from autograd_by_hand.core.errors import UserError


def compiled(path: Path) -> CodeType:
    """The code of a Python file, which is not executed.

    Raises
        UserError: if the file cannot be read, or does not parse.
    """
    try:
        return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except FileNotFoundError as error:
        raise UserError(f"{path}: is missing; write it with a function {path.stem}.") from error
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); it must be a readable file."
        ) from error
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        what = error.msg if isinstance(error, SyntaxError) else error
        raise UserError(f"{path}{line}: does not parse as Python: {what}.") from error
    except (RecursionError, MemoryError) as error:  # CPython's for an expression nested too deeply
        raise UserError(f"{path}: is nested too deeply for Python; split it.") from error


def parameters_of(path: Path, name: str) -> set[str]:
    """The parameters with which a Python file defines a function; none if it does not define it.

    The file is not executed. A mistake in it is for others to report.
    """
    try:
        nodes = [*ast.walk(ast.parse(path.read_bytes()))]
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = [node.args for node in nodes if isinstance(node, ast.FunctionDef) and node.name == name]
    return {one.arg for args in found for one in (*args.args, *args.kwonlyargs)}
