"""What a run is worth on pictures kept from training; the weights that did best there are kept."""

import json

import numpy as np
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.data.pairs import open_pairs
from cloud_removal.errors import OptionError
from cloud_removal.systems import System
from cloud_removal.systems.base import CloudRestorer, Restorer, lit_ground
from cloud_removal.training import saves
from cloud_removal.training.averages import averaged_weights
from cloud_removal.training.checkpoint import Variables, save
from cloud_removal.training.record import LOG
from cloud_removal.training.run_folder import BEST
from cloud_removal.training.saves import Say

SCORE = "validation_psnr"
"""Its name in the log."""
EVERY = 100
"""Steps between judgements where --judge-every names none."""
LARGEST = 512
"""Of larger pictures of a pair the middle is judged, this many pixels a side."""
SIMULATED = 32
"""How many pictures are judged under simulated clouds, at least."""

Judged = tuple[tf.Tensor, tf.Tensor]
"""Cloudy and clear pictures (B, H, W, 3), float32 in [0, 1], as the network takes them."""


class Validation:
    """Judges a restorer on what it is not trained on: mean PSNR in decibel of the network's ground, values in [0, 1].

    The score is logged beside the losses. All that is kept of it is the log and, in the run folder, the weights that
    did best; so a run that goes on knows what it knew.
    """

    def __init__(self, restorer: Restorer, found: Variables, pictures: list[Judged], say: Say):
        self.restorer, self.run, self.found, self.say = restorer, restorer.run, found, say
        self.pictures = pictures
        self.every = EVERY if self.run.judge_every is None else self.run.judge_every
        self.folder = self.run.run_dir / BEST
        self.restore = tf.function(restorer.restore, reduce_retracing=True)
        self.scores: dict[int, float] = {}
        self.best: int | None = None

    def go_on(self, start: int) -> None:
        """Takes up what was known at step `start`; at step 0 that is nothing."""
        self.scores = logged(self.run, start) if start else {}
        saves.discard_after(self.folder, start)
        saved = saves.newest(self.folder, self.say)
        self.best = saved.step if saved is not None and saved.step in self.scores else None

    def is_due(self, step: int) -> bool:
        """Whether the step just taken is one after which weights are judged."""
        return step % self.every == 0

    def judge(self, step: int, seconds: float) -> dict[str, float]:
        """The score at `step` by its name in the log; the weights are kept if none did better."""
        with averaged_weights(self.restorer):
            score = self._score()
        self.scores[step] = score
        if self.best is None or score > self.scores[self.best]:
            save(self.folder, self.found, step, seconds)
            self.best = step
        return {SCORE: score}

    def finished(self) -> str | None:
        """Why no more is to be gained, None while there may be."""
        patience = self.run.patience
        if self.best is None or not patience or sum(step > self.best for step in self.scores) < patience:
            return None
        return f"No gain on what is kept from training since step {self.best} (--patience {patience})"

    def told(self) -> str:
        """What came of it, for the user."""
        if self.best is None:
            return "Nothing was judged on what is kept from training."
        clouded = float(np.mean(np.concatenate([_psnr(cloudy, clear) for cloudy, clear in self.pictures])))
        count = sum(len(clear) for _, clear in self.pictures)
        before = f", before training {self.scores[0]:.2f} dB" if 0 in self.scores else ""
        return (
            f"On {count} picture(s) kept from training: doing nothing {clouded:.2f} dB{before}, "
            f"best {self.scores[self.best]:.2f} dB at step {self.best}, which `export` takes."
        )

    def _score(self) -> float:
        scores = [_psnr(self.restore(cloudy)["ground"], clear) for cloudy, clear in self.pictures]
        return float(np.mean(np.concatenate(scores)))


def validation_of(system: System, found: Variables, say: Say) -> Validation | None:
    """What judges `system` as its run wants it, None where it is not to be judged.

    OptionError where judging is asked for and there is nothing that this system could be judged on.
    """
    run = system.run
    if not run.judge_every and (run.judge_every == 0 or run.data.pairs is None):
        return None
    if run.data.pairs is not None and isinstance(system, Restorer):
        pairs = open_pairs(run.data.pairs, run.data.validation_share, "validation").pairs
        pictures = [(_middle(pair.cloudy, system), _middle(pair.clear, system)) for pair in pairs]
    elif isinstance(system, CloudRestorer):
        batches = system.batches("validation").take(-(-SIMULATED // run.batch_size))
        pictures = [(batch["aerial"], lit_ground(batch)) for batch in batches]
    elif run.judge_every is None:
        return None
    else:
        raise OptionError(f"--judge-every {run.judge_every}: {run.system} learns nothing it could be judged on so.")
    return Validation(system, found, pictures, say)


def logged(run: Run, last: int) -> dict[int, float]:
    """The scores in the log of `run` up to step `last`, by step; a line that a crash has torn is left out."""
    path, scores = run.run_dir / LOG, {}
    for text in path.read_text(errors="replace").splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
            if SCORE in line and line["step"] <= last:
                scores[int(line["step"])] = float(line[SCORE])
        except (ValueError, KeyError, TypeError):
            continue
    return scores


def _middle(picture: np.ndarray, restorer: Restorer) -> tf.Tensor:
    """The middle of `picture` uint8 (H, W, 3) as the network takes it: (1, H', W', 3) float32 in [0, 1].

    What is too small for the network is continued by reflection.
    """
    stride = restorer.stride
    for axis in (0, 1):
        side = picture.shape[axis]
        wanted = max(min(side, LARGEST) // stride, -(-restorer.smallest // stride), 1) * stride
        missing = [(0, 0)] * 3
        missing[axis] = (0, max(wanted - side, 0))
        first = max(side - wanted, 0) // 2
        picture = np.take(np.pad(picture, missing, "symmetric"), range(first, first + wanted), axis)
    return tf.constant(picture[np.newaxis].astype(np.float32) / np.float32(255))


def _psnr(pictures: tf.Tensor, clear: tf.Tensor) -> np.ndarray:
    """Of each picture (B,), in decibel."""
    return tf.image.psnr(pictures, clear, max_val=1.0).numpy()
