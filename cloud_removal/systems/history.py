"""Past fakes that a discriminator is shown again, so that it does not forget them: a history, and a simpler pool."""

import math
from typing import NamedTuple

import tensorflow as tf

from cloud_removal.data.stateless import step_seed
from cloud_removal.systems.workers import ALONE, Workers

DRAW, CHOOSE, PLACE, ROUND = range(4)
"""Purposes of random numbers, each of its own stream."""
EXCHANGED = 0.5
"""Share of the fakes in whose place a `Pool` that is full shows a past one."""


class View(NamedTuple):
    """What a discriminator looks at."""

    picture: tf.Tensor
    """(B, S, S, 3) float32 in [0, 1], with or without something generated in it."""
    hole: tf.Tensor
    """(B, S, S, 1) float32, 1 where it is or would be generated."""
    window: tf.Tensor
    """(B, 2) float32, top and left of the local window."""


class History:
    """A pool of `entries` past completions with their holes and windows.

    After each step a random `share` of a batch is put into it: in free places first, then over random others. All
    random numbers are functions of the seed and the step. Pictures are held in float16, a quarter of a digital number
    of 8 bits fine. Source: arXiv:1612.07828, section 2.3, and seed "Cloud Removal".
    """

    def __init__(self, entries: int, share: float, size: int, seed: int):
        self.entries, self.share, self.seed = entries, share, seed
        shapes = View((size, size, 3), (size, size, 1), (2,))
        self.pool = View(*(tf.Variable(tf.zeros((entries, *shape), tf.float16), trainable=False) for shape in shapes))
        self.kept = tf.Variable(0, dtype=tf.int64, trainable=False)

    def state(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold, by name."""
        return {f"history_{name}": variable for name, variable in self.pool._asdict().items()} | {
            "history_kept": self.kept
        }

    def draw(self, now: View, step: tf.Tensor, workers: Workers = ALONE) -> View:
        """As many random past completions as there are in `now`; from `now` itself where a place is still free.

        `now` are those of one of the `workers`.
        """
        batch = workers.whole(now.picture.shape[0])
        places = workers.own(tf.cast(self._uniform(step, DRAW, batch) * self.entries, tf.int32))
        free = tf.cast(places, tf.int64) >= self.kept
        return View(
            *(_where(free, new, _float32(tf.gather(old, places))) for new, old in zip(now, self.pool, strict=True))
        )

    def keep(self, now: View, step: tf.Tensor) -> None:
        """Puts a random `share` of `now`, a whole batch, into the pool: in the mean, where it is no whole number."""
        wanted = self.share * now.picture.shape[0]
        most = min(math.ceil(wanted), self.entries)
        chosen = tf.argsort(self._uniform(step, CHOOSE, now.picture.shape[0]))[:most]
        kept = tf.floor(wanted + self._uniform(step, ROUND, 1)[0])
        taken = tf.range(most) < tf.cast(kept, tf.int32)
        places = self._places(step, most)
        for new, old in zip(now, self.pool, strict=True):
            rows = _where(taken, tf.cast(tf.gather(new, chosen), tf.float16), tf.gather(old, places))
            old.scatter_nd_update(places[:, tf.newaxis], rows)
        self.kept.assign_add(tf.reduce_sum(tf.cast(taken, tf.int64)))

    def _places(self, step: tf.Tensor, count: int) -> tf.Tensor:
        """`count` different places: free ones while there are any."""
        free = (self.kept + tf.range(count, dtype=tf.int64)) % self.entries
        others = tf.argsort(self._uniform(step, PLACE, self.entries))[:count]
        return tf.where(self.kept < self.entries, tf.cast(free, tf.int32), others)

    def _uniform(self, step: tf.Tensor, purpose: int, count: int) -> tf.Tensor:
        return tf.random.stateless_uniform([count], step_seed(self.seed, step, purpose))


class Pool:
    """A pool of `entries` past fakes (size, size, 3), of which a discriminator sees one in place of every second fake.

    Until it is full each fake is put into it, and shown. Then, with probability ½, a random one of the pool is shown
    and the new fake takes its place, else the new one is shown and not kept. Random numbers are functions of the seed,
    the step and `stream`, which two pools of a system must not share. Pictures, in [-1, 1], are held in float16.
    Source: CycleGAN, arXiv:1703.10593, section 4, after arXiv:1612.07828, section 2.3.
    """

    def __init__(self, entries: int, size: int, seed: int, stream: int = 0):
        self.entries, self.seed, self.stream = entries, seed, stream
        self.pictures = tf.Variable(tf.zeros((entries, size, size, 3), tf.float16), trainable=False)
        self.kept = tf.Variable(0, dtype=tf.int64, trainable=False)

    def state(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold, by name."""
        return {f"pool{self.stream}_pictures": self.pictures, f"pool{self.stream}_kept": self.kept}

    def exchange(self, fakes: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """What the discriminator is shown for `fakes` (B, size, size, 3), a whole batch, taken in one by one."""
        chances = tf.random.stateless_uniform([fakes.shape[0], 2], step_seed(self.seed, step, self.stream))
        return tf.stack([self._exchange(fake, *tf.unstack(chances[n])) for n, fake in enumerate(tf.unstack(fakes))])

    def _exchange(self, fake: tf.Tensor, coin: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
        free = self.kept < self.entries
        place = tf.where(free, self.kept, tf.cast(where * self.entries, tf.int64))
        past = tf.gather(self.pictures, place)
        old = ~free & (coin < EXCHANGED)
        self.pictures.scatter_nd_update([[place]], [tf.where(free | old, tf.cast(fake, tf.float16), past)])
        self.kept.assign(tf.minimum(self.kept + 1, self.entries))
        return tf.where(old, _float32(past), fake)


def _where(condition: tf.Tensor, one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Rows of `one` where `condition` (B,) holds, else of `other`."""
    return tf.where(tf.reshape(condition, [-1] + [1] * (one.shape.rank - 1)), one, other)


def _float32(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(x, tf.float32)
