"""The learning rate as a pure function of the step counter, so that a resumed run goes on exactly."""

import math

import tensorflow as tf

from cloud_removal.config import Run

LOWEST = 0.01
"""Share of the learning rate at which the cosine ends."""


def factor(run: Run, step: tf.Tensor) -> tf.Tensor:
    """What the learning rate is multiplied by in step `step` (counted from 0): float32 scalar in (0, 1].

    Sources: of the cosine SGDR, arXiv:1608.03983, without restarts; of linear decay CycleGAN, arXiv:1703.10593,
    section 7.1.
    """
    now = tf.cast(step, tf.float32)
    rise = tf.minimum((now + 1.0) / max(run.warmup, 1), 1.0)
    if run.schedule == "constant":
        return rise
    share = tf.clip_by_value((now - run.warmup) / max(run.steps - run.warmup, 1), 0.0, 1.0)
    if run.schedule == "linear":
        return rise * tf.minimum(2.0 * (1.0 - share), 1.0)
    return rise * (LOWEST + (1.0 - LOWEST) * 0.5 * (1.0 + tf.cos(math.pi * share)))
