"""Fingerprint the code of a stage: its script, and of our modules what it uses.

Snakemake sees neither a script's imports nor the difference between an edit and a touch. The
fingerprint sees both. It is taken over the syntax trees of the script's statements, of every
function, class and constant that these mention, directly or through others, and of every statement
that acts when a module is imported. So a comment, a docstring or a text that is only shown changes
nothing, and an edited function changes exactly the stages that can come to call it.

How a stage is started and its progress shown is left out: that makes no output.
"""

import hashlib
from pathlib import Path

from autograd_by_hand.pipeline.source_files import SourceFiles
from autograd_by_hand.pipeline.statements import PROGRESS, TELL, Place

LEFT_OUT = {PROGRESS, TELL, ("scripts/autograd_by_hand/pipeline/run_stage.py", "run_stage")}


class Code:
    """The code of a project's stages.

    root: the folder that the paths of scripts start from
    memory: a file that remembers what was parsed, for the next start
    """

    def __init__(self, root: Path = Path(), memory: Path | None = None) -> None:
        self.files = SourceFiles(root, memory)
        self._hashes: dict[str, str] = {}

    def modules_of(self, script: str) -> list[str]:
        """`script` and all modules of ours that it imports, transitively, sorted; paths all."""
        return sorted(self._imported(script, set()))

    def hash_of(self, script: str) -> str:
        """SHA-256 over what of its code can change what a stage writes.

        The sentences of `UserError` count only if the stage may catch one and keep its sentence.
        """
        if script not in self._hashes:
            used = self._used(script, worded=False)
            keeps = any(self.files[path].statements[place].keeps for path, place in used)
            used = self._used(script, worded=True) if keeps else used
            digest = hashlib.sha256()
            for path, place in sorted(used):
                statement = self.files[path].statements[place]
                said = (keeps and statement.worded) or statement.digest
                digest.update(f"{path}\0{said}\0".encode())
            self._hashes[script] = digest.hexdigest()
        return self._hashes[script]

    def used_by(self, script: str) -> set[Place]:
        """Every name of a script and of our modules whose definition counts in its hash."""
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
        """The statements that a script uses: their files and places there."""
        waiting = [
            (path, place)
            for path in self._imported(script, LEFT_OUT)
            for place, statement in enumerate(self.files[path].statements)
            if path == script or statement.acts
        ]
        found: set[tuple[str, int]] = set()
        while waiting:
            path, place = waiting.pop()
            if (path, place) in found:
                continue
            found.add((path, place))
            file = self.files[path]
            statement = file.statements[place]
            names = statement.mentions if worded and statement.worded else statement.uses
            waiting += [(path, one) for name in names for one in file.defined[name]]
            if statement.origin and statement.origin not in LEFT_OUT:
                source, name = statement.origin
                waiting += [(source, one) for one in self.files[source].defined.get(name, ())]
        return found

    def remember(self) -> None:
        """Keep what was parsed for the next start."""
        self.files.remember()
