"""Pack an experiment with everything that is needed to check it and to run it again.

in   config, manifest, citation
              the experiment's checked config, its manifest.json, CITATION.cff
     written, outputs, cached
              the author's files, the generated files, the cached files
     gradients, same
              as collect_gradients writes them
     project  the pipeline's own files
     version  of Snakemake
out  archive  gzipped tar: one folder named as the experiment, which holds every file under its path
              in the project, `ro-crate-metadata.json`, which describes them, and `SHA256SUMS`, for
              sha256sum to check

The same files give the same bytes.
"""

import hashlib
import json
from pathlib import Path

import yaml

from autograd_by_hand.archive.canonical_tar import write_archive as pack
from autograd_by_hand.archive.ro_crate import describe
from autograd_by_hand.core.files import atomic_path, sha256
from autograd_by_hand.experiment.settings import Config
from autograd_by_hand.pipeline.run_stage import run_stage


def write_archive(
    experiment: str,
    config: Config,
    manifest: Path,
    citation: Path,
    written: list[Path],
    outputs: list[Path],
    cached: list[Path],
    gradients: list[Path],
    same: list[Path],
    project: list[Path],
    version: str,
    archive: Path,
) -> None:
    work = [*cached, *gradients, *same]
    packed = sorted({manifest, citation, *written, *outputs, *work, *project})
    hashes = {path.as_posix(): sha256(path) for path in packed}
    crate = describe(
        config["title"],
        config["question"],
        yaml.safe_load(citation.read_text(encoding="utf-8")),
        version,
        {path.as_posix(): (path.stat().st_size, hashes[path.as_posix()]) for path in packed},
        inputs=[path.as_posix() for path in written],
        results=[path.as_posix() for path in [manifest, *outputs]],
    )
    metadata = (json.dumps(crate, indent=1, ensure_ascii=False) + "\n").encode()
    hashes["ro-crate-metadata.json"] = hashlib.sha256(metadata).hexdigest()
    sums = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode()
    contents: dict[str, Path | bytes] = {path.as_posix(): path for path in packed}
    contents |= {"ro-crate-metadata.json": metadata, "SHA256SUMS": sums}
    with atomic_path(archive) as temporary:
        pack(temporary, {f"{experiment}/{name}": content for name, content in contents.items()})


if __name__ == "__main__":
    run_stage(write_archive, snakemake)  # type: ignore[name-defined]
