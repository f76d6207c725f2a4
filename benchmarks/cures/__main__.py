"""`make experiments`: trains the runs that are not finished, compares all that are, prints the tables."""

import os
import shlex
import sys
from collections.abc import Sequence

import tyro

from benchmarks.cures.runs import VARIANTS, Experiment, chosen, train
from benchmarks.table import machine
from cloud_removal.cli import DONE, INTERRUPTED, report
from cloud_removal.errors import CloudRemovalError, InputError, OptionError

COUNTS = ("completion_steps", "steps", "snapshots", "judged")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the experiment. Returns the exit code: 0, 1 after a CloudRemovalError, 130 or 143 after a signal."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    experiment = tyro.cli(Experiment, args=words, prog="python -m benchmarks.cures")
    try:
        return run(experiment, shlex.join(["python", "-m", "benchmarks.cures", *words]))
    except CloudRemovalError as error:
        return report(error)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return INTERRUPTED


def run(experiment: Experiment, command: str) -> int:
    """Trains, compares, prints. `command` is printed as the way to go on."""
    names = chosen(experiment)
    check(experiment, names)
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"warning: this machine is busy (load {busy:.1f}); the times will be wrong", file=sys.stderr)
    code = train(names, experiment, command)
    if code:
        return code
    from benchmarks.cures import results

    files = results.write(experiment, {"machine": machine(), "load_before": busy})
    print((experiment.output / results.TABLE).read_text(encoding="utf-8"))
    print("written: " + ", ".join(map(str, files)), file=sys.stderr)
    return DONE


def check(experiment: Experiment, names: Sequence[str]) -> None:
    """Refuses, before the work, what could not be finished or written."""
    from benchmarks.cures.page import between_marks

    for name in COUNTS:
        if getattr(experiment, name) < 1:
            raise OptionError(f"--{name.replace('_', '-')} {getattr(experiment, name)}: expected 1 or more.")
    if experiment.page is None:
        return
    if len(names) < len(VARIANTS):
        raise OptionError("--page: a page shows all runs. Leave out --only, or --page.")
    if not experiment.page.is_file():
        raise InputError(f"--page {experiment.page}: there is no such file. Expected docs/inpainting.md.")
    between_marks(experiment.page.read_text(encoding="utf-8"), "", experiment.page)


if __name__ == "__main__":
    sys.exit(main())
