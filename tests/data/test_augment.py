"""Ground made to look like another sensor's."""

import dataclasses

import cv2
import numpy as np
import pytest

from cloud_removal.config import Augmentation
from cloud_removal.data.augment import Placement, draw, lay, near_infrared, noisy, recolour
from cloud_removal.data.ground import Pictures

SAME = Augmentation(
    gain=(1, 1), gamma=(1, 1), saturation=(1, 1), tint=(1, 1), swap=0, palette=0,
    scale=(1, 1), rotate=False, noise=(0, 0),
)  # fmt: skip
PICTURE = np.random.default_rng(0).integers(20, 200, (64, 64, 3), np.uint8)
SMOOTH = cv2.resize(PICTURE[:8, :8], (64, 64), interpolation=cv2.INTER_CUBIC)


def with_only(**changes):
    return dataclasses.replace(SAME, **changes)


def random():
    return np.random.default_rng(5)


def test_without_any_change_the_pixels_are_those_of_the_source():
    drawn = draw(Pictures([PICTURE]), random(), SAME, 64).picture
    np.testing.assert_allclose(drawn, PICTURE / 255, atol=1e-6)


def test_quarter_turns_and_flips_keep_the_pixels():
    laid = lay(PICTURE, Placement(1.0, 0.0, 1, True), 64)
    np.testing.assert_array_equal(laid, np.rot90(PICTURE)[:, ::-1])


def test_zooming_out_by_half_averages_squares_of_two():
    laid = lay(PICTURE, Placement(0.5, 0.0, 0, False), 32)
    means = PICTURE.reshape(32, 2, 32, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(laid - means).max() <= 0.5


def test_zooming_in_shows_the_source_enlarged():
    place = Placement(2.0, 0.0, 0, False)
    laid = lay(SMOOTH[: place.side(64), : place.side(64)], place, 64)
    assert np.abs(laid[::2, ::2].astype(int) - SMOOTH[:32, :32]).mean() < 4


def test_a_turn_and_the_turn_back_show_the_middle_again():
    place = Placement(1.0, 30.0, 0, False)
    there = lay(SMOOTH, place, 64)
    back = lay(there, dataclasses.replace(place, angle=-30.0), 64)
    assert np.abs(back[24:40, 24:40].astype(int) - SMOOTH[24:40, 24:40]).mean() < 2


@pytest.mark.parametrize("angle", [0.0, 17.0, 45.0])
@pytest.mark.parametrize("zoom", [0.5, 0.77, 1.0, 1.5])
def test_every_placement_gives_the_size_asked_for(zoom, angle):
    place = Placement(zoom, angle, 1, True)
    side = place.side(32)
    assert lay(np.zeros((side, side, 3), np.uint8), place, 32).shape == (32, 32, 3)


def test_turned_and_zoomed_out_the_ground_keeps_its_pixel_size():
    """A stripe pattern of period 16 zoomed out by half has period 8, turned or not."""
    place = Placement(0.5, 45.0, 0, False)
    side = place.side(64)
    stripes = (127 + 100 * np.cos(np.arange(side) * 2 * np.pi / 16)).astype(np.uint8)
    laid = lay(np.repeat(np.tile(stripes, (side, 1))[..., None], 3, axis=2), place, 64)[..., 0]
    spectrum = np.abs(np.fft.fft2(laid.astype(float) - laid.mean()))
    y, x = np.unravel_index(spectrum[:32].argmax(), (32, 64))
    assert np.hypot(y, min(x, 64 - x)) == pytest.approx(64 / 8, abs=1.0)


def test_gain_makes_the_ground_darker_by_that_factor():
    np.testing.assert_allclose(recolour(PICTURE, random(), with_only(gain=(0.5, 0.5))), PICTURE / 510, atol=1e-6)


def test_gain_does_not_clip_ground_that_was_not_clipped():
    bright = recolour(PICTURE, random(), with_only(gain=(3.0, 3.0)))
    assert (bright == 1.0).mean() < 0.05


def test_gamma_is_a_power():
    np.testing.assert_allclose(recolour(PICTURE, random(), with_only(gamma=(2, 2))), (PICTURE / 255) ** 2, atol=1e-6)


def test_no_saturation_is_grey():
    grey = recolour(PICTURE, random(), with_only(saturation=(0, 0)))
    np.testing.assert_allclose(grey[..., 0], grey[..., 2], atol=1e-6)


def test_swapping_keeps_the_channels_in_another_order():
    swapped = recolour(PICTURE, np.random.default_rng(1), with_only(swap=1.0))
    means = PICTURE.mean(axis=(0, 1)) / 255
    np.testing.assert_allclose(np.sort(swapped.mean(axis=(0, 1))), np.sort(means), atol=1e-5)


def test_in_the_near_infrared_vegetation_is_bright_grey_soil_as_in_green_and_water_black():
    ground = np.array([[(51, 89, 51), (120, 120, 120), (25, 38, 89)]] * 8, np.uint8)
    np.testing.assert_array_equal(near_infrared(ground, 1.5)[0], [89 + 114, 120, 0])


def test_the_near_infrared_is_darkened_rather_than_clipped():
    green = np.linspace(60, 250, 64 * 64).reshape(64, 64)
    ground = np.dstack([green * 0.6, green, green * 0.5]).astype(np.uint8)
    assert (near_infrared(ground, 2.5) == 255).mean() < 0.03


def alike(seen, planes):
    """Whether those channels of `seen` are these."""
    return all(np.allclose(seen[..., channel], plane, atol=1e-5) for channel, plane in planes.items())


def test_a_share_of_the_pictures_has_the_infrared_in_red_or_in_green():
    red, green, blue = np.moveaxis(SMOOTH / 255, -1, 0)
    kinds = {"plain": {0: red, 1: green, 2: blue}, "in red": {1: red, 2: green}, "in green": {0: red, 2: green}}
    counts = dict.fromkeys(kinds, 0)
    for seed in range(60):
        seen = recolour(SMOOTH, np.random.default_rng(seed), with_only(infrared=0.5))
        (kind,) = (name for name, planes in kinds.items() if alike(seen, planes))
        counts[kind] += 1
    assert 18 < counts["plain"] < 42 and counts["in red"] > 5 and counts["in green"] > 5


def test_tint_differs_from_channel_to_channel():
    ratio = (recolour(PICTURE, random(), with_only(tint=(0.5, 0.9))) / (PICTURE / 255)).mean(axis=(0, 1))
    assert np.ptp(ratio) > 0.02


def test_noise_has_the_deviation_asked_for():
    flat = np.full((64, 64, 3), 0.5, np.float32)
    assert noisy(flat, random(), with_only(noise=(0.02, 0.02))).std() == pytest.approx(0.02, rel=0.05)


def test_everything_at_once_stays_between_0_and_1():
    drawn = draw(Pictures([PICTURE]), random(), Augmentation(), 32).picture
    assert drawn.dtype == np.float32 and drawn.min() >= 0.0 and drawn.max() <= 1.0


def test_natural_pictures_keep_their_own_colours():
    wild = with_only(natural=1.0, gamma=(2, 2), saturation=(0, 0), swap=1.0, palette=1.0)
    drawn = draw(Pictures([PICTURE]), random(), wild, 64).picture
    ratio = drawn / (PICTURE / 255)
    assert ratio.min() >= 0.95 and ratio.max() <= 1.05 and np.ptp(ratio) < 1e-5


def test_a_picture_is_drawn_with_the_root_that_its_source_displays():
    assert draw(Pictures([PICTURE], gamma=2.0), random(), SAME, 64).gamma == 2.0
