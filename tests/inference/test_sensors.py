"""Units of sensors: to reflectance, to the network's brightness, and back."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from cloud_removal.errors import OptionError
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.raster import open_scene, quiet_gdal
from cloud_removal.inference.sensors import BRIGHTER, SENSORS, check, found, of_scene
from cloud_removal.inference.settings import Settings
from tests.small_model import cloudy, read, write_raster

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "geotiff"
REAL = pytest.mark.skipif(not DATA.is_dir(), reason="the rasters of ../shared/data/geotiff are not on this machine")
SENTINEL = {"PROCESSING_BASELINE": "05.09", "PRODUCT_TYPE": "S2MSI2A", "BOA_QUANTIFICATION_VALUE": "10000"}
LANDSAT = {"SPACECRAFT_ID": "LANDSAT_9", "COLLECTION_NUMBER": "02", "PROCESSING_LEVEL": "L2SP"}


def scaled(folder, values, sensor=None, baseline=None, tags=None, band_tags=None, own=None):
    """The scaling of a raster of constant `values`, and what is said of it."""
    file = write_raster(folder / "in.tif", np.broadcast_to(np.asarray(values)[..., None, None], (3, 20, 20)))
    with rasterio.open(file, "r+") as target:
        target.update_tags(**(tags or {}))
        for band in (1, 2, 3):
            target.update_tags(band, **(band_tags or {}))
        if own:
            target.scales, target.offsets = [[number] * 3 for number in own]
    with quiet_gdal(), open_scene(file) as scene:
        scaling, said = of_scene(scene, sensor, baseline)
        values = scene.read_bands(scene.bands, whole(scene))
    return scaling, said, values


def whole(scene):
    from cloud_removal.inference.windows import Area

    return Area(0, 0, scene.height, scene.width)


def reflectance(folder, values, *words, **options):
    scaling, _, values = scaled(folder, values, *words, **options)
    return scaling.to_network(values)[0, 0] / BRIGHTER


def test_sentinel_is_stored_in_ten_thousandths(tmp_path):
    for sensor in ("sentinel2-l1c", "sentinel2-l2a"):
        values = np.array([0, 1234, 5000], np.uint16)
        np.testing.assert_allclose(reflectance(tmp_path, values, sensor), [0, 0.1234, 0.5], atol=1e-6)


@pytest.mark.parametrize(("baseline", "expected"), [(3.01, 0.3), (4.0, 0.2), (5.11, 0.2)])
def test_from_baseline_4_on_a_thousand_is_taken_off(tmp_path, baseline, expected):
    values = np.full(3, 3000, np.uint16)
    np.testing.assert_allclose(reflectance(tmp_path, values, "sentinel2-l2a", baseline), expected, atol=1e-6)
    tags = {"PROCESSING_BASELINE": f"{baseline:05.2f}", "PRODUCT_TYPE": "S2MSI1C"}
    np.testing.assert_allclose(reflectance(tmp_path, values, tags=tags), expected, atol=1e-6)


def test_an_offset_that_tags_name_goes_before_the_baseline(tmp_path):
    values = np.full(3, 3000, np.uint16)
    band = {"BOA_ADD_OFFSET": "-500"}
    np.testing.assert_allclose(reflectance(tmp_path, values, tags=SENTINEL, band_tags=band), 0.25, atol=1e-6)


def test_without_a_baseline_it_is_said_that_none_was_taken_off(tmp_path):
    _, said, _ = scaled(tmp_path, np.full(3, 3000, np.uint16), "sentinel2-l2a")
    assert len(said) == 1 and "--baseline says otherwise" in said[0]
    assert scaled(tmp_path, np.full(3, 3000, np.uint16), "sentinel2-l2a", 5.09)[1] == []


def test_landsat_surface_reflectance_has_its_scale_and_offset(tmp_path):
    values = np.array([7273, 10909, 36364], np.uint16)
    np.testing.assert_allclose(reflectance(tmp_path, values, "landsat-c2-sr"), [0, 0.1, BRIGHTER**-1], atol=1e-5)


def test_landsat_at_the_top_of_the_atmosphere_is_divided_by_the_sine_of_the_suns_elevation(tmp_path):
    values = np.full(3, 15000, np.uint16)
    np.testing.assert_allclose(reflectance(tmp_path, values, "landsat-c2-toa"), 0.2, atol=1e-6)
    sun = {"SUN_ELEVATION": "30.0"}
    np.testing.assert_allclose(reflectance(tmp_path, values, "landsat-c2-toa", tags=sun), 0.4, atol=1e-6)
    assert "not divided by its sine" in scaled(tmp_path, values, "landsat-c2-toa")[1][0]


def test_reflectance_may_be_stored_as_it_is_or_by_the_rasters_own_scale(tmp_path):
    np.testing.assert_allclose(reflectance(tmp_path, np.full(3, 0.3, np.float32), "reflectance"), 0.3, atol=1e-6)
    stored = reflectance(tmp_path, np.full(3, 4000, np.uint16), "reflectance", own=(1e-4, -0.1))
    np.testing.assert_allclose(stored, 0.3, atol=1e-6)


def test_eight_bits_of_an_aerial_picture_are_brightness_itself(tmp_path):
    scaling, _, values = scaled(tmp_path, np.full(3, 51, np.uint8), "aerial")
    np.testing.assert_allclose(scaling.to_network(values), 0.2, atol=1e-6)


@pytest.mark.parametrize(
    ("tags", "dtype", "expected"),
    [
        (SENTINEL, "uint16", "sentinel2-l2a"),
        (SENTINEL | {"PRODUCT_TYPE": "S2MSI1C"}, "int16", "sentinel2-l1c"),
        (LANDSAT, "uint16", "landsat-c2-sr"),
        (LANDSAT | {"PROCESSING_LEVEL": "L1TP"}, "uint16", "landsat-c2-toa"),
        (LANDSAT | {"COLLECTION_NUMBER": "01"}, "uint16", None),
        (SENTINEL, "float32", None),  # No digital numbers any more.
        (SENTINEL, "uint8", None),
        ({"PROCESSING_BASELINE": "05.09"}, "uint16", None),
        ({}, "uint16", None),
    ],
)
def test_tags_name_the_sensor_of_digital_numbers(tags, dtype, expected):
    assert found(tags, dtype) == expected


def test_what_was_found_in_tags_is_said(tmp_path):
    _, said, _ = scaled(tmp_path, np.full(3, 3000, np.uint16), tags=SENTINEL)
    assert said == [
        "in.tif: brightness as its tags say: Sentinel-2 L2A, 1.5 times reflectance (of baseline 05.09, -1000, divided "
        "by 10000); --sensor or --scale sets another"
    ]


@pytest.mark.parametrize(
    ("sensor", "dtype", "low", "high", "own"),
    [
        ("sentinel2-l1c", "uint16", 1, 6666, None),
        ("sentinel2-l2a", "int16", 1, 6666, None),
        ("landsat-c2-sr", "uint16", 7300, 31000, None),
        ("landsat-c2-toa", "uint16", 5001, 38000, None),
        ("aerial", "uint8", 0, 255, None),
        ("reflectance", "float32", 0.0, 0.66, None),
        ("reflectance", "uint16", 1000, 7600, (1e-4, -0.1)),
    ],
)
def test_values_come_back_in_the_units_that_they_came_in(tmp_path, sensor, dtype, low, high, own):
    values = np.linspace(low, high, 3).astype(dtype)
    scaling, _, values = scaled(tmp_path, values, sensor, own=own)
    back = np.stack(scaling.to_raster(scaling.to_network(values)))
    if np.dtype(dtype).kind == "f":
        np.testing.assert_allclose(back, values, atol=1e-6)
    else:
        np.testing.assert_array_equal(np.rint(back), values)


@pytest.mark.parametrize(
    ("sensor", "dtype", "words"),
    [
        ("aerial", "uint16", "not 8 bits"),
        ("sentinel2-l2a", "uint8", "holds 8 bits"),
        ("reflectance", "uint16", "without scale and offset tags"),
    ],
)
def test_values_that_cannot_be_of_a_sensor_are_refused(tmp_path, sensor, dtype, words):
    with pytest.raises(OptionError, match=words):
        scaled(tmp_path, np.full(3, 99, dtype), sensor)


def test_a_baseline_without_sentinel_is_refused(tmp_path):
    with pytest.raises(OptionError, match="--baseline: .* is not said to be of Sentinel-2"):
        scaled(tmp_path, np.full(3, 99, np.uint16), baseline=5.09)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("modis", None, None), "expected one of sentinel2-l1c"),
        (("aerial", None, 10000.0), "give one of them"),
        ((None, 5.09, 10000.0), "--baseline and --scale: give one of them"),
        ((None, -4.0, None), "--baseline -4"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    with pytest.raises(OptionError, match=words):
        check(*options)


def test_each_sensor_says_where_its_numbers_are_published():
    assert all(len(sensor.source) > 20 for sensor in SENSORS.values())


def test_a_scene_of_each_sensor_is_restored_alike_in_its_own_units(tmp_path, model):
    picture = cloudy(40, 50) * 0.6
    stored = {
        "sentinel2-l2a": (picture * 1e4, "uint16", 1e-4, 0.0),
        "landsat-c2-sr": ((picture + 0.2) / 2.75e-5, "uint16", 2.75e-5, -0.2),
        "reflectance": (picture, "float32", 1.0, 0.0),
    }
    results = {}
    for sensor, (values, dtype, gain, offset) in stored.items():
        kind = np.dtype(dtype)
        source = np.round(values).astype(kind) if kind.kind == "u" else values.astype(kind)
        file = write_raster(tmp_path / f"{sensor}.tif", source)
        remove(file, tmp_path / f"{sensor}_out.tif", model, Settings(sensor=sensor), provenance=tmp_path / "p.tif",
               overwrite=True)  # fmt: skip
        result, kept = read(tmp_path / f"{sensor}_out.tif"), read(tmp_path / "p.tif")[0] == 1
        np.testing.assert_array_equal(result[:, kept], source[:, kept])
        assert 0.1 < kept.mean() < 0.9
        results[sensor] = result * gain + offset
    for sensor in ("sentinel2-l2a", "landsat-c2-sr"):
        np.testing.assert_allclose(results[sensor], results["reflectance"], atol=1e-3)


@REAL
def test_reflectances_of_a_real_landsat_scene_are_right():
    with rasterio.open(DATA / "l8_cumulus_float32_nan.tif") as source:
        expected = np.clip(source.read().transpose(1, 2, 0), 0, 1 / BRIGHTER)
    with quiet_gdal(), open_scene(DATA / "l8_cumulus_uint16_nodata.tif") as scene:
        scaling, _ = of_scene(scene, "landsat-c2-toa", None)
        found = scaling.to_network(scene.read_bands(scene.bands, whole(scene))) / BRIGHTER
    seen = np.isfinite(expected)
    assert seen.mean() > 0.5
    np.testing.assert_allclose(found[seen], expected[seen], atol=1e-5)


@REAL
@pytest.mark.parametrize(
    ("name", "sensor", "bands"),
    [("s2_cloud_int16_nocrs", "sentinel2-l2a", None), ("l8_quebec_uint16_collar", "landsat-c2-toa", None),
     ("s2_coast_uint16_6band", "sentinel2-l2a", (3, 2, 1)), ("s2_clouds_float32_6band_nocrs", "reflectance", (3, 2, 1)),
     ("aerial_uint8_internal_mask", "aerial", None)],
)  # fmt: skip
def test_real_scenes_come_back_in_the_units_that_they_came_in(name, sensor, bands):
    with quiet_gdal(), open_scene(DATA / f"{name}.tif", bands) as scene:
        scaling, _ = of_scene(scene, sensor, None)
        values, present = scene.read(whole(scene))
    picture = scaling.to_network(values)
    inside = present & ((picture > 0) & (picture < 1)).transpose(2, 0, 1)
    assert inside.mean() > 0.3
    back = np.stack(scaling.to_raster(picture))
    back = back if values.dtype.kind == "f" else np.rint(back)
    np.testing.assert_allclose(back[inside], values[inside], rtol=1e-6)
