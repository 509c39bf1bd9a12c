"""The files must be those that the archive and its manifest list."""

from collections import Counter
from collections.abc import Iterator

from autograd_by_hand.archive.reader import COMPUTED, Archive, listed_in
from autograd_by_hand.core.errors import UserError
from autograd_by_hand.storage.manifest import ListedFile
from autograd_by_hand.verification.finding import Finding, broken, met, noted


def check_files(archive: Archive) -> Iterator[Finding]:
    """Find which files are intact, changed, missing or extra, also against the manifest."""
    counts = Counter[str]()
    for path, state in archive.states().items():
        counts[state] += 1
        if state == "missing" and COMPUTED.search(path):
            counts["left out"] += 1
        elif state != "intact":
            yield broken("files", f"{path}: {state}")
    yield met("files", f"{counts['intact']} intact, according to the archive's own list")
    if counts["left out"]:
        yield noted("files", f"{counts['left out']} left out, as the others give them")
    try:
        manifest = archive.manifest()
    except UserError as error:
        yield broken("files", str(error))
        return
    if manifest["experiment"] != archive.name:
        yield broken(
            "files", f"the manifest is that of {manifest['experiment']}, not of {archive.name}"
        )
    for listed in listed_in(manifest):
        if found := _against_manifest(archive, listed):
            yield broken("files", found)


def _against_manifest(archive: Archive, listed: ListedFile) -> str | None:
    """What is wrong with a file that the manifest lists; None if nothing is."""
    path = listed["path"]
    if path in archive.hashes:
        same = archive.hashes[path] == listed["sha256"]
        return None if same else f"{path}: changed, as the manifest has another hash"
    return None if COMPUTED.search(path) else f"{path}: missing, as the manifest lists it"
