"""Masks of other dates: nothing is taken from where another program sees cloud or shadow there."""

import dataclasses

import numpy as np
import pytest
import rasterio

from cloud_removal.errors import OptionError
from cloud_removal.inference.masks.foreign import Mask
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from tests.dated_scenes import HEIGHT, LEFT, WIDTH, cloud, dated, seen
from tests.small_model import read

FMASK_SHADOW, FMASK_CLOUD = 2, 4
SETTINGS = Settings(window=64, scale=30000.0)


@pytest.fixture
def codes(tmp_path, model):
    """Provenance (H, W) of a scene with a cloud, and of a clear other date with a mask."""
    scene, other = dated(tmp_path / "in.tif", seen(cloud(LEFT))), seen(np.zeros((HEIGHT, WIDTH)))
    clear = dated(tmp_path / "clear.tif", (other * 1.1).astype(np.uint16))

    def run(*masks: np.ndarray):
        files = [dated(tmp_path / f"mask{number}.tif", mask[None]) for number, mask in enumerate(masks)]
        settings = dataclasses.replace(SETTINGS, date_masks=tuple(Mask(file, "fmask") for file in files))
        options = {"provenance": tmp_path / "codes.tif", "overwrite": True}
        remove(scene, tmp_path / "out.tif", model, settings, other_dates=[clear], **options)
        return read(tmp_path / "codes.tif")[0]

    return run


@pytest.mark.parametrize("code", [FMASK_CLOUD, FMASK_SHADOW])
def test_nothing_is_taken_from_where_the_mask_of_a_date_sees_cloud_or_shadow(tmp_path, codes, code):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[50:60] = code
    without, found = codes(), codes(mask)
    assert (without[50:60] == 3).sum() > 300 and not (found[50:60] == 3).any()
    assert ((found == 3) == (without == 3))[70:].all() and (found[70:] == 3).any()
    with rasterio.open(tmp_path / "codes.tif") as raster:
        assert raster.tags()["OTHER_MASKS"] == "mask0.tif"


def test_there_is_one_mask_for_each_date(codes):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    with pytest.raises(OptionError, match="2 given for 1"):
        codes(mask, mask)
