"""`make experiments`: trains the runs that are not finished, compares all that are, prints the tables."""

import sys
from collections.abc import Sequence

from benchmarks.cures.runs import VARIANTS, Experiment, chosen, train
from benchmarks.experiment import check_page, command, load, show
from benchmarks.table import machine
from cloud_removal.cli import DONE
from cloud_removal.errors import OptionError

COUNTS = ("completion_steps", "steps", "snapshots", "judged")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the experiment. Returns the exit code: 0, 1 after a CloudRemovalError, 130 or 143 after a signal."""
    return command(Experiment, "benchmarks.cures", run, arguments)


def run(experiment: Experiment, again: str) -> int:
    """Trains, compares, prints. `again` is printed as the way to go on."""
    names = chosen(experiment)
    check(experiment, names)
    busy = load("the times will be wrong")
    code = train(names, experiment, again)
    if code:
        return code
    from benchmarks.cures import results

    files = results.write(experiment, {"machine": machine(), "load_before": busy})
    show(experiment.output / results.TABLE, files)
    return DONE


def check(experiment: Experiment, names: Sequence[str]) -> None:
    """Refuses, before the work, what could not be finished or written."""
    for name in COUNTS:
        if getattr(experiment, name) < 1:
            raise OptionError(f"--{name.replace('_', '-')} {getattr(experiment, name)}: expected 1 or more.")
    if experiment.discriminator_steps < 0:
        raise OptionError(f"--discriminator-steps {experiment.discriminator_steps}: expected 0 or more.")
    check_page(experiment.page, len(names) == len(VARIANTS), "docs/inpainting.md")


if __name__ == "__main__":
    sys.exit(main())
