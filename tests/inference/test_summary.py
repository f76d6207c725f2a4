"""What is told of a scene's pixels, and how much of the ground they cover."""

import numpy as np
import pytest
import rasterio

from cloud_removal.inference.compose import DATE, KEPT, NO_DATA, OPAQUE, SHADOW, THIN
from cloud_removal.inference.ground_area import square_metres
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.stages import Progress
from cloud_removal.inference.summary import Summary
from tests.small_model import as_type, cloudy, read, write_raster

NORTH_UP = rasterio.Affine(10, 0, 500000, 0, -10, 4100000)


@pytest.fixture
def summary(tmp_path, model):
    def run(**profile) -> Summary:
        values = as_type(cloudy(90, 120), "uint16")
        values[:, :5] = 0
        source = write_raster(tmp_path / "in.tif", values, **({"nodata": 0, "transform": NORTH_UP} | profile))
        return remove(source, tmp_path / "out.tif", model, Settings(window=40), provenance=tmp_path / "p.tif")

    return run


def test_areas_are_those_of_the_pixels(tmp_path, summary):
    found = summary()
    codes = read(tmp_path / "p.tif")
    for code in (NO_DATA, KEPT, THIN, OPAQUE):
        count = np.count_nonzero(codes == code)
        assert found.pixels[code] == count and found.areas[code] == pytest.approx(count * 1e-4, rel=0.002)


def test_the_line_tells_of_shares_and_areas(summary):
    line = summary().line()
    kept, nodata = line.split(" kept (")[1], line.split(" without data (")[1]
    assert kept.split()[1].startswith("km²") and float(nodata.split()[0]) == pytest.approx(5 * 120e-4, rel=0.01)


def test_without_a_place_on_earth_there_are_no_areas(summary):
    found = summary(crs=None, transform=None)
    assert found.areas is None and "km²" not in found.line()


def test_pixels_of_other_dates_and_shadows_are_told_of_where_there_are_any(tmp_path):
    line = Summary(tmp_path, {KEPT: 50, DATE: 30, SHADOW: 20}).line()
    assert "30.0 % taken from other dates" in line and "20.0 % shadow brightened" in line
    assert "other dates" not in Summary(tmp_path, {KEPT: 50}).line()


def test_what_lies_beside_the_earth_has_no_area(tmp_path):
    disk = "+proj=geos +h=35785831 +lon_0=-75 +sweep=y +a=6378137 +b=6356752 +units=m"
    grid = rasterio.Affine(1100000, 0, -5500000, 0, -1100000, 5500000)
    file = write_raster(tmp_path / "in.tif", np.zeros((3, 10, 10), np.uint8), crs=disk, transform=grid)
    with rasterio.open(file) as source:
        assert square_metres(source, 0, 0) is None and square_metres(source, 5, 5) == pytest.approx(1.21e12, rel=0.1)


def test_stages_come_on_top_of_the_scene_in_the_progress():
    told: list[tuple[int, int]] = []
    progress = Progress(100, lambda done, total: told.append((done, total)))
    progress.windows(100)
    first = progress.stage()
    first(20, 50)
    first(30, 50)
    progress.stage()(10, 10)
    assert told == [(100, 100), (20, 150), (30, 150), (10, 160)]
