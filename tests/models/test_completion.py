"""What a completion network is given, and what of its answer is used."""

import keras
import numpy as np
import pytest

from cloud_removal.models.completion import GENERATORS, composite, generator_input

MEAN = np.array([0.1, 0.2, 0.3], np.float32)


def image():
    return np.random.default_rng(0).random((2, 32, 32, 3), np.float32)


def hole(value=1.0):
    mask = np.zeros((2, 32, 32, 1), np.float32)
    mask[:, 2:5, 1:6] = value
    return mask


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("soft", [1.0, 0.3])
def test_kept_pixels_of_the_composite_are_the_pictures_bit_by_bit(soft):
    patch = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)
    completed, kept = numpy(composite(image(), patch, hole(soft))), hole()[..., 0] == 0
    np.testing.assert_array_equal(completed[kept], image()[kept])


def test_in_the_hole_the_composite_is_the_patch_bit_by_bit():
    patch = np.random.default_rng(1).random((2, 32, 32, 3), np.float32)
    inside = hole()[..., 0] == 1
    np.testing.assert_array_equal(numpy(composite(image(), patch, hole()))[inside], patch[inside])


def test_on_a_soft_edge_the_composite_is_a_mixture():
    completed = numpy(composite(np.full((1, 1, 1, 3), 0.2), np.full((1, 1, 1, 3), 0.6), np.full((1, 1, 1, 1), 0.25)))
    np.testing.assert_allclose(completed, 0.3, rtol=1e-6)


def test_what_is_not_a_number_under_the_hole_reaches_nothing():
    nodata = np.where(hole() == 1.0, np.float32(np.nan), image())
    assert np.isfinite(numpy(composite(nodata, image(), hole()))).all()
    for name in GENERATORS:
        given = numpy(generator_input(name, nodata, hole(), MEAN))
        np.testing.assert_array_equal(given, numpy(generator_input(name, image(), hole(), MEAN)))


def test_glcic_is_given_the_mean_colour_in_the_hole_and_the_mask():
    given, inside = numpy(generator_input("glcic", image(), hole(), MEAN)), hole()[..., 0] == 1
    np.testing.assert_array_equal(given[inside], np.tile([*MEAN, np.float32(1)], (inside.sum(), 1)))
    np.testing.assert_array_equal(given[~inside][:, :3], image()[~inside])
    np.testing.assert_array_equal(given[..., 3:], hole())


def test_the_write_ups_glcic_is_given_0_in_the_hole_of_a_picture_from_minus_1_to_1():
    given, inside = numpy(generator_input("glcic-walkthrough", image(), hole())), hole()[..., 0] == 1
    np.testing.assert_array_equal(given[inside], 0.0)
    np.testing.assert_allclose(given[~inside], 2.0 * image()[~inside] - 1.0, atol=1e-6)


@pytest.mark.parametrize("name", ["autoencoder", "unet"])
def test_the_seeds_first_generators_are_given_black_holes_and_the_mask(name):
    np.testing.assert_array_equal(
        numpy(generator_input(name, image(), hole())), np.concatenate([image() * (1 - hole()), hole()], axis=-1)
    )


@pytest.mark.parametrize("name", ["residual", "dilated", "dilated-shortcut"])
def test_the_seeds_later_generators_are_given_minus_1_in_the_hole(name):
    np.testing.assert_array_equal(numpy(generator_input(name, image(), hole())), image() * (1 - hole()) - hole())


@pytest.mark.parametrize("name", GENERATORS)
def test_each_generator_takes_what_is_built_for_it(name):
    assert GENERATORS[name](1).input_shape[-1] == numpy(generator_input(name, image(), hole())).shape[-1]
