"""Declare the generated files that are kept, and how `snakemake --report` shows them."""

from pathlib import Path
from typing import Any

from snakemake.io import report
from snakemake.ioflags import update

CAPTIONS = "../../templates/captions"  # from scripts/rules/


def kept(file: str, shows: str, kind: str | None = None, category: str = "{experiment}") -> Any:
    """A generated file that is kept until its replacement is complete, with a label and a caption.

    shows: its label, to which the edition is added if the file has one
    kind: the subheading under which it is listed
    category: the heading under which it is listed
    """
    return report(
        update(file),
        caption=f"{CAPTIONS}/{Path(file.replace('{edition}', '')).stem}.rst",
        category=category,
        subcategory=kind,
        labels={"shows": f"{shows}{{edition}}" if "{edition}" in file else shows},
    )
