"""Where shadows fall, by the sun and the height of clouds."""

import contextlib

import numpy as np
import pytest
from rasterio.transform import Affine

from cloud_removal.cli.remove import Options
from cloud_removal.errors import OptionError
from cloud_removal.inference.raster import open_scene
from cloud_removal.inference.shadows.sun import Sun, heights
from tests.small_model import write_raster


@pytest.fixture
def ray(tmp_path):
    """The ray of a sun over a raster of 16 x 16 px."""

    def of(sun: Sun, **profile):
        file = write_raster(tmp_path / "in.tif", np.ones((3, 16, 16), np.uint8), **profile)
        with contextlib.ExitStack() as stack:
            return sun.ray(stack.enter_context(open_scene(file)))

    return of


@pytest.mark.parametrize(
    ("sun", "option"),
    [
        (Sun(360.0), "--sun-azimuth 360"),
        (Sun(-1.0), "--sun-azimuth -1"),
        (Sun(float("nan")), "--sun-azimuth nan"),
        (Sun(0.0, 0.0), "--sun-elevation 0"),
        (Sun(0.0, 90.5), "--sun-elevation 90.5"),
        (Sun(0.0, 45.0, "high"), "--cloud-height high"),
        (Sun(0.0, 45.0, "0"), "--cloud-height 0"),
        (Sun(0.0, 45.0, "300-200m"), "--cloud-height 300-200m"),
    ],
)
def test_what_cannot_be_meant_is_refused(sun, option):
    with pytest.raises(OptionError, match=option):
        sun.check()


def test_heights_are_numbers_or_ranges_in_pixels_or_metres():
    assert heights("40") == (40.0, 40.0, False)
    assert heights("500-3000m") == (500.0, 3000.0, True)
    assert heights("1.5 - 2.5 M") == (1.5, 2.5, True)


def test_shadows_fall_away_from_the_sun(ray):
    toward = ray(Sun(90.0, 45.0, "40"), crs=None, transform=None)
    np.testing.assert_allclose(toward.toward, (0.0, -1.0), atol=1e-12)
    np.testing.assert_allclose((toward.nearest, toward.farthest), 40.0)


def test_a_low_sun_casts_long_shadows_and_metres_become_pixels(ray):
    north_up = {"crs": "EPSG:32631", "transform": Affine(20, 0, 500000, 0, -20, 160)}
    found = ray(Sun(180.0, 30.0, "200-400m"), **north_up)
    np.testing.assert_allclose(found.toward, (-1.0, 0.0), atol=1e-3)
    np.testing.assert_allclose((found.nearest, found.farthest), (17.3, 34.6), rtol=5e-3)


def test_north_is_where_the_raster_has_it(ray):
    upside_down = {"crs": "EPSG:32631", "transform": Affine(20, 0, 500000, 0, 20, 0)}
    np.testing.assert_allclose(ray(Sun(180.0), **upside_down).toward, (1.0, 0.0), atol=1e-3)


def test_a_height_without_a_sun_is_refused(ray):
    with pytest.raises(OptionError, match="without --sun-azimuth"):
        ray(Sun(None, None, "40"))
    with pytest.raises(OptionError, match="without --sun-elevation"):
        ray(Sun(100.0, None, "40"))


def test_tags_tell_what_is_not_given():
    tags = {"SUN_AZIMUTH": "-170.5", "MEAN_SOLAR_ZENITH_ANGLE": "30", "SUN_ELEVATION": "unknown"}
    sun, said = Sun().completed(tags)
    assert (sun.azimuth, sun.elevation) == (189.5, 60.0) and "SUN_AZIMUTH" in said[0]
    assert Sun(10.0, 20.0).completed(tags) == (Sun(10.0, 20.0), [])


def test_shadows_stay_unless_a_sun_or_auto_is_given():
    assert Options().remover().settings.shadows is None
    assert Options(shadows="auto").remover().settings.shadows == Sun()
    assert Options(sun_azimuth=10.0).remover().settings.shadows == Sun(10.0)


@pytest.mark.parametrize("wish", [{"sun_elevation": 30.0}, {"sun_azimuth": 10.0, "shadows": "off"}])
def test_a_sun_for_shadows_that_are_to_stay_is_refused(wish):
    with pytest.raises(OptionError, match="those are to stay"):
        Options(**wish).remover()
