"""The command `archive`: clouds and haze off many scenes, by several processes of this machine or of a cluster."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cloud_removal.cli.remove import INTERRUPTED, Options
from cloud_removal.errors import InputError, OptionError, expect

if TYPE_CHECKING:
    from cloud_removal.cli.archive_workers import Job
    from cloud_removal.cli.remove_one import Remover

CORES_A_WORKER = 4
"""Cores of this machine for which there is one worker, unless a user says otherwise: their memory has to suffice."""


@dataclass(frozen=True, kw_only=True)
class Command(Options):
    """Takes clouds and haze off many scenes, several at a time, each as remove would.

    They are shared out among worker processes of this machine, or among the workers of a dask cluster that see the
    same files. Each loads the model once and works on one scene at a time. A scene that fails is tried once more, then
    reported, and does not stop the others. Scenes whose result is there are skipped, so the same command goes on with
    an archive that was stopped or has grown. OUTPUT, --cloud, --provenance, --uncertainty, --residual, --report
    and --mask are folders. Needs dask.distributed. See docs/archives.md.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="INPUT [INPUT ...] OUTPUT")]
    """Scenes: files, folders of them, patterns in quotes ("2024/*.tif") and lists of files (.txt, one path a line).
    Last the folder for the results."""
    workers: int | None = None
    """Worker processes on this machine, each with its share of the cores. Without it one for every four cores."""
    scheduler: str | None = None
    """Address of a running dask scheduler whose workers are to do the work, e.g. tcp://10.0.0.5:8786."""

    def run(self) -> int:
        """Removes the clouds of all scenes. Returns the exit code."""
        self._check()
        from cloud_removal.cli import archive_workers, remove_folder
        from cloud_removal.cli.archive_scenes import listed_scenes

        *inputs, output = self.paths
        remover, results = self.remover(), self.targets(output)
        remove_folder.check(remover)
        remover, content = archive_workers.shipped(remover)
        every = remove_folder.jobs(listed_scenes(inputs), results, ", ".join(map(str, inputs)))
        try:
            with remove_folder.folders(results):
                todo = [job for job in every if not remove_folder.there(remover, *job)]
                failed = self._done(remover, content, todo) if todo else 0
                if failed:
                    raise InputError(f"{failed} of {len(every)} scenes failed; the others are done.")
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return INTERRUPTED
        return 0

    def _check(self) -> None:
        """Refuses what cannot be meant, before anything that takes time."""
        if len(self.paths) < 2:
            raise OptionError("archive: expected scenes, and last the folder for their results: INPUT ... OUTPUT.")
        if self.other_date:
            raise OptionError("--other-date: that is for one place, archive is for many. Use remove for it.")
        if self.workers is not None:
            expect(self.workers >= 1, "workers", self.workers, "1 or more")
            if self.scheduler is not None:
                raise OptionError("--workers and --scheduler: give one of them; a scheduler has its own workers.")
        from cloud_removal.cli.archive_cluster import check_installed

        check_installed()

    def _done(self, remover: "Remover", content: str, todo: list["Job"]) -> int:
        """Does all of `todo` and prints a line for each. Returns how many failed."""
        from tqdm import tqdm

        from cloud_removal.cli.archive_cluster import cluster
        from cloud_removal.cli.archive_workers import outcomes

        count = min(self.workers or max(1, (os.cpu_count() or 1) // CORES_A_WORKER), len(todo))
        failed = 0
        with (
            cluster(self.scheduler, count, remover.say) as client,
            tqdm(total=len(todo), unit="scene", file=sys.stderr, disable=self.quiet, leave=False) as bar,
        ):
            at_once = count if self.scheduler is None else len(todo)
            for outcome in outcomes(client, remover, content, todo, at_once):
                for note in outcome.notes:
                    remover.say(note)
                if outcome.error is None:
                    tqdm.write(outcome.line, file=sys.stdout)
                else:
                    failed += 1
                    tqdm.write("error: " + outcome.error, file=sys.stderr)
                bar.update()
        return failed
