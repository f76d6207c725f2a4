"""`remove --sensor`, and rasters of more than three bands."""

from typing import get_args

import numpy as np
import pytest
import rasterio

from cloud_removal.cli import main
from cloud_removal.cli.remove import Sensor
from cloud_removal.inference.sensors import SENSORS
from tests.small_model import cloudy, read, write_raster


@pytest.fixture
def remove(tmp_path, model_folder, capfd):
    """Runs the command on in.tif; returns exit code, stdout and stderr."""

    def run(*words, output="out.tif"):
        capfd.readouterr()
        places = [tmp_path / "in.tif", tmp_path / output, "--provenance", tmp_path / "p.tif", "--model", model_folder]
        code = main(["remove", *map(str, [*places, "--no-inpaint", "--overwrite", *words])])
        return (code, *capfd.readouterr())

    return run


@pytest.fixture
def sentinel(tmp_path):
    """Red, green, blue and near infrared of a Sentinel-2 product."""
    picture = cloudy(60, 70) * 0.6
    reflectance = np.concatenate([picture, 0.3 + 0.3 * picture[:1]])
    return write_raster(tmp_path / "in.tif", np.round(reflectance * 1e4 + 1000).astype(np.uint16))


def test_the_command_knows_the_sensors_that_there_are():
    assert get_args(Sensor) == tuple(SENSORS)


def test_the_baseline_of_sentinel_decides_on_the_result(tmp_path, sentinel, remove):
    assert remove("--sensor", "sentinel2-l2a", "--baseline", "5.09", output="new.tif")[0] == 0
    _, _, err = remove("--sensor", "sentinel2-l2a", output="old.tif")
    assert "--baseline says otherwise" in err
    assert (read(tmp_path / "new.tif") != read(tmp_path / "old.tif")).any()


def test_tags_name_the_sensor_as_the_option_does(tmp_path, sentinel, remove):
    remove("--sensor", "sentinel2-l2a", "--baseline", "5.09", output="option.tif")
    with rasterio.open(sentinel, "r+") as target:
        target.update_tags(PROCESSING_BASELINE="05.09", PRODUCT_TYPE="S2MSI2A")
    _, _, err = remove(output="tags.tif")
    assert "Sentinel-2 L2A, 1.5 times reflectance (of baseline 05.09, -1000, divided by 10000)" in err
    np.testing.assert_array_equal(read(tmp_path / "tags.tif"), read(tmp_path / "option.tif"))


def test_a_scale_goes_before_the_sensor_that_tags_name(tmp_path, sentinel, remove):
    remove("--scale", "10000", output="plain.tif")
    with rasterio.open(sentinel, "r+") as target:
        target.update_tags(PROCESSING_BASELINE="05.09", PRODUCT_TYPE="S2MSI2A")
    remove("--scale", "10000", output="tags.tif")
    np.testing.assert_array_equal(read(tmp_path / "tags.tif"), read(tmp_path / "plain.tif"))


def test_the_vegetation_index_of_kept_pixels_is_unchanged(tmp_path, sentinel, remove):
    _, _, err = remove("--sensor", "sentinel2-l2a", "--baseline", "5.09")
    assert "band 4 passes through unchanged" in err
    before, after = (index(read(file)) for file in (sentinel, tmp_path / "out.tif"))
    kept = read(tmp_path / "p.tif")[0] == 1
    assert 0.1 < kept.mean() < 0.95 and (before != after)[~kept].mean() > 0.9
    np.testing.assert_array_equal(after[kept], before[kept])


def index(values: np.ndarray) -> np.ndarray:
    red, infrared = values[0] - 1000.0, values[3] - 1000.0
    return (infrared - red) / (infrared + red)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sensor", "sentinel2-l2a", "--scale", "10000"], "--sensor and --scale: give one"),
        (["--sensor", "aerial"], "not 8 bits"),
        (["--sensor", "reflectance"], "without scale and offset tags"),
        (["--baseline", "5.09"], "is not said to be of Sentinel-2"),
        (["--sensor", "sentinel2-l2a", "--baseline", "-1"], "--baseline -1"),
    ],
)
def test_sensors_that_cannot_be_meant_are_refused_and_nothing_is_left(tmp_path, sentinel, remove, options, words):
    before = sorted(tmp_path.iterdir())
    code, out, err = remove("--quiet", *options)
    assert (code, out) == (1, "") and err.startswith("error: ") and err.count("\n") == 1 and words in err
    assert sorted(tmp_path.iterdir()) == before
