"""`scenes`: pictures that a trained generator makes out of noise, and whether they are worth anything."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from cloud_removal.cli.progress import with_bar
from cloud_removal.errors import ModelError, OptionError, expect
from cloud_removal.files import check_targets, write_result

if TYPE_CHECKING:
    import numpy as np

    from cloud_removal.evaluation.scenes import Judged
    from cloud_removal.systems import Synthesizer

ACROSS = 8
"""Pictures in a row of a sheet."""
AT_ONCE = 64
"""Pictures made in one go."""
PAIRS = 8
"""Rows of the sheet of nearest training pictures."""
ANOTHER = "Name another file."


@dataclass(frozen=True)
class Command:
    """Draws what a run of train_scene.py makes out of noise, and checks it. Prints each file it writes.

    --check prints a table of generated pictures beside real ones that were not trained on ("held out") and beside
    further views of the training pictures ("of training"): the exponent of the power spectrum and its deviation, the
    share of the power in detail of up to four pixels, how far two pictures are from each other (0: all alike), how far
    the nearest training picture is, that over the mean distance to all, and how many are nearer by that than 95 % of
    the held-out pictures: about 5 % if nothing was copied, as many as "of training" if everything was. Where these show
    fewer than 20 places, which --data.validation-share of the run decides, nothing is said of copies.
    """

    run_dir: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN_DIR")]
    """Folder of a run of train_scene.py (its --run-dir), also while it trains."""
    sheet: Path | None = None
    """PNG to write with pictures out of random noise."""
    interpolation: Path | None = None
    """PNG to write with the way from one random point of the noise to the next, and on, a row for each."""
    check: bool = False
    """Print the table of generated beside real pictures, and whether there are copies."""
    neighbours: Path | None = None
    """With --check, PNG to write with the generated pictures that are nearest to training, and held-out ones likewise,
    each beside the training picture next to it."""
    json: Path | None = None
    """With --check, file to write all numbers to."""
    count: int = 64
    """Pictures on a sheet."""
    seed: int = 0
    """Of the noise: the same seed gives the same pictures."""
    judged: int = 256
    """Pictures of each kind that are checked."""
    bank: int = 10_000
    """Training pictures among which the nearest are looked for."""
    overwrite: bool = False
    """Replace files that exist."""

    def run(self) -> None:
        """Restores the newest checkpoint, draws, checks."""
        self._check()
        from cloud_removal import plots
        from cloud_removal.evaluation.scenes import report, table

        synthesizer = restored(self.run_dir)
        if self.sheet is not None:
            self._write(self.sheet, plots.png(plots.sheet(list(pictures(synthesizer, self.seed, self.count)), ACROSS)))
        if self.interpolation is not None:
            self._write(self.interpolation, ways(synthesizer, self.seed, self.count))
        if not self.check:
            return
        judged = self._judged(synthesizer)
        held_out = f"Places that the held-out pictures show: {judged.places}"
        print(table(judged.scores), held_out, judged.verdict, sep="\n")
        if self.neighbours is not None:
            self._write(self.neighbours, nearest(judged))
        if self.json is not None:
            text = json.dumps({"run": str(self.run_dir), **report(judged)}, indent=1, allow_nan=False)
            self._write(self.json, text.encode())

    def _check(self) -> None:
        """Refuses what cannot be done before the work."""
        if not (self.check or self.sheet or self.interpolation):
            raise OptionError("Nothing is asked for: give --sheet FILE.png, --interpolation FILE.png, or --check.")
        drawn = {"--sheet": self.sheet, "--interpolation": self.interpolation, "--neighbours": self.neighbours}
        for option, file in drawn.items():
            if file is not None and file.suffix.lower() != ".png":
                raise OptionError(f"{option} {file}: expected a name that ends in .png.")
        for option, file in {"--neighbours": self.neighbours, "--json": self.json}.items():
            if file is not None and not self.check:
                raise OptionError(f"{option} {file}: that comes of --check. Add it.")
        for name, least in {"count": 2, "judged": 20, "bank": 1}.items():
            expect(getattr(self, name) >= least, name, getattr(self, name), f"{least} or more")
        check_targets({**drawn, "--json": self.json}, self.overwrite)

    def _judged(self, synthesizer: "Synthesizer") -> "Judged":
        import numpy as np

        from cloud_removal.data.clear import places
        from cloud_removal.evaluation.copies import GENERATED, HELD_OUT, SEEN
        from cloud_removal.evaluation.scenes import judge

        size = synthesizer.run.batch_size
        batches = -(-self.bank // size)
        groups = {
            GENERATED: pictures(synthesizer, self.seed, self.judged),
            HELD_OUT: np.concatenate(list(real(synthesizer, "validation", 0, self.judged))),
            SEEN: np.concatenate(list(real(synthesizer, "training", batches, self.judged))),
        }
        training = with_bar(real(synthesizer, "training", 0, self.bank), batches, "batch")
        return judge(groups, training, places(synthesizer.run, "validation"))

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        write_result(path, content, ANOTHER)
        print(path)


def restored(run_dir: Path) -> "Synthesizer":
    """The system of a run at its newest checkpoint, as `export` would write it; ModelError where it has none."""
    from cloud_removal.export import as_float32
    from cloud_removal.systems import Synthesizer
    from cloud_removal.training.checkpoint import restore_run

    run, system, _ = restore_run(run_dir, lambda line: print(line, file=sys.stderr))
    if not isinstance(system, Synthesizer):
        raise ModelError(
            f"{run_dir} is a run of system {run.system}, which makes no pictures out of noise. Expected the --run-dir "
            "of train_scene.py."
        )
    return as_float32(system, run)


def pictures(synthesizer: "Synthesizer", seed: int, count: int) -> "np.ndarray":
    """`count` pictures (count, S, S, 3) in [0, 1] out of the noise of `seed`."""
    from cloud_removal.data.latent import draw_noise

    return made(synthesizer, draw_noise(synthesizer.noise, seed, count, synthesizer.latent))


def made(synthesizer: "Synthesizer", noise: "np.ndarray") -> "np.ndarray":
    """Pictures (N, S, S, 3) in [0, 1] out of `noise` (N, latent), a few at a time."""
    import numpy as np
    import tensorflow as tf

    parts = [noise[start : start + AT_ONCE] for start in range(0, len(noise), AT_ONCE)]
    return np.concatenate([synthesizer.generate(tf.constant(part)).numpy() for part in parts])


def ways(synthesizer: "Synthesizer", seed: int, count: int) -> bytes:
    """PNG of about `count` pictures in rows of eight: each row goes from one random point to where the next begins."""
    import numpy as np

    from cloud_removal import plots
    from cloud_removal.data.latent import between, draw_noise

    across = min(ACROSS, count)
    points = draw_noise(synthesizer.noise, seed, count // across + 1, synthesizer.latent)
    rows = [between(synthesizer.noise, *ends, across) for ends in pairwise(points)]
    return plots.png(plots.sheet(list(made(synthesizer, np.concatenate(rows))), across))


def real(synthesizer: "Synthesizer", split: str, first_batch: int, count: int) -> "Iterator[np.ndarray]":
    """`count` real pictures (B, S, S, 3) in [0, 1], in batches, as training sees them."""
    size = synthesizer.run.batch_size
    batches = synthesizer.batches(split, first_batch).take(-(-count // size))
    for number, batch in enumerate(batches):
        yield batch["ground"].numpy()[: count - number * size]


def nearest(judged: "Judged") -> bytes:
    """PNG of the generated and of the held-out pictures that are nearest to training, beside what is next to them."""
    import numpy as np

    from cloud_removal import plots
    from cloud_removal.evaluation.copies import GENERATED, HELD_OUT

    columns: dict[str, np.ndarray] = {}
    for name in (GENERATED, HELD_OUT):
        group = judged.neighbours[name]
        shown = np.argsort(group.relative)[:PAIRS]
        columns |= {name: group.pictures[shown], f"nearest to {name}": group.nearest[shown]}
    return plots.png(plots.grid(columns))
