"""What the commands that train several runs and compare them have in common: errors, signals, the page of results."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import tyro

from benchmarks.cures.page import between_marks
from cloud_removal.cli import INTERRUPTED, report
from cloud_removal.errors import CloudRemovalError, InputError, OptionError

Settings = TypeVar("Settings")


def command(
    settings: type[Settings], module: str, run: Callable[[Settings, str], int], arguments: Sequence[str] | None
) -> int:
    """Parses `arguments` (None: those of the process) and calls `run` with them and the way to go on, as one types it.

    Returns the exit code: that of `run`, 1 after a CloudRemovalError, 130 after Ctrl+C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    given = tyro.cli(settings, args=words, prog=f"python -m {module}")
    try:
        return run(given, shlex.join(["python", "-m", module, *words]))
    except CloudRemovalError as error:
        return report(error)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return INTERRUPTED


def load(effect: str) -> float:
    """Processes that wait for this machine; where there are any, says what their `effect` is."""
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"warning: this machine is busy (load {busy:.1f}); {effect}", file=sys.stderr)
    return busy


def show(table: Path, files: Sequence[Path]) -> None:
    """Prints the finished `table`, and which `files` were written."""
    print(table.read_text(encoding="utf-8"))
    print("written: " + ", ".join(map(str, files)), file=sys.stderr)


def check_page(page: Path | None, every_run: bool, usual: str) -> None:
    """Refuses, before the work, a page that the results could not be written into; `usual` is the one that is meant."""
    if page is None:
        return
    if not every_run:
        raise OptionError("--page: a page shows all runs. Leave out --only, or --page.")
    if not page.is_file():
        raise InputError(f"--page {page}: there is no such file. Expected {usual}.")
    between_marks(page.read_text(encoding="utf-8"), "", page)
