"""The fall of power with detail, on noise whose spectrum is known."""

import numpy as np
import pytest

from cloud_removal.evaluation.spectrum import fine_share, radial_power, spectrum_slope

SIDE = 128


def noise(exponent, seed=0, side=SIDE):
    """A grey picture (S, S, 3) whose power goes as frequency^exponent."""
    waves = np.fft.fft2(np.random.default_rng(seed).standard_normal((side, side)))
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    frequency[0, 0] = 1.0
    surface = np.fft.ifft2(waves * frequency ** (exponent / 2)).real
    return np.repeat(0.5 + 0.1 * (surface / surface.std())[..., None], 3, axis=-1)


@pytest.mark.parametrize("exponent", [0.0, -1.0, -2.0, -3.0])
def test_the_exponent_of_noise_is_found(exponent):
    found = np.mean([spectrum_slope(noise(exponent, seed)) for seed in range(4)])
    assert found == pytest.approx(exponent, abs=0.15)


def test_brightness_and_contrast_do_not_change_the_exponent():
    picture = noise(-2.0)
    assert spectrum_slope(0.3 * picture + 0.2) == pytest.approx(spectrum_slope(picture), abs=1e-6)


def test_power_of_a_wave_stands_at_its_number_of_periods():
    wave = np.sin(2 * np.pi * 10 * np.arange(SIDE) / SIDE)
    assert radial_power(np.broadcast_to(wave[:, None, None], (SIDE, SIDE, 3))).argmax() + 1 == 10


def test_a_ramp_whose_ends_do_not_fit_together_has_no_power_in_detail():
    ramp = np.broadcast_to(np.linspace(0, 1, SIDE)[:, None, None], (SIDE, SIDE, 3))
    assert fine_share(ramp) < 1e-5


def test_all_power_of_a_checkerboard_is_fine_and_none_of_a_broad_wave():
    board = np.indices((SIDE, SIDE)).sum(axis=0) % 2
    wave = np.sin(2 * np.pi * 4 * np.arange(SIDE) / SIDE)
    pictures = (np.repeat(p[..., None], 3, axis=-1) for p in (board, np.broadcast_to(wave, (SIDE, SIDE))))
    assert [fine_share(picture) for picture in pictures] == [pytest.approx(1.0, abs=0.01), pytest.approx(0.0, abs=1e-4)]


def test_a_flat_picture_has_neither():
    flat = np.full((32, 32, 3), 0.5)
    assert np.isnan(spectrum_slope(flat)) and np.isnan(fine_share(flat))
