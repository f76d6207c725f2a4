"""`simulate`, called as a user calls it: what it covers, and that a raster stays what it was."""

import math

import cv2
import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import Affine, from_origin

from cloud_removal.cli import main
from cloud_removal.cli.simulate import Command, from_top
from cloud_removal.inference.raster import open_scene, quiet_gdal

SHAPE = (48, 64)
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@pytest.fixture
def raster(tmp_path):
    """A 16-bit GeoTIFF of four bands in reflectance x 10000, with a collar of nodata."""
    path = tmp_path / "clear.tif"
    values = np.random.Generator(np.random.Philox(1)).integers(500, 3000, (4, *SHAPE)).astype(np.uint16)
    values[:, :, :12] = 0
    profile = {"driver": "GTiff", "count": 4, "height": SHAPE[0], "width": SHAPE[1], "dtype": "uint16"}
    place = {"crs": "EPSG:32632", "transform": from_origin(600_000, 5_300_000, 10, 10), "nodata": 0}
    with rasterio.open(path, "w", **profile, **place) as target:
        target.write(values)
        target.descriptions = ("red", "green", "blue", "near infrared")
        target.update_tags(SENSOR="test")
    return path


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "clear.png"
    ground = np.random.Generator(np.random.Philox(2)).integers(20, 150, (*SHAPE, 3), dtype=np.uint8)
    cv2.imwrite(str(path), ground)
    return path


def simulate(*arguments) -> int:
    return main(["simulate", *map(str, arguments)])


def read(path) -> np.ndarray:
    with rasterio.open(path) as source:
        return source.read()


@pytest.mark.parametrize("kind", ["thin", "thick"])
def test_the_coverage_asked_for_is_that_of_the_opacity_written(picture, tmp_path, kind):
    options = ("--kind", kind, "--coverage", 0.3, "--cloud", tmp_path / "c.tif")
    assert simulate(picture, tmp_path / "out.png", *options) == 0
    assert abs((read(tmp_path / "c.tif") > 0).mean() - 0.3) <= 0.005


def test_coverage_counts_pixels_with_data_only(raster, tmp_path):
    options = ("--coverage", 0.5, "--cloud", tmp_path / "c.tif", "--scale", 10000)
    assert simulate(raster, tmp_path / "out.tif", *options) == 0
    opacity = read(tmp_path / "c.tif")[0]
    assert np.isnan(opacity[:, :12]).all()
    assert abs((opacity[:, 12:] > 0).mean() - 0.5) <= 0.005


def test_a_raster_keeps_its_grid_type_nodata_names_and_tags(raster, tmp_path):
    assert simulate(raster, tmp_path / "out.tif", "--scale", 10000) == 0
    with rasterio.open(raster) as before, rasterio.open(tmp_path / "out.tif") as after:
        for name in ("crs", "transform", "shape", "dtypes", "nodata", "descriptions", "colorinterp"):
            assert getattr(after, name) == getattr(before, name), name
        assert after.tags()["SENSOR"] == "test"


def test_nodata_stays_nodata_and_no_data_becomes_it(raster, tmp_path):
    assert simulate(raster, tmp_path / "out.tif", "--kind", "thick", "--scale", 10000) == 0
    np.testing.assert_array_equal(read(tmp_path / "out.tif")[:3] == 0, read(raster)[:3] == 0)


def test_a_fourth_band_passes_through_and_that_is_said(raster, tmp_path, capsys):
    assert simulate(raster, tmp_path / "out.tif", "--scale", 10000) == 0
    np.testing.assert_array_equal(read(tmp_path / "out.tif")[3], read(raster)[3])
    assert "band 4 passes through unchanged" in capsys.readouterr().err


def test_clear_pixels_stay_as_they_are_to_the_bit(raster, tmp_path):
    options = ("--kind", "thick", "--coverage", 0.2, "--cloud-height", 0, "--cloud", tmp_path / "c.tif")
    assert simulate(raster, tmp_path / "out.tif", "--scale", 10000, *options) == 0
    clear = read(tmp_path / "c.tif")[0] == 0
    np.testing.assert_array_equal(read(tmp_path / "out.tif")[:, clear], read(raster)[:, clear])


