"""Training batches of clear ground with holes to fill; batch i is a function of the seed and of i."""

import numpy as np
import tensorflow as tf

from cloud_removal.config import Range, Run
from cloud_removal.data.augment import draw
from cloud_removal.data.batches import Sources, generator, open_sources
from cloud_removal.data.endless import Example, endless
from cloud_removal.data.masks import BOX_SIDES, MASKS, draw_hole
from cloud_removal.errors import OptionError


def completion_batches(
    run: Run,
    split: str,
    first_batch: int = 0,
    mask: str = "poly",
    soft_edge: bool = False,
    box_sides: Range = BOX_SIDES,
) -> tf.data.Dataset:
    """Endless batches of `make_completion` from `first_batch` on, as a dataset of dicts of float32 tensors."""
    sources = ground_sources(run, split)
    if mask not in MASKS:
        raise OptionError(f"No mask {mask!r}; there are {', '.join(MASKS)}.")

    def make(index: int) -> Example:
        return make_completion(sources, run, split, index, mask, soft_edge, box_sides)

    picture, corner = (run.batch_size, run.size, run.size), (run.batch_size, 2)
    return endless(
        make, {"ground": (*picture, 3), "hole": (*picture, 1), "window": corner, "other": corner}, first_batch
    )


def ground_sources(run: Run, split: str) -> Sources:
    """Ground and cloud layers of `run.data`. Holes are cut from clear ground: real pairs are refused."""
    if run.data.pairs is not None:
        raise OptionError(
            f"--data.pairs {run.data.pairs}: completion learns from clear pictures alone. Give its folder of clear "
            f"pictures instead: --data.ground {run.data.pairs / 'clear'}."
        )
    return open_sources(run, split)


def make_completion(
    sources: Sources,
    run: Run,
    split: str,
    index: int,
    mask: str = "poly",
    soft_edge: bool = False,
    box_sides: Range = BOX_SIDES,
) -> Example:
    """Batch `index`, float32: ground (B, S, S, 3) in [0, 1], hole (B, S, S, 1), 1 where there is one, window, other.

    `window` (B, 2): top and left of the local window, of side S // 2, at the hole; `other` (B, 2): of one anywhere,
    independent of the hole, for the real pictures that a local discriminator sees.
    """
    assert sources.ground is not None  # `ground_sources` lets no pairs through.
    ground = np.empty((run.batch_size, run.size, run.size, 3), np.float32)
    hole = np.empty((run.batch_size, run.size, run.size, 1), np.float32)
    window, other = np.empty((2, run.batch_size, 2), np.float32)
    for position in range(run.batch_size):
        rng = generator(run.seed, split, index, position)
        ground[position] = draw(sources.ground, rng, run.augmentation, run.size)
        drawn = draw_hole(mask, rng, run.size, sources.layers, soft_edge, box_sides)
        hole[position, ..., 0], window[position] = drawn.mask, drawn.window
        other[position] = rng.integers(0, run.size - run.size // 2 + 1, 2)
    return {"ground": ground, "hole": hole, "window": window, "other": other}
