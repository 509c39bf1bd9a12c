"""Fingerprint the code of a stage: its script, and whatever it uses of the project's modules.

Snakemake neither follows a script's imports nor distinguishes an edit from a touch; the fingerprint
does both. It is the hash of the syntax trees of the script's statements, of every function, class
and constant that they mention, directly or indirectly, and of every statement that has an effect
when a module is imported. So a change to a comment, a docstring or a text that is only shown does
not alter it, and an edited function alters only the stages that may call it.

The code that starts a stage or shows its progress is left out, since it affects no output.
"""

import hashlib
from pathlib import Path

from autograd_by_hand.pipeline.source_files import SourceFiles
from autograd_by_hand.pipeline.statements import PROGRESS, TELL, Place

LEFT_OUT = {PROGRESS, TELL, ("scripts/autograd_by_hand/pipeline/run_stage.py", "run_stage")}


class Code:
    """The code of a project's stages.

    root: the folder to which the paths of scripts are relative
    memory: a file that caches what was parsed, for the next start
    """

    def __init__(self, root: Path = Path(), memory: Path | None = None) -> None:
        self.files = SourceFiles(root, memory)
        self._hashes: dict[str, str] = {}

    def modules_of(self, script: str) -> list[str]:
        """The paths of `script` and of the project's modules that it imports, transitively."""
        return sorted(self._imported(script, set()))

    def hash_of(self, script: str) -> str:
        """SHA-256 of the code that can affect what a stage writes.

        The sentences of `UserError` count only if the stage may catch one and keep its sentence.
        """
        if script not in self._hashes:
            used = self._used(script, worded=False)
            keeps = any(self.files[path].statements[index].keeps for path, index in used)
            used = self._used(script, worded=True) if keeps else used
            digest = hashlib.sha256()
            for path, index in sorted(used):
                statement = self.files[path].statements[index]
                own = (keeps and statement.worded) or statement.digest
                digest.update(f"{path}\0{own}\0".encode())
            self._hashes[script] = digest.hexdigest()
        return self._hashes[script]

    def used_by(self, script: str) -> set[Place]:
        """Every name, in script and modules, whose definition affects the script's hash."""
        used = self._used(script, worded=False)
        return {(path, one) for path, at in used for one in self.files[path].statements[at].names}

    def _imported(self, script: str, left_out: set[Place]) -> set[str]:
        found: set[str] = set()
        waiting = [script]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += [origin[0] for origin in self.files[path].origins - left_out]
        return found

    def _used(self, script: str, *, worded: bool) -> set[tuple[str, int]]:
        """The statements that a script uses: their files, and their indices there."""
        waiting = [
            (path, index)
            for path in self._imported(script, LEFT_OUT)
            for index, statement in enumerate(self.files[path].statements)
            if path == script or statement.acts
        ]
        found: set[tuple[str, int]] = set()
        while waiting:
            path, index = waiting.pop()
            if (path, index) in found:
                continue
            found.add((path, index))
            file = self.files[path]
            statement = file.statements[index]
            names = statement.mentions if worded and statement.worded else statement.uses
            waiting += [(path, one) for name in names for one in file.defined[name]]
            if statement.origin and statement.origin not in LEFT_OUT:
                source, name = statement.origin
                waiting += [(source, one) for one in self.files[source].defined.get(name, ())]
        return found

    def remember(self) -> None:
        """Save what was parsed for the next start."""
        self.files.remember()
