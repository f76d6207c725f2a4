"""Megapixels per second of an archive of scenes: two worker processes against one, on all cores of this machine."""

import os
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row

SCENES, SIDE = 8, 2048
AIM = 1.0
"""Two workers should at least not be slower than one: they have the same cores."""


def measure(quick: bool) -> list[Row]:
    """Rows of one and of two workers, with processes and models warm, and of one over the other."""
    from benchmarks.scenes import write_scene

    scenes, side = (2, 64) if quick else (SCENES, SIDE)
    with tempfile.TemporaryDirectory() as folder:
        sources = [Path(folder) / f"{number}.tif" for number in range(scenes)]
        for source in sources:
            write_scene(source, side)
        one, two = (_megapixels_per_second(sources, side, count) for count in (1, 2))
    title = f"{scenes} scenes of {side} x {side} px, {os.cpu_count()} cores"
    return [
        Row(f"{title}, one worker", one, "MP/s"),
        Row(f"{title}, two workers", two, "MP/s"),
        Row("two workers over one", two / one, "x", AIM),
    ]


def _megapixels_per_second(sources: list[Path], side: int, count: int) -> float:
    """What `count` workers make of all `sources`, each having done one scene before."""
    from cloud_removal.cli import archive_cluster, archive_workers
    from cloud_removal.cli.remove_one import Remover
    from cloud_removal.inference.settings import Settings
    from cloud_removal.inference.targets import Targets
    from cloud_removal.model_folder import DEFAULT

    remover, content = archive_workers.shipped(Remover(DEFAULT, None, Settings(), overwrite=True, quiet=True))
    jobs = [(source, Targets(source.with_suffix(".clear.tif"))) for source in sources]

    with archive_cluster.local(count) as client:

        def run(some: list[archive_workers.Job]) -> None:
            failed = [o.error for o in archive_workers.outcomes(client, remover, content, some, count) if o.error]
            if failed:
                raise RuntimeError(failed[0])

        run(jobs[:count])
        start = time.perf_counter()
        run(jobs)
        return len(jobs) * side * side / 1e6 / (time.perf_counter() - start)
