from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio

from assets import demo, make_adaptation, make_picture, make_scenes
from cloud_removal.errors import InputError

SCENES = make_scenes.SCENES


def test_the_sample_geotiff_is_large_georeferenced_and_has_16_bits() -> None:
    with rasterio.open(SCENES / "cloud/lakes.tif") as scene:
        assert min(scene.shape) >= 1500
        assert (scene.dtypes[0], scene.crs.to_epsg(), scene.res) == ("uint16", 32632, (10.0, 10.0))
        assert scene.descriptions == ("B04 red", "B03 green", "B02 blue")


def test_the_clear_truth_lies_on_the_grid_of_the_cloudy_scene() -> None:
    with rasterio.open(SCENES / "cloud/lakes.tif") as cloudy, rasterio.open(SCENES / "clear/lakes.tif") as clear:
        assert (clear.shape, clear.transform, clear.crs) == (cloudy.shape, cloudy.transform, cloudy.crs)


def test_a_scene_is_a_function_of_its_seed() -> None:
    (first, _), (second, _) = (make_scenes.scene(3, (40, 60), (make_scenes.THIN,)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_written_scene_comes_back_within_its_step(tmp_path: Path) -> None:
    picture = np.linspace(0.1, 0.9, 32 * 32 * 3, dtype=np.float32).reshape(32, 32, 3)
    make_scenes.write_geotiff(tmp_path / "scene.tif", picture)
    error = np.abs(demo.read(tmp_path / "scene.tif") - picture).max()
    assert error <= 0.5 * make_scenes.STEP / make_scenes.SCALE + 1e-6


def test_the_demo_scores_a_scene_against_itself_with_the_highest_marks() -> None:
    psnr, ssim = demo.score(SCENES / "clear/town.png", SCENES / "clear/town.png")
    assert (psnr, ssim) == (100.0, pytest.approx(1.0))


def test_the_picture_of_the_readme_is_as_wide_as_a_page(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "report.png"), np.zeros((80, 2800, 3), np.uint8))
    make_picture.make(tmp_path / "report.png", tmp_path / "picture.jpg")
    assert cv2.imread(str(tmp_path / "picture.jpg")).shape == (40, make_picture.WIDTH, 3)


def test_without_a_demo_there_is_no_picture_and_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make demo"):
        make_picture.make(tmp_path / "report.png", tmp_path / "picture.jpg")


def test_the_pairs_of_the_unknown_sensor_are_functions_of_their_seeds_and_all_under_a_veil(tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_adaptation.write_pair(tmp_path / folder, "x.png", seed, (64, 64))
    pairs = {name: [demo.read(tmp_path / name / side / "x.png") for side in ("cloud", "clear")] for name in "abc"}
    np.testing.assert_array_equal(pairs["a"], pairs["b"])
    assert not np.array_equal(pairs["a"], pairs["c"])
    assert all(np.abs(cloudy - clear).mean() > 0.05 for cloudy, clear in pairs.values())


def test_vegetation_is_red_to_the_unknown_sensor() -> None:
    meadow = np.tile(np.array([0.2, 0.4, 0.2], np.float32), (8, 8, 1))
    shown = make_adaptation.false_colour(meadow)
    assert shown[0, 0, 0] > 0.8 and np.array_equal(shown[..., 1:], meadow[..., :2])
