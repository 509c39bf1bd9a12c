"""The source files of a project, each parsed again only if its content has changed."""

import hashlib
import json
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from autograd_by_hand.core.files import Stamp, sha256, stamp_of, write_text
from autograd_by_hand.pipeline.statements import Place, Statement, parse

PACKAGE = __name__.split(".", maxsplit=1)[0]
# A file that changed less than this ago (ns) could change again without a new stamp, because file
# systems round their dates; none in use rounds them more coarsely. It is read again.
SETTLED = 2 * 10**9


@dataclass(frozen=True)
class SourceFile:
    """A file's statements in order, followed by the imports within functions.

    content: the SHA-256 of the file's bytes
    """

    content: str
    statements: list[Statement]

    @cached_property
    def defined(self) -> dict[str, list[int]]:
        """The indices in `statements` of the definitions of each name."""
        found: dict[str, list[int]] = {}
        for index, statement in enumerate(self.statements):
            for name in statement.names:
                found.setdefault(name, []).append(index)
        return found

    @cached_property
    def origins(self) -> set[Place]:
        """Where the names that it imports from the project are defined."""
        return {one.origin for one in self.statements if one.origin}


class SourceFiles:
    """The source files of a project by their paths, each parsed when it is first needed.

    root: the folder to which the paths are relative
    memory: the file that caches what was parsed, if any
    """

    def __init__(self, root: Path = Path(), memory: Path | None = None) -> None:
        self.root, self.memory = root, memory
        # Python puts a script's own folder first on its path, so it finds these modules.
        self._ours = {PACKAGE, *(path.stem for path in (root / "scripts").glob("*.py"))}
        self._remembered = _recall(memory, self._parser()) if memory else {}
        self._files: dict[str, SourceFile] = {}
        self._learnt = False

    def __getitem__(self, path: str) -> SourceFile:
        """The file at `path`.

        Raises
            SyntaxError: if it does not parse, or has an import that cannot be followed.
        """
        if path not in self._files:
            self._files[path] = self._file(path)
        return self._files[path]

    def _file(self, path: str) -> SourceFile:
        stamp = stamp_of(self.root / path)  # taken first, in case the file changes while it is read
        known, file = self._remembered.get(path, (None, None))
        if not file or known != stamp:
            now = time.time_ns()
            source = (self.root / path).read_bytes()
            content = hashlib.sha256(source).hexdigest()
            if not file or file.content != content:
                file = SourceFile(content, parse(source, str(self.root / path), self._ours))
            settled = now - stamp[2] > SETTLED  # the ctime, which a user cannot set
            self._remembered[path] = stamp if settled else [], file
            self._learnt = True
        return file

    def remember(self) -> None:
        """Save what was parsed for the next start; if several processes do so, the last one wins.

        If the file cannot be written, the next start parses again.
        """
        if self.memory and self._learnt:
            files = {
                path: {"stamp": stamp} | asdict(file)
                for path, (stamp, file) in self._remembered.items()
                if (self.root / path).is_file()
            }
            with suppress(OSError):
                write_text(self.memory, json.dumps({"parser": self._parser(), "files": files}))
                self._learnt = False

    def _parser(self) -> list[Any]:
        """What the result of parsing depends on besides the file itself."""
        own = sha256(Path(__file__).with_name("statements.py"))
        return [sys.version, own, sorted(self._ours)]


def _recall(memory: Path, parser: list[Any]) -> dict[str, tuple[Stamp, SourceFile]]:
    """The cached files by path; none if the cache is damaged or was written by another parser."""
    try:
        cache = json.loads(memory.read_bytes())
        files = cache["files"] if cache["parser"] == parser else {}
        return {path: _file_of(**file) for path, file in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _file_of(
    stamp: Stamp, content: str, statements: list[dict[str, Any]]
) -> tuple[Stamp, SourceFile]:
    for one in statements:
        one["origin"] = tuple(one["origin"]) if one["origin"] else None
    return stamp, SourceFile(content, [Statement(**one) for one in statements])
