"""The comparison of other dates and thin cloud removal: what it scores, and the table it prints."""

import numpy as np
import pytest
import rasterio

from benchmarks.dates import Comparison, scored, table
from tests.small_model import as_type, write_raster


@pytest.fixture
def years(tmp_path):
    """Three years of ground that changes, of 4 bands."""
    (tmp_path / "years").mkdir()
    for year in range(3):
        ground = np.random.default_rng(year).uniform(0.1, 0.3, (4, 70, 80))
        write_raster(tmp_path / "years" / f"{year}.tif", as_type(ground, "uint8"))
    return tmp_path / "years"


def test_errors_count_over_all_pixels_and_over_cloudy_ones(tmp_path):
    opacity = np.zeros((1, 4, 4), np.float32)
    opacity[0, :, :2] = 0.5
    write_raster(tmp_path / "in.opacity.tif", opacity)
    truth = np.full((3, 4, 4), 100, np.uint8)
    result = truth + np.where(opacity > 0, np.uint8(10), np.uint8(0))
    everywhere, cloudy = scored(result, truth, tmp_path / "in.tif")
    assert cloudy == pytest.approx(10 * np.log10(255**2 / 100)) and everywhere == pytest.approx(cloudy + 3.01, abs=0.01)


def test_dates_are_one_light_or_one_year_each_under_clouds_of_their_own(tmp_path, years):
    comparison = Comparison(years, size=64, seeds=1, years=1)
    scenes = []
    for truth, kind, dates in comparison.scenes(sorted(years.glob("*.tif")), tmp_path):
        pictures = [rasterio.open(file).read() for file in dates]
        opacities = [rasterio.open(file.with_suffix(".opacity.tif")).read() for file in dates]
        scenes.append((kind, len(dates)))
        clear = opacities[0][0] == 0
        assert (pictures[0] == truth)[:, clear].all() and (pictures[0] != truth).any() and clear.any()
        assert all((opacity != opacities[0]).any() for opacity in opacities[1:])
    assert scenes == [("same year, other light", 3), ("other years", 3)]


def test_the_table_holds_means_over_scenes():
    text = table({"a": {"hybrid": [(20.0, 10.0), (30.0, 12.0)]}})
    assert text.splitlines()[-1] == "| hybrid | 25.00, 11.00 dB |"
