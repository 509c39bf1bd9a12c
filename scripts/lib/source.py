"""Fingerprint the code of a stage: its script and every module of ours that it imports.

Snakemake sees neither a script's imports nor the difference between an edit and a touch. The
fingerprint sees both: it is taken over the syntax trees, so that a comment or a new date changes
nothing, and over the imports of the imports, so that an edited module changes exactly those stages
that use it.
"""

import ast
import hashlib
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
            waiting += _imports(root / path, root)
    return sorted(found)


def code_hash(script: str, root: Path = Path()) -> str:
    """SHA-256 over what the code of `script` says, comments and layout aside."""
    digest = hashlib.sha256()
    for path in modules_of(script, root):
        digest.update(path.encode() + b"\0" + _meaning(root / path).encode() + b"\0")
    return digest.hexdigest()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


@cache
def _meaning(path: Path) -> str:
    return ast.dump(_tree(path))


@cache
def _imports(path: Path, root: Path) -> list[str]:
    """Files under `root` that the module at `path` imports, wherever in it the import stands."""
    names: list[str] = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    files = {f"{name.replace('.', '/')}.py" for name in names}
    return sorted(file for file in files if (root / file).is_file())
