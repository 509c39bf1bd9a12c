"""Write the manifest: settings, versions, verdicts, and every file of an experiment with its hash.

in   judgement, oracle, opinion, graph, environment, arithmetic, replays, attributions, orders
                   json, as their stages write them, the last four per dtype; arithmetic always
                   includes float64, which judges the formula
     written       the author's files
     cached, computed
                   the cached files, and the cached tensors that the inputs determine
     outputs       the generated files
     snakefiles    the Snakefile and the files of rules
     settings      the checked config
     modules       the code, as paths from the project's root
out  manifest      json: see templates/manifest.json.j2; `missing` lists what explaining stages
                   could not compute (`storage.missing`)
"""

from pathlib import Path

from autograd_by_hand.core.files import read_json, sha256, write_text
from autograd_by_hand.experiment.settings import Config
from autograd_by_hand.pipeline.run_stage import run_stage
from autograd_by_hand.report.templates import render
from autograd_by_hand.storage.attribution import read_attribution
from autograd_by_hand.storage.manifest import ListedFile
from autograd_by_hand.storage.missing import Missing, distinct_missing, missing_in, read_part


def write_manifest(
    experiment: str,
    judgement: Path,
    oracle: Path,
    opinion: Path,
    graph: Path,
    environment: Path,
    arithmetic: list[Path],
    replays: list[Path],
    attributions: list[Path],
    orders: list[Path],
    written: list[Path],
    cached: list[Path],
    computed: list[Path],
    outputs: list[Path],
    snakefiles: list[Path],
    settings: Config,
    modules: list[str],
    manifest: Path,
) -> None:
    judged, recorded = read_json(judgement), read_part(graph)
    missing = distinct_missing([*cached, *computed, *outputs])
    values = {
        "experiment": experiment,
        "config": settings,
        "seeds": {name: sample["seed"] for name, sample in settings["samples"].items()},
        "environment": read_json(environment),
        "reference": {path.parent.name: read_json(path) for path in arithmetic},
        "judgement": judged,
        "oracle": read_json(oracle),
        "gradcheck": read_json(opinion),
        "replay": [
            {key: row[key] for key in ("dtype", "tensor", "data", "elements", "identical")}
            for path in _present(replays)
            for row in read_json(path)["tensors"]
        ],
        "proved": {path.parent.name: read_json(path)["proved"] for path in _present(replays)},
        "attribution": [
            {"dtype": path.parent.name, **row}
            for path in attributions
            for row in read_attribution(path)["shares"]
        ],
        "orders": [
            {"dtype": path.parent.name, **entry}
            for path in _present(orders)
            for entry in read_json(path)["sums"]
        ],
        "graph": [] if isinstance(recorded, Missing) else recorded["nodes"],
        "missing": [vars(one) for one in missing],
        "files": {
            "written": _listed(written),
            "code": _listed([*snakefiles, *map(Path, modules)]),
            "intermediate": _listed([*cached, *computed]),
            "output": _listed(outputs),
        },
    }
    write_text(manifest, render("manifest.json.j2", values))


def _present(paths: list[Path]) -> list[Path]:
    return [path for path in paths if not missing_in(path)]


def _listed(paths: list[Path]) -> list[ListedFile]:
    """Path from the project's root, size in bytes and SHA-256 of each file, sorted by path."""
    return [
        {"path": str(path), "bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(paths)
    ]


if __name__ == "__main__":
    run_stage(write_manifest, snakemake)  # type: ignore[name-defined]
