"""Training batches of augmented ground under simulated clouds, and of real pairs; batch i is a function of the seed."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import tensorflow as tf

from cloud_removal.config import Data, Location, Run, Url
from cloud_removal.data.augment import Drawn, draw, noisy
from cloud_removal.data.clouds import simulate
from cloud_removal.data.endless import Example, endless
from cloud_removal.data.ground import GroundSource, open_ground
from cloud_removal.data.pairs import Pairs, open_pairs
from cloud_removal.data.share import WHOLE, Share
from cloud_removal.data.storage import READERS, Local, open_storage
from cloud_removal.data.terrain import ProceduralGround
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError

SPLITS = ("training", "validation")
CHANNELS = {"aerial": 3, "opacity": 1, "ground": 3, "shadow": 1}


@dataclass(frozen=True)
class Sources:
    """What pictures are made of. `ground` or `pairs` may be missing, not both."""

    ground: GroundSource | None
    layers: Sequence[np.ndarray] = ()
    pairs: Pairs | None = None
    procedural: GroundSource | None = None
    """Instead of `ground` for the share of the pictures that `run.data.procedural` names."""


def open_sources(run: Run, split: str) -> Sources:
    """Reads what `run.data` names; with no ground and no pairs, procedural ground, which is said on stderr."""
    data = run.data
    if split not in SPLITS:
        raise OptionError(f"No split {split!r}; there are {' and '.join(SPLITS)}.")
    if data.a or data.b:
        raise OptionError(
            f"System {run.system} does not learn from unpaired pictures (--data.a, --data.b). Give --data.ground, or "
            "--data.pairs, or take a system that does, such as cyclegan."
        )
    pairs = open_pairs(data.pairs, data.validation_share, split) if data.pairs else None
    ground: GroundSource | None = None
    procedural = None
    if data.ground:
        ground = open_ground(data.ground, data.hold_out, data.validation_share, split)
        procedural = ProceduralGround(run.seed, split, run.size) if data.procedural else None
    elif pairs is None:
        if split == "training":
            print("No --data.ground: training on the built-in procedural ground.", file=sys.stderr)
        ground = ProceduralGround(run.seed, split, run.size)
    return Sources(ground, read_layers(data.clouds), pairs, procedural)


def refuse_layers(run: Run) -> None:
    """OptionError where cloud layers are given to a system that has no use for any."""
    if run.data.clouds:
        folders = " ".join(map(str, run.data.clouds))
        raise OptionError(f"--data.clouds {folders}: system {run.system} uses no cloud layers. Leave it out.")


def readers(data: Data) -> int:
    """How many batches are to be made side by side, at least, lest reading from elsewhere be waited for."""
    return READERS if any(isinstance(folder, Url) for folder in (*data.ground, *data.a, *data.b)) else 0


def read_layers(folders: Sequence[Location]) -> list[np.ndarray]:
    """Cloud thickness maps (H, W), grey PNG made by `prepare clouds`: uint8, or float32 in [0, 1] from deeper files."""
    layers = []
    for folder in folders:
        storage = open_storage(folder)
        if isinstance(storage, Local) and not storage.folder.is_dir():
            raise InputError(f"{folder}: no such folder. Expected layers of `prepare clouds`; check --data.clouds.")
        files = [name for name in storage.files() if name.endswith(".png")]
        if not files:
            raise EmptyDatasetError(
                f"No cloud layers in {folder}. Expected .png maps made by `prepare clouds`; check --data.clouds, "
                "or leave it out for fractal clouds only."
            )
        layers += [_layer(storage.read(name), storage.at(name)) for name in files]
    return layers


def _layer(png: bytes, where: str) -> np.ndarray:
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH
    layer = cv2.imdecode(np.frombuffer(png, np.uint8), flags) if png else None
    if layer is None:
        raise InputError(f"{where}: not a PNG picture, or damaged. Run `prepare clouds` again.")
    return layer if layer.dtype == np.uint8 else layer.astype(np.float32) / np.float32(np.iinfo(layer.dtype).max)


def generator(seed: int, split: str, index: int, position: int) -> np.random.Generator:
    """Random numbers of picture `position` of batch `index`: a counter, so that no state has to be kept."""
    key = np.array([seed & (2**64 - 1), SPLITS.index(split)], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, position, index]))


def make_batch(sources: Sources, run: Run, split: str, index: int, share: Share = WHOLE) -> Example:
    """Batch `index`: aerial, ground (B, S, S, 3), opacity, shadow (B, S, S, 1), known (B, 1, 1, 1), float32 in [0, 1].

    `known` is 1 where opacity is the simulator's own and 0 where it is estimated from a real pair. Of all B pictures
    those of `share` alone are made.
    """
    real = _real_share(sources, run, split, index)
    positions = share.positions(run.batch_size)
    batch = {name: np.empty((len(positions), run.size, run.size, n), np.float32) for name, n in CHANNELS.items()}
    known = np.ones((len(positions), 1, 1, 1), np.float32)
    for row, position in enumerate(positions):
        rng = generator(run.seed, split, index, position)
        known[row] = position >= real
        example = _real(sources, run, rng) if position < real else _simulated(sources, run, rng)
        for name, picture in example.items():
            batch[name][row] = picture
    return batch | {"known": known}


def _real_share(sources: Sources, run: Run, split: str, index: int) -> int:
    """How many pictures of the batch are real pairs: the share in the mean, whatever the batch size."""
    if sources.pairs is None or sources.ground is None:
        return run.batch_size if sources.pairs else 0
    chance = generator(run.seed, split, index, run.batch_size).random()
    return int(run.data.pairs_share * run.batch_size + chance)


def draw_ground(sources: Sources, run: Run, rng: np.random.Generator) -> Drawn:
    """Clear ground out of `sources`, which have some, as `augment.draw` gives it."""
    assert sources.ground is not None
    other = sources.procedural if sources.procedural and rng.random() < run.data.procedural else None
    return draw(other or sources.ground, rng, run.augmentation, run.size)


def _simulated(sources: Sources, run: Run, rng: np.random.Generator) -> Example:
    ground, gamma = draw_ground(sources, run, rng)
    cloudy = simulate(ground, rng, run.simulation, sources.layers, gamma=gamma)
    aerial = noisy(cloudy.aerial, rng, run.augmentation)
    return {"aerial": aerial, "opacity": cloudy.opacity, "ground": cloudy.ground, "shadow": cloudy.shadow}


def _real(sources: Sources, run: Run, rng: np.random.Generator) -> Example:
    assert sources.pairs is not None
    cloudy, clear, opacity = sources.pairs.draw(rng, run.pair_augmentation, run.size)
    return {"aerial": cloudy, "opacity": opacity, "ground": clear, "shadow": np.zeros_like(opacity)}


def restoration_batches(run: Run, split: str, first_batch: int = 0, share: Share = WHOLE) -> tf.data.Dataset:
    """Endless batches of `make_batch` from `first_batch` on, as a dataset of dicts of float32 tensors."""
    sources = open_sources(run, split)
    count = share.size(run.batch_size)
    shapes = {name: (count, run.size, run.size, channels) for name, channels in CHANNELS.items()}
    shapes["known"] = (count, 1, 1, 1)
    make = partial(make_batch, sources, run, split, share=share)
    return endless(make, shapes, first_batch, readers=readers(run.data))
