"""Describe an archive as a Workflow Run RO-Crate, for machines that search for data sets.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) with the profiles Process Run Crate 0.5, Workflow Run
Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5) and Workflow RO-Crate 1.0.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import PurePosixPath
from typing import TypedDict

CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
FORMATS = {
    ".cff": "text/yaml",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".safetensors": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}
WORKFLOW = "Snakefile"
LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"


class Author(TypedDict):
    """Who wrote the pipeline."""

    name: str


Citation = TypedDict(
    "Citation", {"title": str, "authors": list[Author], "date-released": date | str}
)  # CITATION.cff, as far as it is read; no class has a key with a hyphen


def describe(
    title: str,
    question: str,
    citation: Citation,
    snakemake: str,
    files: dict[str, tuple[int, str]],
    inputs: list[str],
    results: list[str],
) -> dict[str, object]:
    """The crate's metadata, JSON-LD.

    citation: the content of CITATION.cff
    snakemake: Snakemake's version
    files: size in bytes and SHA-256 of every file of the archive, by its path in it
    inputs, results: those of `files` that the run began with and those that it made
    """
    authors = [f"#author-{number}" for number, _ in enumerate(citation["authors"], 1)]
    return {
        "@context": CONTEXT,
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": _ids(
                    [
                        "https://w3id.org/ro/crate/1.1",
                        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
                    ]
                ),
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": title,
                "description": question,
                "datePublished": str(citation["date-released"]),
                "license": {"@id": "LICENSE"},
                "author": _ids(authors),
                "conformsTo": _ids(PROFILES),
                "hasPart": _ids(sorted(files)),
                "mainEntity": {"@id": WORKFLOW},
                "mentions": {"@id": "#run"},
            },
            *(
                {"@id": profile, "@type": "CreativeWork", "name": name, "version": version}
                for profile, (name, version) in PROFILES.items()
            ),
            *(
                {"@id": author, "@type": "Organization", "name": entry["name"]}
                for author, entry in zip(authors, citation["authors"], strict=True)
            ),
            {
                "@id": LANGUAGE,
                "@type": "ComputerLanguage",
                "name": "Snakemake",
                "version": snakemake,
                "identifier": {"@id": "https://snakemake.readthedocs.io"},
                "url": {"@id": "https://snakemake.readthedocs.io"},
            },
            {
                "@id": "#run",
                "@type": "CreateAction",
                "name": f"The run that answers: {question}",
                "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
                "instrument": {"@id": WORKFLOW},
                "agent": {"@id": authors[0]},
                "object": _ids(inputs),
                "result": _ids(results),
            },
            *(_file(path, *files[path], citation["title"]) for path in sorted(files)),
        ],
    }


def _file(path: str, size: int, sha256: str, workflow: str) -> dict[str, object]:
    kind = FORMATS.get(PurePosixPath(path).suffix, "text/plain")
    file: dict[str, object] = {"@id": path, "@type": "File", "name": path, "encodingFormat": kind}
    if path == WORKFLOW:
        file |= {
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": workflow,
            "programmingLanguage": {"@id": LANGUAGE},
            "conformsTo": {
                "@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
            },
        }
    if path == "README.md":
        file["about"] = {"@id": "./"}
    return file | {"contentSize": str(size), "sha256": sha256}


def _ids(paths: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": path} for path in paths]
