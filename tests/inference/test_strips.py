"""Rasters in strips: what was written is what reads back, or the place is found."""

from types import SimpleNamespace

import numpy as np
import pytest
import rasterio

from cloud_removal.inference import strips
from cloud_removal.inference.raster import quiet_gdal
from cloud_removal.inference.windows import Area
from tests.small_model import write_raster

HEIGHT, WIDTH = 1100, 40
PROFILE = {"driver": "GTiff", "dtype": "uint16", "count": 3, "height": HEIGHT, "width": WIDTH}


@pytest.fixture
def values():
    return np.random.default_rng(0).integers(0, 10000, (3, HEIGHT, WIDTH), np.uint16)


def scene(values, mask=None):
    source = SimpleNamespace(count=3)
    height, width = values.shape[1:]
    read_mask = lambda area: mask[area.top : area.bottom, area.left : area.right]  # noqa: E731
    return SimpleNamespace(source=source, dtype="uint16", height=height, width=width, read_mask=read_mask)


def written(file, values, mask=None) -> strips.Checksums:
    def fill(area: Area, out: np.ndarray) -> None:
        out[:] = values[:, area.top : area.bottom, area.left : area.right]

    with quiet_gdal(), rasterio.open(file, "w", **PROFILE) as target:
        return strips.write(target, scene(values, mask), fill, mask is not None)


def test_a_raster_holds_what_its_strips_were_filled_with(tmp_path, values):
    checksums = written(tmp_path / "a.tif", values)
    with rasterio.open(tmp_path / "a.tif") as source:
        np.testing.assert_array_equal(source.read(), values)
    assert len(checksums) == 3 and strips.first_difference(tmp_path / "a.tif", checksums, False, False) is None


@pytest.mark.parametrize("in_order", [True, False])
def test_the_first_strip_that_reads_back_differently_is_found(tmp_path, values, in_order):
    checksums = written(tmp_path / "a.tif", values)
    values[0, 600, 3] ^= 1
    values[2, 1099, 3] ^= 1
    write_raster(tmp_path / "a.tif", values)
    wrong = strips.first_difference(tmp_path / "a.tif", checksums, False, in_order)
    assert wrong == Area(strips.TILE, 0, strips.TILE, WIDTH)


def test_a_mask_that_reads_back_differently_is_found(tmp_path, values):
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    checksums = written(tmp_path / "a.tif", values, mask)
    with quiet_gdal():
        assert strips.first_difference(tmp_path / "a.tif", checksums, True, False) is None
        mask[5, 5] = 0
        written(tmp_path / "a.tif", values, mask)
        assert strips.first_difference(tmp_path / "a.tif", checksums, True, False) == Area(0, 0, strips.TILE, WIDTH)


def test_strips_cover_every_pixel_once(values):
    seen = np.zeros((HEIGHT, 30000), int)
    for area in strips.strips(scene(np.zeros((3, *seen.shape), np.uint16))):
        seen[area.top : area.bottom, area.left : area.right] += 1
    assert (seen == 1).all()
