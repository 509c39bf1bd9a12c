"""The table of docs/benchmarks.md from the records of the operator database."""

from tests.bench.op_db.trial import Record


def table(records: list[Record]) -> str:
    return str(len(records))
