"""Infrared weather pictures become thickness maps: no legend, no lines, no warm ground, cold tops thickest."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.data import infrared
from cloud_removal.data.decode import read_rgb
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError

WARM, COLDEST = 70, 210
HEIGHT, WIDTH, LEGEND = 60, 80, 8


def sky(seed: int) -> np.ndarray:
    """Grey levels (68, 80): warm sea with noise and one cold cloud."""
    rng = np.random.Generator(np.random.Philox(seed))
    grey = rng.integers(WARM, WARM + 3, (HEIGHT + LEGEND, WIDTH)).astype(np.uint8)
    cv2.circle(grey, (int(rng.integers(WIDTH)), int(rng.integers(10, HEIGHT - 10))), 12, COLDEST, -1)
    return grey


def view(seed: int) -> np.ndarray:
    """A frame (68, 80, 3): the sky with a white coast, a yellow grid and a legend below."""
    frame = np.repeat(sky(seed)[..., None], 3, axis=2)
    frame[30, :] = (255, 255, 255)
    frame[:, 40] = (255, 255, 0)
    frame[HEIGHT:] = np.arange(WIDTH, dtype=np.uint8)[None, :, None] * 3
    return frame


@pytest.fixture
def frames() -> np.ndarray:
    return np.stack([view(seed) for seed in range(12)])


def drawn() -> np.ndarray:
    overlay = np.zeros((HEIGHT + LEGEND, WIDTH), bool)
    overlay[30] = overlay[:, 40] = overlay[HEIGHT:] = True
    return overlay


def test_what_never_changes_is_found_to_be_drawn(frames):
    np.testing.assert_array_equal(infrared.find_overlay(frames), drawn())


def test_what_hardly_changes_is_drawn_too_where_a_tolerance_is_given(frames):
    frames[::2] -= (frames[::2] > 250).astype(np.uint8)
    assert not infrared.find_overlay(frames)[30, :30].any()
    assert infrared.find_overlay(frames, tolerance=1)[30, :30].all()


def test_few_frames_ask_for_an_overlay(frames):
    with pytest.raises(OptionError, match="--overlay"):
        infrared.find_overlay(frames[:3])


def test_the_legend_is_cropped():
    assert infrared.inside_legend(drawn()) == (slice(0, HEIGHT), slice(0, WIDTH))


def test_an_overlay_of_everything_is_refused():
    with pytest.raises(InputError, match="covers the whole picture"):
        infrared.inside_legend(np.ones((8, 8), bool))


def test_drawn_lines_leave_no_trace(frames):
    overlay = infrared.find_overlay(frames)[:HEIGHT]
    sea = np.full((HEIGHT, WIDTH), WARM, np.uint8)
    sea[overlay] = 255
    np.testing.assert_allclose(infrared.remove_overlay(sea, overlay).astype(float), WARM, atol=2)


def test_coloured_cold_tops_are_the_coldest():
    frame = np.full((4, 4, 3), 180, np.uint8)
    frame[1, 1], frame[2, 2] = (255, 0, 0), (0, 60, 200)
    cold = infrared.coldness(frame)
    assert cold[1, 1] == cold[2, 2] == 255
    assert cold[0, 0] == 180


def test_faint_colour_noise_of_jpeg_is_grey():
    frame = np.full((2, 2, 3), 100, np.uint8)
    frame[..., 0] += 10
    np.testing.assert_array_equal(infrared.coldness(frame), 100)


def test_the_background_is_the_warm_ground_under_moving_clouds(frames):
    cold = frames[:, :HEIGHT, :30, 0]
    free = np.ones(cold.shape[1:], bool)
    free[27:34] = False  # The coast line, and what the median filter makes of it.
    assert np.all(infrared.backgrounds(cold)[:, free] <= WARM + 3)


def test_each_hour_has_its_own_background():
    hours = np.array([0.0] * 9 + [12.0] * 9)
    cold = np.full((18, 16, 16), 92, np.uint8)
    cold[9:] = 70
    ground = infrared.backgrounds(cold, hours)
    assert (ground[0] == 92).all()
    assert (ground[-1] == 70).all()


def test_hours_are_near_each_other_across_midnight():
    hours = np.array([23.5] * 5 + [0.5] * 5)
    cold = np.full((10, 8, 8), 90, np.uint8)
    cold[:5] = 80
    assert (infrared.backgrounds(cold, hours)[-1] == 80).all()


def test_times_of_day_come_from_names_that_tell_them():
    np.testing.assert_allclose(infrared.times_of_day(["huir172472345", "huir172480115"]), [23.75, 1.25])


@pytest.mark.parametrize("names", [["huir172472345", "other"], ["frame1", "frame2"], ["huir172479999"]])
def test_names_that_tell_no_time_are_left_alone(names):
    assert infrared.times_of_day(names) is None


def test_thickness_is_zero_at_the_ground_and_one_at_the_coldest():
    cold = np.full((9, 9), WARM, np.uint8)
    cold[:, 5:] = COLDEST
    depth = infrared.thickness(cold, np.full((9, 9), WARM, np.float32), COLDEST)
    assert depth[:, :4].max() == pytest.approx(0.0, abs=1e-6)
    assert depth[:, 6:].min() == pytest.approx(1.0, abs=1e-6)


def test_layers_are_stretched_to_the_full_range(frames):
    names = [f"frame{i}" for i in range(len(frames))]
    made = list(infrared.layers(names, frames, drawn(), tile=48))
    assert made
    for _, layer in made:
        assert (layer.min(), layer.max(), layer.dtype, layer.shape) == (0, 255, np.uint8, (48, 48))


def test_layers_show_the_clouds_and_neither_coast_nor_legend(frames):
    names = [f"frame{i}" for i in range(len(frames))]
    tiles = dict(infrared.layers(names, frames, drawn(), tile=60))
    for name, layer in tiles.items():
        number, left = int(name.split("_")[0][5:]), int(name.split("_")[2])
        cloud = (sky(number)[:HEIGHT] == COLDEST).astype(np.uint8)
        here, around = np.s_[:, left : left + 60], np.ones((7, 7))
        inner, outer = cv2.erode(cloud, around)[here] > 0, cv2.dilate(cloud, around)[here] > 0
        assert np.all(layer[inner] > 200)
        assert layer[~outer].max() < 40


def test_tiles_without_cloud_are_left_out():
    still = np.full((12, 40, 40, 3), WARM, np.uint8)
    still += np.arange(12, dtype=np.uint8)[:, None, None, None] % 2
    still[0, 5:10, 5:10] = COLDEST
    names = [f"frame{i}" for i in range(12)]
    made = infrared.layers(names, still, np.zeros((40, 40), bool), tile=40)
    assert [name for name, _ in made] == ["frame0_0000_0000"]


def test_half_resolution_halves_what_a_tile_shows(frames):
    names = [f"frame{i}" for i in range(len(frames))]
    whole = {name for name, _ in infrared.layers(names, frames, drawn(), tile=40, halve=True)}
    assert whole == {f"{name}_0000_0000" for name in names}


def test_frames_of_two_sizes_are_refused_by_name(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(InputError, match=r"b\.png is 9x8 pixels, a\.png is 8x8"):
        infrared.read_frames(tmp_path)


def test_the_overlay_is_no_frame(tmp_path):
    for name in ("a.png", "overlay.png", "lines.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    paths, frames = infrared.read_frames(tmp_path, tmp_path / "lines.png")
    assert [path.name for path in paths] == ["a.png"]
    assert frames.shape == (1, 8, 8, 3)


def test_a_folder_without_pictures_is_said(tmp_path):
    with pytest.raises(EmptyDatasetError, match="No infrared pictures"):
        infrared.read_frames(tmp_path)


def test_an_overlay_of_another_size_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "overlay.png"), np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(InputError, match="same size"):
        infrared.read_overlay(tmp_path / "overlay.png", (8, 8))


REAL = Path(__file__).parents[3] / "shared" / "data" / "clouds" / "goes_ir"


@pytest.mark.skipif(not REAL.is_dir(), reason="real GOES frames (../shared/data) are not in the repository")
def test_the_lines_found_on_real_frames_are_those_known_to_be_drawn():
    paths = sorted(REAL.glob("huir*.gif"))[:20]
    found = infrared.find_overlay(np.stack([read_rgb(path) for path in paths]))
    known = infrared.read_overlay(REAL / "overlay.png", found.shape)
    assert infrared.inside_legend(found)[0].stop == 468  # Where the legend begins.
    assert found[:465][known[:465]].all()
    assert (found & ~known)[:465].mean() < 0.001
