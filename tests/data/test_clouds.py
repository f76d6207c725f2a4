"""Simulated clouds: exact coverage, reproducible, soft, rightly composed, with shadows where the sun puts them."""

import dataclasses
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulator import unfolded_blur
from cloud_removal.config import Simulation
from cloud_removal.data import clouds
from cloud_removal.data.fractal import cover, fractal, wispy

GREY = dataclasses.replace(Simulation(), blur_share=0.0, haze_share=0.0, shadow_share=0.0, ice_share=0.0)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


def only(kind: str, **ranges) -> Simulation:
    return dataclasses.replace(GREY, kinds=clouds.ONLY[kind], **ranges)


@pytest.fixture
def ground() -> np.ndarray:
    return generator(9).random((64, 80, 3), dtype=np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_the_same_seed_gives_the_same_picture_to_the_bit(ground, seed):
    first, second = (clouds.simulate(ground, generator(seed), Simulation()) for _ in range(2))
    for name in ("aerial", "opacity", "ground", "shadow"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_another_seed_gives_another_picture(ground):
    first, second = (clouds.simulate(ground, generator(seed), only("thin")) for seed in (1, 2))
    assert np.abs(first.opacity - second.opacity).mean() > 0.01


@pytest.mark.parametrize("kind", ["thin", "thick"])
@settings(max_examples=20, deadline=None)
@given(coverage=st.floats(0.01, 1.0), seed=st.integers(0, 1000), share=st.sampled_from([0.0, 1.0]))
def test_coverage_is_exact(kind, coverage, seed, share):
    simulation = only(kind, coverage=(coverage, coverage), shadow_share=share, haze_share=share)
    result = clouds.simulate(np.full((48, 56, 3), 0.3, np.float32), generator(seed), simulation)
    assert abs((result.opacity > 0).mean() - coverage) <= 0.005


@pytest.mark.parametrize("kind", ["thin", "thick"])
def test_coverage_is_exact_with_cloud_layers_that_are_mostly_empty(ground, kind):
    layer = np.zeros((200, 200), np.uint8)
    layer[90:100, 90:100] = 255
    simulation = only(kind, coverage=(0.4, 0.4), fractal_share=0.0)
    result = clouds.simulate(ground, generator(), simulation, [layer])
    assert abs((result.opacity > 0).mean() - 0.4) <= 0.005


def test_a_cloud_layer_gives_the_cloud_its_shape():
    layer = np.tile(np.linspace(0, 255, 128, dtype=np.uint8), (128, 1))
    simulation = only("thick", coverage=(0.5, 0.5), fractal_share=0.0)
    result = clouds.simulate(np.zeros((128, 128, 3), np.float32), generator(3), simulation, [layer])
    halves = [result.opacity[:64], result.opacity[64:], result.opacity[:, :64], result.opacity[:, 64:]]
    assert max(half.mean() for half in halves) > 0.6
    assert min(half.mean() for half in halves) < 0.1


@pytest.mark.parametrize("kind", ["thin", "thick", "veil"])
def test_a_cloudy_picture_is_ground_and_colour_mixed_by_opacity(ground, kind):
    simulation = only(kind, brightness=(0.8, 0.8), veil_brightness=(0.8, 0.8), tint=(1.0, 1.0), relief=(0.0, 0.0))
    result = clouds.simulate(ground, generator(), simulation)
    expected = ground * (1 - result.opacity) + 0.8 * result.opacity
    np.testing.assert_allclose(result.aerial, expected, atol=1e-5)


def test_where_there_is_no_cloud_and_no_shadow_the_ground_is_untouched(ground):
    simulation = dataclasses.replace(only("thick"), shadow_share=1.0, blur_share=1.0)
    result = clouds.simulate(ground, generator(), simulation)
    clear = (result.opacity[..., 0] == 0) & (result.shadow[..., 0] == 0)
    np.testing.assert_allclose(result.aerial[clear], ground[clear], atol=1e-6)


def test_a_veil_has_the_mean_opacity_asked_for_and_hardly_varies():
    opacity = clouds.veil(generator(), (96, 96), 0.55)
    assert abs(opacity.mean() - 0.55) < 0.01
    assert opacity.std() < 0.1


@pytest.mark.parametrize("kind", ["thin", "veil"])
def test_thin_cloud_and_veils_let_the_ground_through_everywhere(ground, kind):
    simulation = only(kind, thin_opacity=(1.0, 1.0), veil_opacity=(1.0, 1.0))
    assert clouds.simulate(ground, generator(), simulation).opacity.max() <= 0.98 + 1e-6


def test_thick_cloud_hides_the_ground(ground):
    assert clouds.simulate(ground, generator(), only("thick", coverage=(0.6, 0.6))).opacity.max() > 0.95


@pytest.mark.parametrize("kind", ["thin", "thick", "veil"])
@pytest.mark.parametrize("seed", range(4))
def test_edges_are_soft(kind, seed):
    simulation = only(kind, coverage=(0.4, 0.4))
    opacity = clouds.simulate(np.zeros((128, 128, 3), np.float32), generator(seed), simulation).opacity[..., 0]
    steps = np.abs(np.diff(opacity, axis=0))
    assert np.quantile(steps, 0.99) < 0.5  # A hard cut is a step of nearly 1.
    assert ((opacity > 0.05) & (opacity < 0.5 * opacity.max())).mean() > (0.0 if kind == "veil" else 0.04) - 1e-9


def test_grey_stays_within_the_brightness_and_tint_asked_for(ground):
    simulation = only("veil", veil_opacity=(0.98, 0.98), veil_brightness=(0.5, 0.7), tint=(0.9, 1.1))
    for seed in range(8):
        colour = clouds.simulate(ground, generator(seed), simulation).aerial.mean(axis=(0, 1))
        assert np.all((colour > 0.43) & (colour < 0.79))


def test_ice_cloud_is_darker_in_the_first_channel(ground):
    simulation = dataclasses.replace(only("thick", coverage=(1.0, 1.0), tint=(1.0, 1.0)), ice_share=1.0)
    red, green, blue = clouds.simulate(ground, generator(), simulation).aerial.mean(axis=(0, 1))
    assert red < 0.97 * green
    assert abs(green - blue) < 0.03


def test_haze_is_strongest_in_blue():
    red, green, blue = np.moveaxis(clouds.by_wavelength(np.full((2, 2), 0.4, np.float32), 0.2), -1, 0)
    assert np.all(red < green)
    assert np.all(green < blue)


def test_haze_depth_falls_by_the_share_given_from_channel_to_channel():
    depth = -np.log1p(-clouds.by_wavelength(np.full((1, 1), 0.4, np.float32), 0.25)[0, 0])
    np.testing.assert_allclose(depth[:2] / depth[1:], 0.75, rtol=1e-4)


def test_opacity_is_the_mean_over_the_channels(ground):
    simulation = dataclasses.replace(only("veil", veil_brightness=(1.0, 1.0), tint=(1.0, 1.0)), haze_share=1.0)
    black = np.zeros_like(ground)
    result = clouds.simulate(black, generator(), simulation)
    np.testing.assert_allclose(result.aerial.mean(axis=2, keepdims=True), result.opacity, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(azimuth=st.floats(0, 360), elevation=st.floats(20, 80), height=st.floats(0, 14))
def test_a_shadow_falls_where_the_sun_puts_it(azimuth, elevation, height):
    opacity = np.zeros((128, 128), np.float32)
    cv2.circle(opacity, (64, 64), 5, 1.0, -1)
    cast = clouds.shadow(opacity, azimuth, elevation, height)
    rows, columns = np.mgrid[:128, :128]
    length = height / math.tan(math.radians(elevation))
    # The sun in the north-east: the shadow falls to the south-west, which is down and left.
    assert abs((cast * rows).sum() / cast.sum() - (64 + length * math.cos(math.radians(azimuth)))) <= 1
    assert abs((cast * columns).sum() / cast.sum() - (64 - length * math.sin(math.radians(azimuth)))) <= 1


def test_a_simulated_shadow_is_the_cloud_moved(ground):
    simulation = dataclasses.replace(
        only("thick", coverage=(0.3, 0.3)), shadow_share=1.0, shadow_depth=(0.5, 0.5),
        sun_azimuth=(90.0, 90.0), sun_elevation=(45.0, 45.0), cloud_height=(10.0, 10.0),
    )  # fmt: skip
    result = clouds.simulate(ground, generator(), simulation)
    # The sun in the east at 45 degrees: the shadow lies as far west as the cloud is high.
    moved = 0.5 * cv2.GaussianBlur(result.opacity[:, 10:, 0], (0, 0), 1.0)
    np.testing.assert_allclose(result.shadow[4:-4, 4:-14, 0], moved[4:-4, 4:-4], atol=1e-4)


def test_clouds_beyond_the_border_cast_shadows_into_the_picture():
    simulation = dataclasses.replace(
        only("thick", coverage=(0.6, 0.6)), shadow_share=1.0,
        sun_azimuth=(90.0, 90.0), sun_elevation=(45.0, 45.0), cloud_height=(20.0, 20.0),
    )  # fmt: skip
    ground = np.full((64, 64, 3), 0.5, np.float32)
    assert any(clouds.simulate(ground, generator(s), simulation).shadow[:, -10:].max() > 0.1 for s in range(4))


def test_shadow_darkens_the_ground(ground):
    simulation = dataclasses.replace(only("thick"), shadow_share=1.0)
    result = clouds.simulate(ground, generator(1), simulation)
    shaded = (result.opacity[..., 0] == 0) & (result.shadow[..., 0] > 0.1)
    np.testing.assert_allclose(result.aerial[shaded], (ground * (1 - result.shadow))[shaded], atol=1e-5)


def test_the_varying_blur_is_that_of_unfolded_patches(ground):
    opacity = wispy(generator(1), ground.shape[:2], 32.0, 0.5)
    opacity = (opacity - opacity.min()) / np.ptp(opacity)
    error = np.abs(clouds.vary_blur(ground, opacity, 2.0) - unfolded_blur(ground, opacity, 2.0))
    assert error.mean() <= 1 / 255


def test_under_even_opacity_the_varying_blur_is_one_gaussian(ground):
    blurred = clouds.vary_blur(ground, np.full(ground.shape[:2], 0.5, np.float32), 2.0)
    expected = cv2.GaussianBlur(ground, (7, 7), 1.0, borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(blurred, expected, atol=1e-5)


def test_cover_leaves_nothing_at_coverage_zero():
    assert not cover(fractal(generator(), (32, 32)), 0.0, 0.5).any()


def test_fractal_noise_has_as_much_contrast_across_as_along():
    across, along = [], []
    for seed in range(20):
        field = fractal(generator(seed), (64, 64), 32.0)
        across.append(np.square(np.diff(field, axis=1)).mean())
        along.append(np.square(np.diff(field, axis=0)).mean())
    assert 0.8 < np.mean(across) / np.mean(along) < 1.25


def test_fractal_noise_shows_no_lattice():
    # Where the octaves' grids always lay at the same places, some columns would vary more than others.
    fields = np.stack([fractal(generator(seed), (64, 64), 32.0) for seed in range(200)])
    steps = np.square(np.diff(fields, axis=2)).mean(axis=(0, 1))
    assert steps.std() / steps.mean() < 0.1


def test_a_huge_field_keeps_its_coverage(monkeypatch):
    monkeypatch.setattr("cloud_removal.data.fractal.LARGEST_DRAWN", 64)
    field = wispy(generator(), (150, 200), 100.0, 0.5)
    assert field.shape == (150, 200)
    assert abs((cover(field, 0.37, 0.5) > 0).mean() - 0.37) < 0.005


def test_a_picture_of_one_row_can_be_clouded():
    result = clouds.simulate(np.full((1, 40, 3), 0.4, np.float32), generator(), only("thick", coverage=(0.5, 0.5)))
    assert (result.opacity > 0).sum() == 20


def test_the_number_of_threads_changes_no_bit():
    ground, threads = generator(9).random((200, 220, 3), dtype=np.float32), cv2.getNumThreads()
    made = []
    try:
        for count in (1, 4):
            cv2.setNumThreads(count)
            simulation = dataclasses.replace(Simulation(), kinds=clouds.ONLY["thick"], blur_share=1.0, shadow_share=1.0)
            made.append(clouds.simulate(ground, generator(5), simulation).aerial)
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(made[0], made[1])


def test_light_adds_up_before_its_root_is_displayed(ground):
    veil = only("veil", veil_brightness=(0.8, 0.8), tint=(1.0, 1.0))
    result = clouds.simulate(ground, generator(), veil, gamma=2.0)
    expected = ground**2 * (1 - result.opacity) + 0.8**2 * result.opacity
    np.testing.assert_allclose(result.aerial**2, expected, atol=1e-5)


PALE, GREEN, GREY_GREEN = np.float32([0.75, 0.67, 0.6]), np.float32([0.4, 0.55, 0.25]), np.float32([0.4, 0.44, 0.41])


@pytest.mark.parametrize(
    "colour, contrast, dull",
    [(PALE, 0.02, True), (PALE, 0.12, False), (GREEN, 0.02, False), (GREY_GREEN, 0.02, False)],
)
def test_dull_is_dry_land_with_little_contrast_and_little_colour(colour, contrast, dull):
    picture = colour + np.float32(contrast) * generator().standard_normal((64, 64, 3), np.float32)
    assert clouds.is_dull(picture) == dull


@pytest.mark.parametrize("colour, clear", [(PALE, 10), (GREEN, 0)])
def test_dull_ground_alone_is_spared(colour, clear):
    veil = only("veil", spared=1.0)
    made = [clouds.simulate(np.full((32, 32, 3), colour), generator(seed), veil) for seed in range(10)]
    assert sum(not result.opacity.any() for result in made) == clear


def test_graded_veils_are_grey_and_as_bright_as_they_are_opaque(ground):
    veil = only("veil", graded_share=1.0, veil_opacity=(0.6, 0.6))
    result = clouds.simulate(np.zeros_like(ground), generator(), veil)
    colour = (result.aerial / result.opacity).mean(axis=(0, 1))
    np.testing.assert_allclose(colour, 0.6, rtol=0.08)
    assert np.ptp(colour) < 0.02
