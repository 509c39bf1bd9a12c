"""Fingerprint the code of a stage: its script and every module of ours that it imports.

Snakemake sees neither a script's imports nor the difference between an edit and a touch. The
fingerprint sees both: it is taken over the syntax trees, so that a comment or a new date changes
nothing, and over the imports of the imports, so that an edited module changes exactly those stages
that use it.
"""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path


def modules_of(script: str, root: Path = Path()) -> list[str]:
    """`script` and all modules under `root` that it imports, transitively, sorted.

    script: path relative to `root`, as are the results
    """
    found: set[str] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(root / path)
    return sorted(found)


def code_hash(script: str, root: Path = Path()) -> str:
    """SHA-256 over what the code of `script` says, comments and layout aside."""
    digest = hashlib.sha256()
    for path in modules_of(script, root):
        digest.update(path.encode() + b"\0" + _meaning(root / path).encode() + b"\0")
    return digest.hexdigest()


@cache
def _meaning(path: Path) -> str:
    """What the code at `path` says: its syntax tree, which has no comments and no layout."""
    return ast.dump(ast.parse(path.read_bytes(), filename=str(path)))


_IMPORT = re.compile(r"^[ \t]*from (autograd_by_hand\.[\w.]+) import ", re.MULTILINE)


@cache
def _imports(path: Path) -> list[str]:
    """Files from the root that the module at `path` imports, wherever in it the import stands.

    Ours are only ever imported as `from autograd_by_hand.x.y import z`, which a test holds us to;
    looking for that is many times faster than walking the syntax tree, and every run waits for it.
    """
    names = _IMPORT.findall(path.read_text(encoding="utf-8"))
    return sorted({f"scripts/{name.replace('.', '/')}.py" for name in names})
