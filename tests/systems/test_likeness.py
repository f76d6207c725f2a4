"""What a completion network is trained to make small."""

import dataclasses

import numpy as np
import pytest

from cloud_removal import losses
from cloud_removal.systems.likeness import Likeness

ALL = Likeness("l1", reconstruction=2.0, structure=0.1, texture=0.01)


@pytest.fixture
def pictures():
    """Ground, a completion of it and the hole."""
    ground, other = np.random.default_rng(0).random((2, 2, 32, 32, 3), np.float32)
    hole = np.zeros((2, 32, 32, 1), np.float32)
    hole[:, 8:24, 8:24] = 1
    return ground, np.where(hole == 1, 0.5 * other, ground), hole


def test_the_loss_is_the_weighted_sum_of_all_differences(pictures):
    ground, completed, hole = pictures
    found = ALL.differences(*pictures)
    assert list(found) == ALL.names() == ["reconstruction", "structure", "texture"]
    apart = 2.0 * losses.l1(ground, completed) + 0.1 * losses.dissimilarity(ground, completed)
    apart += 0.01 * losses.texture_l1(ground, completed, hole)
    assert float(ALL.loss(found)) == pytest.approx(float(apart), rel=1e-6)


def test_a_difference_of_weight_nothing_is_not_computed(pictures):
    only = dataclasses.replace(ALL, structure=0.0, texture=0.0)
    assert list(only.differences(*pictures)) == only.names() == ["reconstruction"]


def test_squared_differences_can_be_asked_for(pictures):
    found = dataclasses.replace(ALL, kind="l2").differences(*pictures)
    assert float(found["reconstruction"]) == pytest.approx(float(losses.l2(*pictures[:2])))
