"""Of a restorer: the graphs that a model folder holds, and what its card says for the windows of a scene."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from cloud_removal.config import Simulation, to_json
from cloud_removal.data.clouds import simulate
from cloud_removal.data.terrain import terrain
from cloud_removal.export.serving import Thresholds, bytes_graph, remove_graph, statistics_over
from cloud_removal.export.sides import multiple, reflected, smallest_side
from cloud_removal.systems.base import Restorer

Answer = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
"""Of a picture as large as the network takes it, and the same before its sides were made multiples of the stride."""
KIND = "defog"
CONTEXT_WINDOW, CONTEXT_SPACING = 256, 512
"""Pixels: the side of the squares that picture-wide statistics are taken from, and from one to the next. Between them
they are interpolated: looking at a quarter of a scene costs a quarter of the time. Squares of about the size that
networks are trained on: of 512 px, which hold more kinds of weather at once, clouds of a wide scene come out thicker
(a simulated scene 1 dB worse)."""
HALO_TOLERANCE = 2.5e-5
"""Largest difference of opacity and ground that a window may make, in [0, 1]. A quarter of what the scene contract
allows in opacity, under two digital numbers of 16 bits in the ground: a margin for pictures not measured on."""
HALO_CORE, HALO_PICTURES = 64, 4
DEFAULT_THRESHOLDS = Thresholds()


def card(system: Restorer, thresholds: Thresholds) -> dict[str, Any]:
    """What the card of a restorer says besides what every card does."""
    return {
        "kind": KIND,
        "halo": measured_halo(system),
        "context": _context_card(system),
        "opacity": system.opacity,
        "further": sorted(system.further()),
        "thresholds": to_json(thresholds),
    }


def measured_halo(system: Restorer) -> int:
    """Pixels around a window's core that its result depends on in practice: a multiple of the stride.

    The smallest from which on every halo gives the core of a window as in the whole picture, within
    `HALO_TOLERANCE`, on simulated cloudy pictures with noise; never more than the theoretical radius rounded up.
    """
    if system.receptive_radius is None:
        return 2 * system.stride  # No halo makes windows exact: they are blended over at least this many pixels.
    largest = math.ceil(system.receptive_radius / system.stride) * system.stride
    core = max(HALO_CORE, math.ceil(HALO_CORE / system.stride) * system.stride)
    pictures = tf.constant(noisy_pictures(HALO_PICTURES, core + 2 * largest))
    run = tf.function(system.restore, reduce_retracing=True)
    vector = system.context(pictures) if system.context_size else None
    whole = _core_of(run, system, pictures, vector, largest)
    for halo in range(largest - system.stride, -1, -system.stride):
        outside = largest - halo
        windows = pictures[:, outside : outside + core + 2 * halo, outside : outside + core + 2 * halo]
        if windows.shape[1] < smallest_side(system.smallest, system.stride):
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


def signatures(system: Restorer, thresholds: Thresholds = DEFAULT_THRESHOLDS) -> dict[str, Any]:
    """The graphs of a model folder: `serving_default`, `restore`, with picture-wide statistics `context`, what `remove`
    does to a picture as `remove` and `bytes`, and further.

    All but `restore` take pictures of any size.
    """
    image = tf.TensorSpec((None, None, None, 3), tf.float32, "image")
    graphs = _network(system)
    alike, as_scene = _answers(system, graphs)
    graphs["serving_default"] = tf.function(_of_any_size(system, alike), input_signature=[image])
    for name, answer in system.further().items():
        graphs[name] = tf.function(_of_any_size(system, _alone(answer)), input_signature=[image])
    whole = tf.function(_of_any_size(system, as_scene), input_signature=[image])
    return graphs | {"remove": remove_graph(whole, thresholds), "bytes": bytes_graph(whole, thresholds)}


def _answers(system: Restorer, graphs: dict[str, Any]) -> tuple[Answer, Answer]:
    """The network on a whole picture, its statistics alike everywhere, and as `remove` takes them of a scene."""
    restore, stride = graphs["restore"], system.stride
    if not system.context_size:
        return _alone(restore), _alone(restore)

    def look(squares: tf.Tensor) -> tf.Tensor:
        return graphs["context"](squares)["context"]

    def alike(padded: tf.Tensor, large_enough: tf.Tensor) -> dict[str, tf.Tensor]:
        return restore(padded, _everywhere(look(large_enough), padded, stride))

    def as_scene(padded: tf.Tensor, large_enough: tf.Tensor) -> dict[str, tf.Tensor]:
        return restore(padded, statistics_over(large_enough, look, CONTEXT_WINDOW, CONTEXT_SPACING, stride))

    return alike, as_scene


def _network(system: Restorer) -> dict[str, Any]:
    """`restore` and, where it has picture-wide statistics, `context`: the network for windows of a scene."""
    image = tf.TensorSpec((None, None, None, 3), tf.float32, "image")
    if not system.context_size:
        return {"restore": tf.function(lambda image: system.restore(image), input_signature=[image])}

    def restore(image: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        return system.restore(image, context)

    context = tf.TensorSpec((None, None, None, system.context_size), tf.float32, "context")
    return {
        "restore": tf.function(restore, input_signature=[image, context]),
        "context": tf.function(lambda image: {"context": system.context(image)}, input_signature=[image]),
    }


def _alone(answer: Callable[[tf.Tensor], dict[str, tf.Tensor]]) -> Answer:
    return lambda padded, large_enough: answer(padded)


def _of_any_size(system: Restorer, answer: Answer) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """`answer` for pictures of any size, which are continued by reflection where the network takes no such sides."""
    smallest, stride = smallest_side(system.smallest, system.stride), system.stride

    def of_any_size(image: tf.Tensor) -> dict[str, tf.Tensor]:
        height, width = tf.shape(image)[1], tf.shape(image)[2]
        large_enough = reflected(image, tf.maximum(height, smallest), tf.maximum(width, smallest))
        padded = reflected(large_enough, *(multiple(tf.shape(large_enough)[axis], stride) for axis in (1, 2)))
        return {name: value[:, :height, :width] for name, value in answer(padded, large_enough).items()}

    return of_any_size


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
