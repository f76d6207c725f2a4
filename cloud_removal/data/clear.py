"""Training batches of clear ground and nothing else; batch i is a function of the seed and of i."""

from functools import partial

import numpy as np
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.data.batches import Sources, draw_ground, generator, open_sources, readers, refuse_layers
from cloud_removal.data.endless import Example, endless
from cloud_removal.data.share import WHOLE, Share
from cloud_removal.errors import OptionError


def clear_batches(run: Run, split: str, first_batch: int = 0, share: Share = WHOLE) -> tf.data.Dataset:
    """Endless batches of `make_clear` from `first_batch` on, as a dataset of dicts of float32 tensors."""
    refuse_layers(run)
    sources = ground_sources(run, split)
    shapes = {"ground": (share.size(run.batch_size), run.size, run.size, 3)}
    make = partial(make_clear, sources, run, split, share=share)
    return endless(make, shapes, first_batch, readers=readers(run.data))


def ground_sources(run: Run, split: str) -> Sources:
    """Ground and cloud layers of `run.data`. Holes are cut from clear ground: real pairs are refused."""
    if run.data.pairs is not None:
        raise OptionError(
            f"--data.pairs {run.data.pairs}: system {run.system} learns from clear pictures alone. Give its folder "
            f"of clear pictures instead: --data.ground {run.data.pairs / 'clear'}."
        )
    return open_sources(run, split)


def places(run: Run, split: str) -> int:
    """How many places the clear ground of `split` is cut from; errors as `ground_sources`."""
    ground = ground_sources(run, split).ground
    assert ground is not None
    return len(ground)


def make_clear(sources: Sources, run: Run, split: str, index: int, share: Share = WHOLE) -> Example:
    """The pictures of `share` of batch `index`: ground (B, S, S, 3) float32 in [0, 1]."""
    positions = share.positions(run.batch_size)
    drawn = [draw_ground(sources, run, generator(run.seed, split, index, position)) for position in positions]
    return {"ground": np.stack([ground.picture for ground in drawn])}
