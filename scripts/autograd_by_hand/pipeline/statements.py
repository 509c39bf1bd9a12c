"""Parse a source file into statements, without anything that cannot affect a stage's output.

A syntax tree has no comments and no layout. Docstrings are removed from it, and so are texts that
are only shown while a stage runs, those of `tell` and `progress`. The sentences of `UserError` are
kept apart: a stage that ends with one has no output, unless some code catches and keeps it.
"""

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
Place = tuple[str, str]  # a file, by its path from the project's root, and a name in it

TELL = ("scripts/autograd_by_hand/core/progress.py", "tell")
PROGRESS = ("scripts/autograd_by_hand/core/progress.py", "progress")
USER_ERROR = ("scripts/autograd_by_hand/core/errors.py", "UserError")
# Decorators that only wrap what they decorate; any other may have a further effect.
WRAPPERS = {"cache", "cached_property", "contextmanager", "dataclass", "property", "staticmethod"}


@dataclass(frozen=True)
class Statement:
    """A statement at a file's top level, or a name that is imported anywhere in the file.

    names: the names that it defines
    acts: whether it may do more than define them when the file is imported
    digest: the hash of its syntax tree, without the sentences of `UserError`
    uses: the names of the file's top level that this tree mentions
    worded, mentions: like `digest` and `uses`, but with these sentences; `worded` is "" if there
        are none
    keeps: whether it may catch a `UserError` and keep its sentence
    origin: where a name that is imported from the project is defined
    """

    names: list[str]
    acts: bool
    digest: str
    uses: list[str] = field(default_factory=list)
    worded: str = ""
    mentions: list[str] = field(default_factory=list)
    keeps: bool = False
    origin: Place | None = None


def parse(source: bytes, path: str, ours: set[str]) -> list[Statement]:
    """A file's statements in order, followed by the imports within functions.

    source, path: the file's content, and its name in an error
    ours: the packages and modules in scripts/

    Raises
        SyntaxError: if it does not parse, or has an import from `ours` that cannot be followed.
    """
    tree = ast.parse(source, filename=path)
    return list(_Parsed(tree, path, ours).statements())


