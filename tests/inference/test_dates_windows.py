"""Which windows of another date are put through the network: those that are needed, and no pixel differs for it."""

from pathlib import Path

import numpy as np
import pytest

from cloud_removal.inference.dates import stage
from cloud_removal.inference.dates.matching import Matching
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.windows import Area
from tests.dated_scenes import HEIGHT, WIDTH, cloud, dated, seen
from tests.small_model import read

ALL, CORNER = Area(0, 0, HEIGHT, WIDTH), Area(0, WIDTH - 8, 8, 8)


class Counting(Model):
    """Counts the pictures put through the network."""

    pictures = 0

    def restore(self, images, context=None):
        self.pictures += len(images)
        return super().restore(images, context)


@pytest.fixture(scope="module")
def normed(normed_folder: Path) -> Model:
    return Model.load(normed_folder)


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Result and number of pictures that the network saw, where `area` is looked at for the brightness of dates."""
    reference = dated(tmp_path / "reference.tif", seen(cloud((60, 40), radius=20)))
    other = dated(tmp_path / "other.tif", seen(cloud((60, 60), radius=20)))
    monkeypatch.setattr(stage, "match", lambda *values: Matching(pixels=1))

    def run(model: Model, area: Area, **thresholds) -> tuple[np.ndarray, int]:
        monkeypatch.setattr(stage, "spread", lambda height, width: [area])
        counting = Counting(model.card, model._loaded)
        settings = Settings(window=24, scale=30000.0, date_above=0.3, **thresholds)
        remove(reference, tmp_path / "out.tif", counting, settings, other_dates=[other], overwrite=True)
        return read(tmp_path / "out.tif"), counting.pictures

    return run


def test_windows_that_are_clear_in_the_scene_are_not_looked_at_on_other_dates(counted, model):
    whole, all_pictures = counted(model, ALL)
    found, pictures = counted(model, CORNER)
    np.testing.assert_array_equal(found, whole)
    assert pictures < 0.9 * all_pictures


def test_so_it_is_with_a_network_whose_windows_are_blended(counted, normed):
    whole, _ = counted(normed, ALL, opaque_above=0.95)
    found, _ = counted(normed, CORNER, opaque_above=0.95)
    np.testing.assert_array_equal(found, whole)
