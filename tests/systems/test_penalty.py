"""The gradient penalty of a critic whose slope is known."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.systems.penalty import slope_penalty

EPSILON = tf.constant([0.25, 0.75])
NORM = np.sqrt(48.0)


def pictures(value):
    return [tf.fill((2, 4, 4, 3), value)]


def summed(inputs, weight=1.0):
    return tf.reduce_sum(inputs[0] * weight, (1, 2, 3))


def test_a_linear_critic_pays_for_the_norm_of_its_weights_over_all_axes():
    weight = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    penalty = slope_penalty(lambda x: summed(x, weight), pictures(0.0), pictures(1.0), EPSILON)
    np.testing.assert_allclose(penalty, (np.linalg.norm(weight) - 1.0) ** 2, rtol=1e-5)


def test_each_sample_lies_between_real_and_fake_by_a_share_of_its_own():
    seen = []

    def critic(inputs):
        seen.append(inputs[0])
        return summed(inputs)

    slope_penalty(critic, pictures(1.0), pictures(0.0), EPSILON)
    np.testing.assert_allclose(seen[0][:, 0, 0, 0], EPSILON)


def test_each_sample_pays_for_its_own_slope():
    slopes = tf.constant([0.0, 3.0 / NORM])
    penalty = slope_penalty(lambda x: slopes * summed(x), pictures(0.0), pictures(1.0), EPSILON)
    assert float(penalty) == pytest.approx((1.0 + 4.0) / 2.0, rel=1e-4)


def test_the_penalty_can_be_trained_on():
    weight = tf.Variable(tf.ones((4, 4, 3)))
    with tf.GradientTape() as tape:
        penalty = slope_penalty(lambda x: summed(x, weight), pictures(0.0), pictures(1.0), EPSILON)
    np.testing.assert_allclose(tape.gradient(penalty, weight), np.full((4, 4, 3), 2 * (NORM - 1) / NORM), rtol=1e-5)


def test_a_flat_critic_has_a_finite_gradient():
    weight = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        penalty = slope_penalty(lambda x: summed(x, weight), pictures(0.0), pictures(1.0), EPSILON)
    assert np.isfinite(tape.gradient(penalty, weight))