class _Parsed:
    """The syntax tree of one file, and what is known of its names."""

    def __init__(self, tree: ast.Module, path: str, ours: set[str]) -> None:
        self.tree = tree
        nodes = list(ast.walk(tree))
        for node in nodes:
            _drop_texts(node)
        self.imports = {
            node: [_imported(node, alias, path, ours) for alias in node.names]
            for node in nodes
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        imported = [one for each in self.imports.values() for one in each]
        self.top = {name for one in imported for name in one.names}
        self.top |= {name for node in tree.body for name in _targets(node)}
        self.mentioned = {node.id for node in nodes if isinstance(node, ast.Name)}
        self.no_user_errors = {one.names[0] for one in imported if not one.origin}
        self.no_user_errors |= {node.name for node in nodes if isinstance(node, ast.ClassDef)}
        bound = {name for node in nodes for name in _bound(node)}
        self.origins = {
            one.names[0]: one.origin
            for one in imported
            if one.origin and one.names[0] not in bound  # otherwise the name is ambiguous
        }

    def statements(self) -> Iterator[Statement]:
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for one in self.imports[node]:
                    # If a third-party import is never mentioned, its effect is what matters.
                    acts = not one.origin and not self.mentioned.intersection(one.names)
                    yield replace(one, acts=acts)
            else:
                yield self._statement(node)
        for node, names in self.imports.items():
            if node not in self.tree.body:
                yield from names

    def _statement(self, node: ast.stmt) -> Statement:
        names, acts, keeps = _targets(node), _acts(node), any(map(self._keeps, ast.walk(node)))
        node = _Without({TELL, PROGRESS}, self.origins).visit(node) or ast.Pass()
        digest, uses = self._digest(node)
        without = _Without({USER_ERROR}, self.origins)
        node = without.visit(node)
        if not without.found:
            return Statement(names, acts, digest, uses, keeps=keeps)
        worded, mentions = digest, uses
        digest, uses = self._digest(node)
        return Statement(names, acts, digest, uses, worded, mentions, keeps)

    def _digest(self, node: ast.AST) -> tuple[str, list[str]]:
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        return sha256(ast.dump(node).encode()).hexdigest(), sorted(names & self.top)

    def _keeps(self, node: ast.AST) -> bool:
        """Whether a node is a `try` that may bind a `UserError` to a name."""
        if isinstance(node, ast.Try | ast.TryStar):
            for handler in node.handlers:
                if self._may_catch(handler.type):
                    return handler.name is not None
        return False

    def _may_catch(self, kind: ast.expr | None) -> bool:
        """Whether a handler of this type may catch a `UserError`; imported project classes may."""
        if isinstance(kind, ast.Tuple):
            return any(map(self._may_catch, kind.elts))
        if isinstance(kind, ast.Attribute):
            return self._may_catch(kind.value)
        if not isinstance(kind, ast.Name) or kind.id in ("Exception", "BaseException"):
            return True
        return kind.id not in self.no_user_errors and not hasattr(builtins, kind.id)


class _Without(ast.NodeTransformer):
    """Removes the texts from the calls of some of the project's functions.

    calls: the functions
    origins: where the names that the file imports from the project are defined
    """

    def __init__(self, calls: set[Place], origins: dict[str, Place]) -> None:
        self.calls = {name: place for name, place in origins.items() if place in calls}
        self.found = False

    def visit(self, node: ast.AST) -> Any:
        """The node without such texts, which may be another node or None."""
        return super().visit(node) if self.calls else node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if getattr(node, "body", None) == []:
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_tell = isinstance(node.value, ast.Call) and self._called(node.value) == TELL
        return None if is_tell else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = self._called(node)
        if called == PROGRESS and node.args:
            return self.visit(node.args[0])  # type: ignore[no-any-return]
        if called:
            node.args, node.keywords = [], []
        return self.generic_visit(node)

    def _called(self, node: ast.Call) -> Place | None:
        called = self.calls.get(node.func.id) if isinstance(node.func, ast.Name) else None
        self.found |= called is not None
        return called


def _imported(
    node: ast.Import | ast.ImportFrom, alias: ast.alias, path: str, ours: set[str]
) -> Statement:
    """One name that an import defines."""
    if isinstance(node, ast.Import):
        module, name, relative = alias.name, alias.asname or alias.name.split(".")[0], False
    else:
        module, name, relative = node.module or "", alias.asname or alias.name, node.level > 0
    origin = None
    if relative or module.split(".")[0] in ours:
        if relative or isinstance(node, ast.Import) or name == "*":
            text = ast.unparse(node)
            raise SyntaxError(f"{path}:{node.lineno}: `{text}`: write `from module import name`.")
        origin = (f"scripts/{module.replace('.', '/')}.py", alias.name)
    text = f"{type(node).__name__} {module} {alias.name} {name}"
    return Statement([name], acts=False, digest=sha256(text.encode()).hexdigest(), origin=origin)


def _drop_texts(node: ast.AST) -> None:
    """Remove a node's docstring and any other statement that is only a text."""
    body = getattr(node, "body", None)
    if isinstance(body, list):
        kept = [
            one
            for one in body
            if not (
                isinstance(one, ast.Expr)
                and isinstance(one.value, ast.Constant)
                and isinstance(one.value.value, str)
            )
        ]
        node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]


def _targets(node: ast.stmt) -> list[str]:
    """The names that a statement defines; none if it is not a definition."""
    if isinstance(node, _FUNCTION | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    if isinstance(node, ast.Assign | ast.AnnAssign):
        names = [one for target in targets for one in getattr(target, "elts", [target])]
        return [name.id for name in names if isinstance(name, ast.Name)]
    return []


def _bound(node: ast.AST) -> Iterable[str]:
    """The names that a node binds, except by an import."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, _FUNCTION | ast.ClassDef | ast.ExceptHandler) and node.name:
        yield node.name


def _acts(node: ast.stmt) -> bool:
    """Whether a statement may do more than define names when it is executed."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        parts = [part for target in targets for part in getattr(target, "elts", [target])]
        return not all(isinstance(part, ast.Name) for part in parts) or _calls(node)
    return not isinstance(node, _FUNCTION | ast.ClassDef) or _calls(node)


def _calls(node: ast.AST) -> bool:
    """Whether executing a definition calls anything; a function's body is not executed then."""
    if isinstance(node, ast.Call):
        return True
    parts = ast.iter_child_nodes(node)
    if isinstance(node, ast.Lambda):
        parts = iter([node.args])
    elif isinstance(node, _FUNCTION | ast.ClassDef):
        if not all(map(_wraps, node.decorator_list)):
            return True
        within = (
            [node.args]
            if isinstance(node, _FUNCTION)
            else [*node.bases, *node.keywords, *node.body]
        )
        parts = iter(within)
    return any(map(_calls, parts))


def _wraps(decorator: ast.expr) -> bool:
    """Whether a decorator is known to only wrap what it decorates."""
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(name, ast.Name) and name.id in WRAPPERS
