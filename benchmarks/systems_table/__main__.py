"""`make systems-table`: trains the runs that are not finished, judges all that are asked for, prints the table."""

import sys
from collections.abc import Sequence

from benchmarks.comparison.command import run
from benchmarks.experiment import command
from benchmarks.systems_table.page import section
from benchmarks.systems_table.variants import Systems


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison. Returns the exit code: 0, 1 after a CloudRemovalError, 130 or 143 after a signal."""
    return command(Systems, "benchmarks.systems_table", lambda systems, again: run(systems, section, again), arguments)


if __name__ == "__main__":
    sys.exit(main())
