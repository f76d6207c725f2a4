"""The noise that a network makes texture of."""

import numpy as np
from keras import ops

from cloud_removal.models.generators import correction
from cloud_removal.models.noise import OCTAVES, PERIOD, Grain, bands


def strengths(height, width, *values):
    return np.broadcast_to(np.array(values, np.float32), (1, height, width, 3 * OCTAVES))


def grain(values):
    return ops.convert_to_numpy(Grain()(values))


def test_each_band_has_mean_0_and_deviation_1():
    noise = bands()
    assert noise.shape == (1, PERIOD, PERIOD, OCTAVES) and noise.dtype == np.float32
    np.testing.assert_allclose(noise.mean(axis=(1, 2)), 0.0, atol=1e-5)
    np.testing.assert_allclose(noise.std(axis=(1, 2)), 1.0, atol=1e-5)


def test_each_band_varies_at_half_the_frequency_of_the_one_before():
    noise = bands()[0]
    power = np.square(np.abs(np.fft.fft2(noise, axes=(0, 1))))
    distance = np.hypot(np.fft.fftfreq(PERIOD)[:, None], np.fft.fftfreq(PERIOD)[None])[..., None]
    middle = (power * distance).sum(axis=(0, 1)) / power.sum(axis=(0, 1))
    np.testing.assert_allclose(middle[:-1] / middle[1:], 2.0, rtol=0.1)


def test_the_noise_is_as_strong_as_asked_for_in_each_channel():
    values = [0.1, 0.2, 0.3] + [0.0] * 3 * (OCTAVES - 1)
    np.testing.assert_allclose(grain(strengths(PERIOD, PERIOD, *values)).std(axis=(0, 1, 2)), values[:3], rtol=1e-4)


def test_the_same_place_of_a_scene_has_the_same_noise_in_every_window_that_begins_at_the_period():
    scene = np.random.default_rng(1).random((1, 2 * PERIOD, 3 * PERIOD, 3 * OCTAVES), np.float32)
    window = np.s_[:, PERIOD:, PERIOD : 3 * PERIOD]
    np.testing.assert_array_equal(grain(scene)[window], grain(scene[window]))


def test_the_noise_of_a_correction_begins_faint_and_learns_its_strength_of_each_place():
    given = np.full((1, PERIOD, PERIOD, 4), 0.5, np.float32)
    network = correction(2, grain=True)
    plain, noisy = (ops.convert_to_numpy(net(given)) for net in (correction(2), network))
    assert 0.2 < 255.0 * (noisy - plain).std() < 3.0
    _, bias = network.get_layer("strengths").weights
    bias.assign(bias + 3.0)
    assert (ops.convert_to_numpy(network(given)) - plain).std() > 5.0 * (noisy - plain).std()
