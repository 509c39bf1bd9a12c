#!/bin/sh
# The Python that runs the stages: see warm_python.py beside it.
trap '' INT  # a Ctrl-C is the stage's to answer, not that of the one who waits for it
exec "${STAGE_PYTHON:?is set by the Snakefile}" -S -E "$(dirname "$0")/warm_python.py" "$@"
