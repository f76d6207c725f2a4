"""`remove --sensor`, and rasters of more than three bands."""

from typing import get_args

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from cloud_removal.cli import main
from cloud_removal.cli.remove import Sensor
from cloud_removal.errors import OutputError
from cloud_removal.inference.pipeline import remove as removed
from cloud_removal.inference.sensors import SENSORS
from cloud_removal.inference.settings import Settings
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


@pytest.fixture
def five(tmp_path):
    """Blue, green, red, near infrared and transparency, with names, tags and scales of their own."""
    picture = (cloudy(60, 70) * 250).astype(np.uint8)
    alpha = np.full((1, 60, 70), 255, np.uint8)
    alpha[0, :5] = 0
    values = np.concatenate([picture[::-1], picture[:1] // 2, alpha])
    file = write_raster(tmp_path / "in.tif", values)
    with rasterio.open(file, "r+") as target:
        target.colorinterp = [*target.colorinterp[:4], ColorInterp.alpha]
        target.descriptions = ["blue", "green", "red", "infrared", "transparency"]
        target.scales = [0.1, 0.2, 0.3, 0.4, 1.0]
        for band in range(1, 6):
            target.update_tags(band, NUMBER=band)
    return file


def test_other_bands_are_dropped_when_asked_and_that_is_said(tmp_path, five, remove):
    remove("--bands", "3,2,1", output="all.tif")
    _, _, err = remove("--bands", "3,2,1", "--other-bands", "drop")
    assert "band 4 is dropped; the result has bands 3,2,1,5 in this order" in err
    np.testing.assert_array_equal(read(tmp_path / "out.tif"), read(tmp_path / "all.tif")[[2, 1, 0, 4]])
    with rasterio.open(tmp_path / "out.tif") as result, rasterio.open(five) as source:
        assert result.descriptions == ("red", "green", "blue", "transparency")
        assert result.scales == (0.3, 0.2, 0.1, 1.0)
        assert [result.tags(band)["NUMBER"] for band in range(1, 5)] == ["3", "2", "1", "5"]
        assert result.colorinterp[3].name == "alpha" and result.crs == source.crs


def test_what_was_left_without_data_is_transparent_also_where_bands_were_dropped(tmp_path, five, model_folder):
    words = [five, tmp_path / "out.tif", "--bands", "3,2,1", "--other-bands", "drop", "--abstain"]
    words += ["--opaque-above", "0.5", "--provenance", tmp_path / "p.tif", "--model", model_folder]
    assert main(["remove", *map(str, words)]) == 0
    np.testing.assert_array_equal(read(tmp_path / "out.tif")[3] == 0, read(tmp_path / "p.tif")[0] == 0)
    assert (read(tmp_path / "p.tif")[0] == 0).mean() > 0.1


def test_three_bands_of_many_fit_into_a_png(tmp_path, remove):
    picture = (cloudy(60, 70) * 250).astype(np.uint8)
    write_raster(tmp_path / "in.tif", np.concatenate([picture, picture]), crs=None, transform=None)
    options = ("--bands", "1,2,3", "--quiet")
    code, _, err = remove(*options, output="out.png")
    assert code == 1 and "6 bands" in err
    assert remove(*options, "--other-bands", "drop", output="out.png")[0] == 0
    assert read(tmp_path / "out.png").shape == (3, 60, 70)


def test_a_run_that_kept_other_bands_is_not_gone_on_with_without_them(tmp_path, five, model_folder):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        removed(five, tmp_path / "out.tif", model_folder, Settings((3, 2, 1), window=16), advance=stop)
    with pytest.raises(OutputError, match="bands of the result '1,2,3,4,5' there, '3,2,1,5' now"):
        removed(five, tmp_path / "out.tif", model_folder, Settings((3, 2, 1), window=16, drop_others=True))