def test_the_same_seed_writes_the_same_pixels_and_another_seed_others(picture, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert simulate(picture, tmp_path / f"{name}.png", "--seed", seed) == 0
    first, second, other = (cv2.imread(str(tmp_path / f"{name}.png")) for name in "abc")
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_transparency_passes_through(tmp_path):
    pixels = np.random.Generator(np.random.Philox(2)).integers(20, 150, (*SHAPE, 4), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "in.png"), pixels)
    assert simulate(tmp_path / "in.png", tmp_path / "out.png", "--kind", "veil") == 0
    out = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(out[..., 3], pixels[..., 3])


def test_a_veil_covers_everything_with_about_the_opacity_asked_for(picture, tmp_path):
    options = ("--kind", "veil", "--opacity", 0.6, "--cloud", tmp_path / "c.tif")
    assert simulate(picture, tmp_path / "out.png", *options) == 0
    opacity = read(tmp_path / "c.tif")
    assert opacity.min() > 0.2
    assert abs(opacity.mean() - 0.6) < 0.02


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--coverage", 1.5), "--coverage 1.5: expected a number from 0 to 1"),
        (("--coverage", "nan"), "--coverage nan"),
        (("--sun-elevation", 0), "--sun-elevation 0"),
        (("--kind", "veil", "--coverage", 0.3), "leave out --coverage"),
        (("--kind", "thick", "--opacity", 0.3), "leave out --opacity"),
        (("--bands", "red"), "expected three band numbers"),
        (("--scale", 0), "--scale 0"),
        (("--cloud-height", 9000, "--sun-elevation", 2), "--sun-elevation 2 cast shadows"),
        (("--bands", "1,2,9"), "--bands 1,2,9"),
    ],
)
def test_an_option_that_cannot_be_is_refused_in_one_line(picture, tmp_path, capsys, options, complaint):
    assert simulate(picture, tmp_path / "out.png", *options) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert complaint in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clear.png"]


def test_an_existing_output_is_replaced_only_if_told(picture, tmp_path):
    (tmp_path / "out.png").write_bytes(b"mine")
    assert simulate(picture, tmp_path / "out.png") == 1
    assert (tmp_path / "out.png").read_bytes() == b"mine"
    assert simulate(picture, tmp_path / "out.png", "--overwrite") == 0


def test_a_missing_input_is_said(tmp_path, capsys):
    assert simulate(tmp_path / "none.tif", tmp_path / "out.tif") == 1
    assert "none.tif" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("turned", "expected"),
    [
        (from_origin(0, 0, 10, 10), 90.0),
        (Affine.scale(10, 10), 90.0),  # South is up: east is still on the right ...
        (Affine(0, 10, 0, 10, 0, 0), 180.0),  # Rows run east, columns north: east is down.
    ],
)
def test_the_sun_stands_where_the_raster_has_its_north(tmp_path, turned, expected):
    path = tmp_path / "turned.tif"
    profile = {"driver": "GTiff", "count": 3, "height": 16, "width": 16, "dtype": "uint8", "crs": "EPSG:32632"}
    with rasterio.open(path, "w", transform=turned, **profile) as target:
        target.write(np.arange(768, dtype=np.uint16).reshape(3, 16, 16).astype(np.uint8))
        target.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    with quiet_gdal(), open_scene(path) as scene:
        assert math.isclose(from_top(90.0, scene), expected, abs_tol=1e-6)


def test_sun_and_height_of_the_command_line_reach_the_simulation(tmp_path):
    command = Command(tmp_path / "a.png", tmp_path / "b.png", sun_elevation=30.0, cloud_height=12.0)
    made = command.simulation(200.0)
    assert (made.sun_azimuth[0], made.sun_elevation[0], made.cloud_height[0]) == (200.0, 30.0, 12.0)
    assert made.shadow_share == 1.0
