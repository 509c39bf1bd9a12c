#!/bin/sh
# The interpreter that runs the stages; see warm_python.py in this folder.
trap '' INT  # the stage handles Ctrl-C, not this process, which waits for it
exec "${STAGE_PYTHON:?is set by the Snakefile}" -S -E "$(dirname "$0")/warm_python.py" "$@"
