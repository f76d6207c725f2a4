"""`make search`: trains the runs that are not finished, judges all that are asked for, prints the table."""

import sys
from collections.abc import Sequence

from benchmarks.comparison.command import run
from benchmarks.experiment import command
from benchmarks.search.page import section
from benchmarks.search.variants import Search


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the search. Returns the exit code: 0, 1 after a CloudRemovalError, 130 or 143 after a signal."""
    return command(Search, "benchmarks.search", lambda search, again: run(search, section, again), arguments)


if __name__ == "__main__":
    sys.exit(main())
