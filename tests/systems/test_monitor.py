"""The alarm for mode collapse, and the measures of colour."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.systems.monitor import BEGINNING, Diversity, colours

RNG = np.random.default_rng(0)
GROUND = RNG.random((4, 1, 1, 3), dtype=np.float32) * np.ones((1, 4, 4, 1), np.float32)
HOLE = np.zeros((4, 4, 4, 1), np.float32)
HOLE[:, 1:3, 1:3] = 1


def watched(completed, steps=1):
    """Diversity and alarm after `steps` batches alike, the beginning being over."""
    diversity = Diversity()
    diversity.watched.assign(BEGINNING)
    for _ in range(steps):
        scalars = diversity.watch(completed, GROUND, HOLE)
    return float(scalars["diversity"]), float(scalars["collapse_alarm"])


def test_completions_as_different_as_the_ground_have_a_diversity_of_1():
    assert watched(GROUND) == (pytest.approx(1.0, rel=1e-3), 0.0)


def test_holes_that_are_all_filled_alike_raise_the_alarm():
    assert watched(np.where(HOLE > 0, np.float32(0.5), GROUND)) == (pytest.approx(0.0, abs=1e-3), 1.0)


def test_only_what_is_inside_the_holes_counts():
    completed = np.where(HOLE > 0, GROUND, RNG.random(GROUND.shape, dtype=np.float32))
    assert watched(completed)[0] == pytest.approx(1.0, rel=1e-3)


def test_a_generator_that_has_learned_nothing_yet_raises_no_alarm():
    scalars = Diversity().watch(np.full_like(GROUND, 0.5), GROUND, HOLE)
    assert float(scalars["diversity"]) < 0.1 and float(scalars["collapse_alarm"]) == 0.0


def test_a_single_bad_batch_raises_no_alarm():
    diversity = Diversity()
    diversity.watched.assign(BEGINNING)
    for _ in range(50):
        diversity.watch(GROUND, GROUND, HOLE)
    scalars = diversity.watch(np.full_like(GROUND, 0.5), GROUND, HOLE)
    assert float(scalars["collapse_alarm"]) == 0.0


def test_a_batch_of_one_picture_raises_no_alarm():
    scalars = Diversity().watch(GROUND[:1], GROUND[:1], HOLE[:1])
    assert float(scalars["collapse_alarm"]) == 0.0


def picture(*colour):
    return tf.constant(colour, tf.float32) * tf.ones((2, 4, 4, 1))


def test_a_change_of_brightness_alone_is_no_shift_of_colour():
    found = colours(picture(0.1, 0.2, 0.3), picture(0.3, 0.6, 0.9), picture(0.2, 0.4, 0.6))
    assert [float(value) for value in found.values()] == pytest.approx([0.0, 0.0, *3 * [2 / 3]], abs=1e-5)


def test_a_shift_of_colour_is_half_the_difference_of_the_shares_worked_out_by_hand():
    # Shares: 0.5, 0.25, 0.25 and 0.25, 0.25, 0.5 beside 0.25, 0.5, 0.25.
    found = colours(picture(0.8, 0.4, 0.4), picture(0.1, 0.1, 0.2), picture(0.2, 0.4, 0.2))
    assert float(found["colour_shift_before"]) == pytest.approx(0.25, abs=1e-5)
    assert float(found["colour_shift_after"]) == pytest.approx(0.25, abs=1e-5)


def test_colour_that_is_lost_is_saturation_that_is_lost():
    found = colours(picture(0.1, 0.2, 0.4), picture(0.4, 0.5, 0.5), picture(0.25, 0.5, 0.5))
    names = ("saturation_before", "saturation_after", "saturation_aim")
    assert [float(found[name]) for name in names] == pytest.approx([0.75, 0.2, 0.5], abs=1e-5)
