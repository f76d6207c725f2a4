"""What a completion network is trained to make small."""

import dataclasses

import numpy as np
import pytest

from cloud_removal import losses
from cloud_removal.systems.likeness import Likeness

BOTH = Likeness("l1", reconstruction=2.0, structure=0.1)


@pytest.fixture
def pictures():
    """Ground and a completion of it."""
    return np.random.default_rng(0).random((2, 2, 32, 32, 3), np.float32)


def test_the_loss_is_the_weighted_sum_of_all_differences(pictures):
    found = BOTH.differences(*pictures)
    assert list(found) == BOTH.names() == ["reconstruction", "structure"]
    apart = 2.0 * losses.l1(*pictures) + 0.1 * losses.dissimilarity(*pictures)
    assert float(BOTH.loss(found)) == pytest.approx(float(apart), rel=1e-6)


def test_a_difference_of_weight_nothing_is_not_computed(pictures):
    only = dataclasses.replace(BOTH, structure=0.0)
    assert list(only.differences(*pictures)) == only.names() == ["reconstruction"]


def test_squared_differences_can_be_asked_for(pictures):
    found = dataclasses.replace(BOTH, kind="l2").differences(*pictures)
    assert float(found["reconstruction"]) == pytest.approx(float(losses.l2(*pictures)))
