"""Training batches of clear ground with holes to fill; batch i is a function of the seed and of i."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from cloud_removal.config import Range, Run
from cloud_removal.data.batches import Sources, generator, readers
from cloud_removal.data.clear import ground_sources, make_clear
from cloud_removal.data.endless import Example, endless
from cloud_removal.data.masks import BOX_SIDES, MASKS, draw_holes
from cloud_removal.data.share import WHOLE, Share
from cloud_removal.errors import OptionError


def completion_batches(
    run: Run,
    split: str,
    first_batch: int = 0,
    mask: str = "poly",
    soft_edge: bool = False,
    box_sides: Range = BOX_SIDES,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Endless batches of `make_completion` from `first_batch` on, as a dataset of dicts of float32 tensors."""
    sources = ground_sources(run, split)
    if mask not in MASKS:
        raise OptionError(f"No mask {mask!r}; there are {', '.join(MASKS)}.")

    def make(index: int) -> Example:
        return make_completion(sources, run, split, index, mask, soft_edge, box_sides, share)

    shapes = {"ground": (share.size(run.batch_size), run.size, run.size, 3)} | hole_shapes(run, share)
    return endless(make, shapes, first_batch, whole(soft_edge), readers(run.data))


def hole_shapes(run: Run, share: Share = WHOLE) -> dict[str, tuple[int, ...]]:
    """What `make_holes` gives of `share`, by name."""
    count = share.size(run.batch_size)
    return {"hole": (count, run.size, run.size, 1), "window": (count, 2), "other": (count, 2)}


def whole(soft_edge: bool) -> tuple[str, ...]:
    """What of `make_holes` is uint8."""
    return () if soft_edge else ("hole",)


def make_completion(
    sources: Sources,
    run: Run,
    split: str,
    index: int,
    mask: str = "poly",
    soft_edge: bool = False,
    box_sides: Range = BOX_SIDES,
    share: Share = WHOLE,
) -> Example:
    """Batch `index`: ground (B, S, S, 3) float32 in [0, 1], and the holes in it as `make_holes` says.

    Of all B of them those of `share`.
    """
    holes = make_holes(run, split, index, mask, soft_edge, box_sides, sources.layers)
    own = {name: share.rows(values) for name, values in holes.items()}
    return make_clear(sources, run, split, index, share) | own


def make_holes(
    run: Run,
    split: str,
    index: int,
    mask: str = "poly",
    soft_edge: bool = False,
    box_sides: Range = BOX_SIDES,
    layers: Sequence[np.ndarray] = (),
) -> Example:
    """The holes of batch `index`: hole (B, S, S, 1), 1 where there is one, window, other.

    `hole` is uint8, with a soft edge float32. `window` (B, 2) float32: top and left of the local window, of side
    S // 2, at the hole; `other` (B, 2) float32: of one anywhere, independent of the hole, for the real pictures that a
    local discriminator sees. One generator serves the whole batch: it comes after those of the pictures.
    """
    rng = generator(run.seed, split, index, run.batch_size)
    holes = draw_holes(mask, rng, run.batch_size, run.size, layers, soft_edge, box_sides)
    other = rng.integers(0, run.size - run.size // 2 + 1, (run.batch_size, 2))
    return {
        "hole": holes.masks[..., np.newaxis],
        "window": holes.windows.astype(np.float32),
        "other": other.astype(np.float32),
    }
