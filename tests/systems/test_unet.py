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


@pytest.mark.parametrize("name", ["structure_weight", "contrast_weight"])
def test_a_weight_under_zero_is_refused(name):
    with pytest.raises(OptionError, match=f"--{name.replace('_', '-')} -1"):
        UNetSystem(Run("unet", dataclasses.replace(SMALL, **{name: -1.0})))


def test_contrast_counts_by_its_weight():
    true, predicted = np.random.default_rng(0).random((2, 1, 64, 64, 3), dtype=np.float32)
    seen = np.zeros((1, 64, 64, 1), np.float32)
    found = [
        float(UNetSystem(Run("unet", dataclasses.replace(SMALL, contrast_weight=weight)))._ground_loss(
            true, 0.5 * predicted, seen, seen
        ))
        for weight in (0.0, 0.3)
    ]  # fmt: skip
    contrast = float(losses.contrast_l1(true, 0.5 * predicted, seen))
    assert found[1] - found[0] == pytest.approx(0.3 * contrast, rel=1e-4)


@pytest.mark.parametrize("cloud, hidden", [("true", [0.7, 0.0]), ("predicted", [0.7, 0.7])])
def test_ground_under_the_clouds_of_real_pairs_counts_as_any_other(cloud, hidden):
    system = UNetSystem(Run("unet", dataclasses.replace(SMALL, composite_cloud=cloud)))
    known = np.array([1, 0], np.float32)[:, None, None, None]
    batch = {"opacity": np.full((2, 4, 4, 1), 0.7, np.float32), "known": known}
    np.testing.assert_allclose(system._hidden(batch)[:, 0, 0, 0], hidden)
