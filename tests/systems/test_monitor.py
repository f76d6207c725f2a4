"""The alarm for mode collapse."""

import numpy as np
import pytest

from cloud_removal.systems.monitor import BEGINNING, Diversity

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
