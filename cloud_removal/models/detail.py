"""Detail for a hole that was filled smoothly, moved in from the ground around it.

What a network that learned to be near the truth puts into a hole is a blur, and one that learned to deceive a
discriminator repeats a pattern. Ground looks like ground beside it: what is finer than the blur is taken from there.
Source: "Statistics of Patch Offsets for Image Completion" (He & Sun 2012, doi:10.1007/978-3-642-33709-3_2), with
mean-field inference (Krähenbühl & Koltun 2011, arXiv:1210.5644) for its graph cut.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

Shape = tuple[int | None, ...]
CELL = 8
"""Side in pixels of the cells that detail is chosen for; what is chosen for one fades into what is for the next."""
REACH = 16
"""Cells from which detail is moved at most."""
DRAWN = 300
"""Points of the spiral whose cells are the offsets; it is denser near its middle."""
FINE = 9
"""Side in pixels of the box that, used twice, parts detail from what the network answers."""
FARTHEST = 1e-4
"""Cost of the farthest offset; of colour it is the squared difference, in [0, 1]."""
UNKNOWN = 5.0
"""Cost of ground that is unknown itself: more than any difference of colour."""
TOGETHER = 1.0
"""What it is worth to be moved by the same offset as the cells around."""
LIFT = 1.18
"""By how much what is moved is to be stronger than where it was found: ground of a mean colour is the smoothest."""
TEMPERATURES = (1e-2, 5e-3, 3e-3, 2e-3, 1e-3, 5e-4, 3e-4, 2e-4)
"""Of the rounds in which cells agree on offsets, in units of cost."""
SCARCE, ENOUGH = 0.03, 0.08
"""Share of the offsets that lead to known ground: under the first nothing is moved, from the second on all of it. Deep
in a wide hole a few places would be all there is, to be repeated without end."""
RADIUS = CELL * (REACH + len(TEMPERATURES) + 3)
"""Pixels around a place on whose answers its detail depends at most."""
NOTHING = 1e-7
"""Energy of detail that does not count: a tenth of a digital number."""


def offsets() -> np.ndarray:
    """From where detail is moved, (K, 2) int32: pixels down and to the right, the nearest first.

    Cells on a sunflower spiral, each up to three pixels off its own lattice, so that what repeats has no period.
    """
    along = np.arange(DRAWN)
    distance, angle = REACH * (along / DRAWN) ** 0.75, along * np.pi * (3 - np.sqrt(5))
    cells = np.unique(np.rint(distance * np.stack([np.sin(angle), np.cos(angle)])).astype(np.int32).T, axis=0)
    far = np.hypot(*cells.T)
    cells = cells[np.argsort(far, kind="stable")][1:]
    return (CELL * cells + np.random.default_rng(0).integers(-3, 4, cells.shape)).astype(np.int32)


@keras.saving.register_keras_serializable("cloud_removal")
class MovedDetail(keras.layers.Layer):
    """Picture (B, H, W, 3), hole (B, H, W, 1), answer (B, H, W, 3) -> what to add to the answer in the hole.

    float32 (B, H, W, 3); values in [0, 1], 1 = hole, sides multiples of CELL. For each cell of the hole an offset is
    chosen that leads to known ground of the answer's colour, most cells the same as their neighbours; the detail found
    there is added as far as the answer lacks it, so that the filled hole is as rough as that ground. The choice has no
    gradient. Nothing is added where no known ground is within reach.
    """

    def __init__(self, name: str = "moved_detail"):
        super().__init__(name=name, dtype="float32")

    def call(self, picture: Any, hole: Any, answer: Any) -> Any:
        picture, answer = ops.stop_gradient(picture), ops.stop_gradient(answer)
        known = ops.cast(hole <= 0.0, "float32")
        detail = known * (picture - _smooth(picture, known))
        moves, enough = _chosen(ops.where(hole > 0.0, answer, picture), known)
        moved = _moved(detail, moves)
        return (1.0 - known) * moved * _lacking(answer, moved, 1.0 - known) * enough

    def compute_output_shape(self, picture_shape: Shape, hole_shape: Shape, answer_shape: Shape) -> Shape:
        return answer_shape


def _chosen(completed: Any, known: Any) -> tuple[Any, Any]:
    """The offset in pixels of each cell, (B, h, w, 2) int32, by colour and by what the cells around have chosen.

    And, of each pixel (B, H, W, 1), how far there is enough known ground within reach to choose from, in [0, 1].
    """
    colour, share = (ops.average_pool(x, CELL, CELL) for x in (completed, known))
    whole = ops.cast(-ops.max_pool(-share, 3, 1, "same") >= 1.0, "float32")
    moves = offsets()
    found = _at(ops.concatenate([colour, whole], axis=-1), np.rint(moves / CELL).astype(np.int32))
    apart = ops.mean(ops.square(found[..., :3] - colour[..., None, :]), axis=-1)
    usable = found[..., 3]
    cost = ops.average_pool(usable * apart, 3, 1, "same") + UNKNOWN * (1.0 - usable)
    cost = cost + FARTHEST * np.hypot(*moves.T).astype(np.float32) / (CELL * REACH)
    likely = ops.softmax(-cost / TEMPERATURES[0])
    to_fill = ops.cast(share < 1.0, "float32")
    for temperature in TEMPERATURES:
        agreed = ops.average_pool(to_fill * likely, 3, 1, "same")
        likely = ops.softmax((TOGETHER * agreed - cost) / temperature)
    enough = ops.clip((ops.mean(usable, axis=-1, keepdims=True) - SCARCE) / (ENOUGH - SCARCE), 0.0, 1.0)
    enough = _smooth(ops.repeat(ops.repeat(enough, CELL, axis=1), CELL, axis=2), ops.ones_like(known))
    return ops.take(ops.convert_to_tensor(moves), ops.argmax(likely, axis=-1), axis=0), enough


def _at(cells: Any, away: np.ndarray) -> Any:
    """What lies `away` (K, 2) from each of the `cells` (B, h, w, C): (B, h, w, K, C), 0 beyond the picture."""
    _, height, width, channels = ops.shape(cells)
    high, wide = height + 2 * REACH, width + 2 * REACH
    padded = ops.pad(cells, [[0, 0], [REACH, REACH], [REACH, REACH], [0, 0]])
    rows = ops.arange(height, dtype="int32")[:, None, None] + (away[:, 0] + REACH)
    columns = ops.arange(width, dtype="int32")[None, :, None] + (away[:, 1] + REACH)
    return ops.take(ops.reshape(padded, (-1, high * wide, channels)), rows * wide + columns, axis=1)


def _moved(detail: Any, chosen: Any) -> Any:
    """`detail` (B, H, W, 3) moved by the offsets of the cells (B, h, w, 2), from one to the next without a seam.

    Each pixel is a mean of what the four cells nearest to it have chosen, over the deviation that such a mean has of
    the detail's: 1 where they chose the same, less where they chose what has nothing to do with each other.
    """
    count, height, width, _ = ops.shape(detail)
    flat = ops.reshape(detail, (-1, 3))
    first = ops.reshape(ops.arange(count, dtype="int32") * (height * width), (-1, 1, 1))
    down, right = ops.arange(height, dtype="int32")[:, None], ops.arange(width, dtype="int32")[None]
    lower, farther = _faded(down), _faded(right)
    padded = ops.pad(chosen, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    spread = ops.repeat(ops.repeat(padded, CELL, axis=1), CELL, axis=2)[:, CELL // 2 :, CELL // 2 :]
    weights, moves, found = [], [], []
    for y, weight_y in ((0, 1.0 - lower), (CELL, lower)):
        for x, weight_x in ((0, 1.0 - farther), (CELL, farther)):
            move = spread[:, y : y + height, x : x + width]
            row, column = ops.clip(down + move[..., 0], 0, height - 1), ops.clip(right + move[..., 1], 0, width - 1)
            found.append(ops.take(flat, first + row * width + column, axis=0))
            moves.append(move)
            weights.append((weight_y * weight_x)[None, ..., None])
    variance = sum(
        one * other * ops.cast(ops.all(ops.equal(a, b), axis=-1, keepdims=True), "float32")
        for one, a in zip(weights, moves, strict=True)
        for other, b in zip(weights, moves, strict=True)
    )
    return sum(weight * each for weight, each in zip(weights, found, strict=True)) / ops.sqrt(variance)


def _faded(place: Any) -> Any:
    """Weight at pixels `place` of the later of the two cells between whose middles they lie: a raised cosine."""
    between = (ops.cast((place + CELL // 2) % CELL, "float32") + 0.5) / CELL
    return 0.5 - 0.5 * ops.cos(np.pi * between)


def _lacking(answer: Any, moved: Any, hole: Any) -> Any:
    """How much of `moved` is to be added for `answer` to be LIFT times as rough around each place, (B, H, W, 1)."""
    own = answer - _smooth(answer, ops.ones_like(hole))
    energies = (_smooth(ops.mean(ops.square(x), axis=-1, keepdims=True), hole) for x in (own, moved))
    has, wanted = energies
    return ops.sqrt(ops.relu(LIFT**2 - has / (wanted + NOTHING)))


def _smooth(picture: Any, weight: Any) -> Any:
    """`picture` (B, H, W, C) averaged over FINE×FINE px twice, each pixel counting by `weight` (B, H, W, 1)."""
    total, picture = weight, picture * weight
    for _ in range(2):
        picture, total = _box(picture), _box(total)
    return picture / (total + NOTHING)


def _box(x: Any) -> Any:
    side = FINE // 2
    return ops.average_pool(ops.pad(x, [[0, 0], [side, side], [side, side], [0, 0]], mode="symmetric"), FINE, 1)
