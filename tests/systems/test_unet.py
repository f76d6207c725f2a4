"""The one-stage system: what its options change."""

import dataclasses

import numpy as np
import pytest

from cloud_removal import losses
from cloud_removal.config import Run
from cloud_removal.errors import OptionError
from cloud_removal.systems.unet import Options, UNetSystem

SMALL = Options(network="veil", widths=(2, 2, 2, 2, 2), objective="visible")


@pytest.mark.parametrize("objective", ["l1", "visible"])
def test_structure_is_added_to_the_loss_on_the_ground_by_its_weight(objective):
    rng = np.random.default_rng(0)
    true, predicted = (rng.random((2, 64, 64, 3), dtype=np.float32) for _ in range(2))
    opacity = rng.random((2, 64, 64, 1), dtype=np.float32)
    found = []
    for weight in (0.0, 0.3):
        options = dataclasses.replace(SMALL, objective=objective, structure_weight=weight)
        found.append(float(UNetSystem(Run("unet", options))._ground_loss(true, predicted, opacity, opacity)))
    assert found[1] - found[0] == pytest.approx(0.3 * float(losses.dissimilarity(true, predicted)), rel=1e-4)


def test_a_structure_weight_under_zero_is_refused():
    with pytest.raises(OptionError, match="--structure-weight -1"):
        UNetSystem(Run("unet", dataclasses.replace(SMALL, structure_weight=-1.0)))
