"""Training batches of two kinds of pictures that are not paired; batch i is a function of the seed and of i."""

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from cloud_removal.config import Data, Run
from cloud_removal.data.augment import cut, noisy
from cloud_removal.data.batches import draw_ground, generator, open_sources, readers
from cloud_removal.data.endless import Example, endless
from cloud_removal.data.ground import open_ground
from cloud_removal.data.share import WHOLE, Share
from cloud_removal.errors import OptionError

Worsen = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Makes of clear ground (S, S, 3), float32 in [0, 1], a picture of the worse kind; all it draws comes from the rng."""
Draw = Callable[[np.random.Generator], np.ndarray]
"""Draws a picture (S, S, 3), float32 in [0, 1]."""
KINDS = ("a", "b")


def unpaired_batches(run: Run, split: str, first_batch: int, worsen: Worsen, share: Share = WHOLE) -> tf.data.Dataset:
    """Endless batches of `make_unpaired` from `first_batch` on, as a dataset of dicts of float32 tensors."""
    draws = open_kinds(run, split, worsen)
    shapes = {kind: (share.size(run.batch_size), run.size, run.size, 3) for kind in KINDS}
    make = partial(make_unpaired, draws, run, split, share=share)
    return endless(make, shapes, first_batch, readers=readers(run.data))


def make_unpaired(draws: dict[str, Draw], run: Run, split: str, index: int, share: Share = WHOLE) -> Example:
    """Batch `index`: a, b (B, S, S, 3) float32 in [0, 1], their places drawn independently of each other.

    Of all B pictures of a kind those of `share` alone are made.
    """
    batch = {}
    for number, kind in enumerate(KINDS):
        positions = [number * run.batch_size + position for position in share.positions(run.batch_size)]
        batch[kind] = np.stack([draws[kind](generator(run.seed, split, index, position)) for position in positions])
    return batch


def open_kinds(run: Run, split: str, worsen: Worsen) -> dict[str, Draw]:
    """What draws a picture of each kind.

    From `run.data.a` and `run.data.b`: places of these folders, zoomed, turned and flipped, in their own colours. With
    neither: b is clear ground, with every augmentation, and a is `worsen` of other clear ground, with sensor noise.
    OptionError where there is but one of the two, or other data beside them that would not be used.
    """
    data = run.data
    _check(data)
    if not data.a:
        return _from_ground(run, split, worsen)

    def drawing(kind: str) -> Draw:
        source = open_ground(getattr(data, kind), data.hold_out, data.validation_share, split, f"--data.{kind}")
        return lambda rng: cut(source, rng, run.augmentation, run.size).picture.astype(np.float32) / np.float32(255)

    return {kind: drawing(kind) for kind in KINDS}


def _from_ground(run: Run, split: str, worsen: Worsen) -> dict[str, Draw]:
    sources = open_sources(dataclasses.replace(run, data=dataclasses.replace(run.data, clouds=())), split)

    def worse(rng: np.random.Generator) -> np.ndarray:
        return noisy(worsen(draw_ground(sources, run, rng).picture, rng), rng, run.augmentation)

    return {"a": worse, "b": lambda rng: draw_ground(sources, run, rng).picture}


def _check(data: Data) -> None:
    if bool(data.a) != bool(data.b):
        given, missing = ("a", "b") if data.a else ("b", "a")
        raise OptionError(
            f"--data.{given} without --data.{missing}: two kinds of pictures are needed. Give both, or neither to "
            "train on clear ground made worse."
        )
    if data.pairs:
        raise OptionError(
            f"--data.pairs {data.pairs}: this system learns from pictures that are not paired. Give its folders "
            f"instead: --data.a {data.pairs / 'cloud'} --data.b {data.pairs / 'clear'}."
        )
    unused = [f"--data.{name}" for name in ("ground", "clouds") if data.a and getattr(data, name)]
    if unused:
        raise OptionError(
            f"{' and '.join(unused)}: not used beside --data.a and --data.b, which are all the pictures there are. "
            "Give the ones or the others."
        )
