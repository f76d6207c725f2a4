"""A trained restorer as a model folder: NAME/VERSION with a SavedModel, its weights by path, and its card.

The graph is float32 whatever the training precision, holds averaged weights where the run kept them, takes any batch
and any size, and needs nothing but TensorFlow to run. A version appears complete or not at all.
"""

import contextlib
import dataclasses
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cloud_removal.config import Run, Simulation, to_json
from cloud_removal.data.clouds import simulate
from cloud_removal.data.terrain import terrain
from cloud_removal.errors import ModelError, OutputError
from cloud_removal.systems.base import Restorer

FORMAT = 1
CONTEXT_WINDOW, CONTEXT_SPACING = 512, 512
HALO_TOLERANCE = 2.5e-5
"""Largest difference of opacity and ground that a window may make, in [0, 1]. A quarter of what the scene contract
allows in opacity, under two digital numbers of 16 bits in the ground: a margin for pictures not measured on."""
HALO_CORE, HALO_PICTURES = 64, 4


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Opacities at which `remove` decides, unless it is told others."""

    keep_below: float = 0.05
    """Under this the picture stays as it is."""
    opaque_above: float = 0.75
    """Over this the ground cannot be seen."""


DEFAULT_THRESHOLDS = Thresholds()


def export(
    system: Restorer,
    run: Run,
    destination: Path,
    *,
    training: dict[str, Any],
    scores: dict[str, Any],
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    curves: Path | None = None,
) -> Path:
    """Writes `system` as the next version under `destination` (the folder NAME) and returns NAME/VERSION.

    `training` (data, licence, command, steps, seconds, images), `scores` and `thresholds` go into the card as they
    are; `curves`, a picture of how it was trained, lies beside it. Raises OutputError where the folder cannot be
    written, ModelError where the system is no restorer.
    """
    if not isinstance(system, Restorer):
        raise ModelError(f"A {type(system).__name__} restores no pictures, so there is nothing to export of it.")
    served = as_float32(system, run)
    card = {
        "format": FORMAT,
        "name": destination.resolve().name,
        "version": 0,
        "system": run.system,
        "config": to_json(run),
        "channels": "RGB",
        "scaling": "[0, 1]",
        "stride": served.stride,
        "smallest": smallest_side(served),
        "receptive_radius": served.receptive_radius,
        "halo": measured_halo(served),
        "context": _context_card(served),
        "thresholds": to_json(thresholds),
        "training": training,
        "scores": scores,
    }
    return _write(served, destination, card, curves)


def as_float32(system: Restorer, run: Run) -> Restorer:
    """The same system built anew in float32, with the weights of `system`: their moving averages where it keeps any.

    Its variables have the paths of a first build, which are those that `--init` looks for.
    """
    before = keras.config.dtype_policy()
    keras.utils.clear_session(free_memory=False)  # Names that Keras counts up start anew.
    keras.config.set_dtype_policy("float32")
    try:
        served = type(system)(dataclasses.replace(run, precision="float32"))
    finally:
        keras.config.set_dtype_policy(before)
    for name, network in system.networks.items():
        averages = {id(variable): mean for variable, mean in system.averaged(network)}
        for source, target in zip(network.weights, served.networks[name].weights, strict=True):
            target.assign(averages.get(id(source), source))
    return served


def weights_by_path(system: Restorer) -> dict[str, np.ndarray]:
    """Weights and moving statistics: {"network/path/of/variable": array}, what `weights.npz` holds and --init reads."""
    return {
        f"{name}/{variable.path}": variable.value.numpy()
        for name, network in system.networks.items()
        for variable in network.weights
    }


def smallest_side(system: Restorer) -> int:
    """Smallest height and width in pixels that the networks take, a multiple of the stride."""
    return math.ceil(max(getattr(system, "smallest", 1), system.stride) / system.stride) * system.stride


def measured_halo(system: Restorer) -> int:
    """Pixels around a window's core that its result depends on in practice: a multiple of the stride.

    The smallest from which on every halo gives the core of a window as in the whole picture, within
    `HALO_TOLERANCE`, on simulated cloudy pictures with noise; never more than the theoretical radius rounded up.
    """
    if system.receptive_radius is None:
        return 2 * system.stride  # No halo makes windows exact: they are blended over this many pixels.
    largest = math.ceil(system.receptive_radius / system.stride) * system.stride
    core = max(HALO_CORE, math.ceil(HALO_CORE / system.stride) * system.stride)
    pictures = tf.constant(noisy_pictures(HALO_PICTURES, core + 2 * largest))
    run = tf.function(system.restore, reduce_retracing=True)
    vector = system.context(pictures) if system.context_size else None
    whole = _core_of(run, system, pictures, vector, largest)
    for halo in range(largest - system.stride, -1, -system.stride):
        outside = largest - halo
        windows = pictures[:, outside : outside + core + 2 * halo, outside : outside + core + 2 * halo]
        if windows.shape[1] < smallest_side(system):
            return halo + system.stride
        if np.abs(_core_of(run, system, windows, vector, halo) - whole).max() > HALO_TOLERANCE:
            return halo + system.stride
    return 0


def noisy_pictures(count: int, side: int) -> np.ndarray:
    """Simulated cloudy pictures (count, side, side, 3) float32 in [0, 1] with sensor noise, always the same ones."""
    generator = np.random.default_rng(0)
    pictures = [simulate(terrain(generator, side), generator, Simulation()).aerial for _ in range(count)]
    noise = generator.normal(0.0, 0.02, (count, side, side, 3))
    return np.clip(np.stack(pictures) + noise, 0.0, 1.0).astype(np.float32)


def signatures(system: Restorer) -> dict[str, Any]:
    """The graphs of a model folder: `serving_default`, `restore` and, with picture-wide statistics, `context`."""
    image = tf.TensorSpec((None, None, None, 3), tf.float32, "image")
    smallest, stride = smallest_side(system), system.stride

    def serving_default(image: tf.Tensor) -> dict[str, tf.Tensor]:
        height, width = tf.shape(image)[1], tf.shape(image)[2]
        large_enough = reflected(image, tf.maximum(height, smallest), tf.maximum(width, smallest))
        padded = reflected(large_enough, *(_multiple(tf.shape(large_enough)[axis], stride) for axis in (1, 2)))
        context = _everywhere(system.context(large_enough), padded, stride) if system.context_size else None
        return {name: value[:, :height, :width] for name, value in system.restore(padded, context).items()}

    def restore_in_context(image: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        return system.restore(image, context)

    graphs = {"serving_default": tf.function(serving_default, input_signature=[image])}
    if not system.context_size:
        return graphs | {"restore": tf.function(lambda image: system.restore(image), input_signature=[image])}
    context = tf.TensorSpec((None, None, None, system.context_size), tf.float32, "context")
    return graphs | {
        "restore": tf.function(restore_in_context, input_signature=[image, context]),
        "context": tf.function(lambda image: {"context": system.context(image)}, input_signature=[image]),
    }


def reflected(image: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """`image` (B, h, w, C) continued below and to the right by reflection, over and over if need be.

    As numpy.pad's "reflect": the border itself is not repeated, unless it is all there is.
    """
    for axis, wanted in ((1, height), (2, width)):
        given = tf.shape(image)[axis]
        period = tf.maximum(2 * (given - 1), 1)
        place = tf.range(wanted) % period
        image = tf.gather(image, tf.minimum(place, period - place) % given, axis=axis)
    return image


def _multiple(side: tf.Tensor, stride: int) -> tf.Tensor:
    return -(-side // stride) * stride


def _everywhere(vector: tf.Tensor, image: tf.Tensor, stride: int) -> tf.Tensor:
    """One context vector (B, K) at each place of the stride grid of `image`: (B, H/stride, W/stride, K)."""
    rows, columns = tf.shape(image)[1] // stride, tf.shape(image)[2] // stride
    return tf.tile(vector[:, tf.newaxis, tf.newaxis], (1, rows, columns, 1))


def _core_of(run: Any, system: Restorer, image: tf.Tensor, vector: tf.Tensor | None, halo: int) -> np.ndarray:
    context = () if vector is None else (_everywhere(vector, image, system.stride),)
    result = run(image, *context)
    whole = np.concatenate([result["opacity"], result["ground"]], axis=-1)
    return whole[:, halo : whole.shape[1] - halo, halo : whole.shape[2] - halo]


def _context_card(system: Restorer) -> dict[str, int] | None:
    if not system.context_size:
        return None
    return {"size": system.context_size, "window": CONTEXT_WINDOW, "spacing": CONTEXT_SPACING}


def _write(system: Restorer, destination: Path, card: dict[str, Any], curves: Path | None) -> Path:
    try:
        destination.mkdir(parents=True, exist_ok=True)
        with _partial_folder(destination) as folder:
            _save_graphs(system, folder)
            np.savez(folder / "weights.npz", **weights_by_path(system))  # type: ignore[arg-type]
            if curves is not None:
                shutil.copyfile(curves, folder / "curves.png")
            return _publish(folder, destination, card)
    except (OSError, tf.errors.OpError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise OutputError(
            f"The model cannot be written to {destination}: {reason}. Expected a folder that can be "
            "written, with room for it; name another one."
        ) from error


@contextlib.contextmanager
def _partial_folder(destination: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=destination))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # Nothing is left of it where it was renamed.


def _save_graphs(system: Restorer, folder: Path) -> None:
    module = tf.Module()
    module.weights = [variable.value for network in system.networks.values() for variable in network.variables]
    graphs = signatures(system)
    module.graphs = graphs
    tf.saved_model.save(module, str(folder), signatures=graphs)


def _publish(folder: Path, destination: Path, card: dict[str, Any]) -> Path:
    """Renames the finished folder to the next free version; another export may have taken a number meanwhile."""
    while True:
        version = 1 + max((int(p.name) for p in destination.iterdir() if p.name.isdecimal()), default=0)
        (folder / "model.json").write_text(json.dumps(card | {"version": version}, indent=2) + "\n")
        target = destination / str(version)
        try:
            os.rename(folder, target)
        except OSError:
            if not target.exists():
                raise
        else:
            return target
