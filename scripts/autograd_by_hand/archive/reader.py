"""Read an experiment, file by file, from an archive or from its folder."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256 as digest
from pathlib import Path
from tempfile import TemporaryDirectory

from autograd_by_hand.archive.canonical_tar import is_plain, read_archive
from autograd_by_hand.archive.json_schema import misfits
from autograd_by_hand.archive.schemas import schema
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.core.files import sha256
from autograd_by_hand.storage.manifest import ListedFile, Manifest

SUMS = "SHA256SUMS"
RECORDED = "recorded"  # the folder of an experiment's recorded run, in the experiment's own
# These files can be computed from the others, so an archive may omit them.
COMPUTED = re.compile(r"work/[a-z0-9]+/(manual|autograd|reference|reordered|noise)\.safetensors$")


@dataclass
class Archive:
    """An experiment's files, from an archive or a folder.

    name: the experiment's
    root: the folder to which the files' paths are relative
    hashes: SHA-256 of every existing file, by its path
    expected: the SHA-256 that each file should have according to an archive's SHA256SUMS or a
        folder's manifest, by its path
    """

    name: str
    root: Path
    hashes: dict[str, str]
    expected: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The experiment's own folder."""
        return self.root / "experiments" / self.name

    @property
    def is_recorded(self) -> bool:
        """Whether these are recorded results, which include no inputs and no tensors."""
        return self.folder.name == RECORDED

    def manifest(self) -> Manifest:
        """The manifest.

        Raises
            UserError: if there is none, or it does not match its schema.
        """
        path = f"experiments/{self.name}/manifest.json"
        if path not in self.hashes:
            raise UserError(f"{path}: is missing.")
        return read_manifest(self.root / path, path)

    def states(self) -> dict[str, str]:
        """The state of every existing or expected file: intact, changed, missing or extra."""
        found = {}
        for path in sorted(self.hashes.keys() | self.expected.keys()):
            if path not in self.expected:
                found[path] = "extra"
            elif path not in self.hashes:
                found[path] = "missing"
            else:
                intact = self.hashes[path] == self.expected[path]
                found[path] = "intact" if intact else "changed"
        return found


def read_manifest(file: Path, name: str) -> Manifest:
    """Read a manifest, which error messages call `name`.

    Raises
        UserError: if it does not match its schema.
    """
    try:
        manifest: Manifest = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name}: is not JSON ({error}).") from error
    if found := misfits(manifest, schema("manifest")):
        raise UserError(f"{name}: is not a manifest: {found[0]}.")
    return manifest


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open an archive, an experiment's folder, or the folder of its recorded results.

    Raises
        UserError: if it is none of these, or not a safe archive.
    """
    if path.is_dir():
        yield _of_folder(path.resolve())
    else:
        with TemporaryDirectory(prefix="archive-") as folder:
            yield _unpacked(path, Path(folder))


def _of_folder(folder: Path) -> Archive:
    """An experiment's folder in its project, with the files that its manifest lists.

    Recorded results include few of these files, so only their manifest is read.
    """
    is_recorded = folder.name == RECORDED
    own = folder.parent if is_recorded else folder
    name = f"{own.name}/{RECORDED}" if is_recorded else own.name
    archive = Archive(name, own.parent.parent, {})
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise UserError(f"{folder}: has no manifest.json; run snakemake -c1 there first.")
    path = manifest.relative_to(archive.root).as_posix()
    archive.hashes[path] = archive.expected[path] = sha256(manifest)
    for listed in [] if is_recorded else listed_in(archive.manifest()):
        archive.expected[listed["path"]] = listed["sha256"]
        if is_plain(listed["path"]) and (archive.root / listed["path"]).is_file():
            archive.hashes[listed["path"]] = sha256(archive.root / listed["path"])
    return archive


def _unpacked(path: Path, folder: Path) -> Archive:
    """An archive, unpacked below `folder`."""
    hashes, tops = {}, set()
    for name, content in read_archive(path):
        top, _, inner = name.partition("/")
        tops.add(top)
        if not inner or len(tops) > 1:
            raise UserError(
                f"{path}: is not an archive of an experiment: {name!r} lies outside its folder."
            )
        file = folder / top / inner
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as new:  # fails if another name means the same file on this system
                new.write(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise UserError(
                f"{path}: is not an archive of an experiment: "
                f"{name!r} is also a folder, or the same as another file on this system."
            ) from error
        hashes[inner] = digest(content).hexdigest()
    if not tops:
        raise UserError(f"{path}: is not an archive of an experiment: it is empty.")
    (top,) = tops
    if SUMS not in hashes:
        raise UserError(f"{path}: is not an archive of an experiment: it has no {SUMS}.")
    expected = _sums((folder / top / SUMS).read_bytes(), path)
    del hashes[SUMS]
    return Archive(top, folder / top, hashes, expected)


def _sums(content: bytes, path: Path) -> dict[str, str]:
    """The hashes in SHA256SUMS, by path."""
    expected: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line)
        if not match or not is_plain(match[2]) or match[2] in expected:
            raise UserError(f"{path}: its {SUMS} has an invalid line: {line[:80]!r}.")
        expected[match[2]] = match[1]
    return expected


def listed_in(manifest: Manifest) -> list[ListedFile]:
    """Every file that a manifest lists."""
    return [file for listed in manifest["files"].values() for file in listed]
