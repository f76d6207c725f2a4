"""The generator of pix2pix against the table of its paper, section 6.1.1, with base width d."""

import keras
import numpy as np
import pytest
from keras import layers

from cloud_removal.models import pix2pix
from tests.models.layer_path import path

LEAKY = "leaky 0.2"


def flat(lists):
    return [word for words in lists for word in words]


def expected(width, levels, norm, dropped):
    widths = [width * times for times in (1, 2, 4, 8, 8, 8, 8, 8)[:levels]]
    inner = [[f"conv4 {w} s2", *norm, LEAKY] for w in widths[1:-1]]
    up = [
        [f"deconv4 {w} s2", *norm, *(["dropout"] if number < dropped else []), "relu", "join"]
        for number, w in enumerate(reversed(widths[:-1]))
    ]
    ends = [f"conv4 {widths[0]} s2", LEAKY], [f"conv4 {widths[-1]} s2", LEAKY]
    return [*ends[0], *flat(inner), *ends[1], *flat(up), "deconv4 3 s2", "tanh"]


@pytest.fixture(scope="module")
def full():
    """As at 256 pixels, but of width 1."""
    return pix2pix.generator(1)


@pytest.mark.parametrize("norm, word", [("batch", "norm"), ("instance", "instance norm")])
def test_the_generator_is_the_table_of_its_paper(norm, word):
    assert path(pix2pix.generator(norm=norm, width=2)) == expected(2, 8, [word], 3)


def test_three_layers_drop_half_of_their_features(full):
    assert [layer.rate for layer in full.layers if isinstance(layer, layers.Dropout)] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("levels, dropped", [(7, 3), (6, 2), (5, 1)])
def test_with_fewer_levels_only_layers_of_the_widest_drop_features(levels, dropped):
    assert path(pix2pix.generator(1, levels)) == expected(1, levels, ["instance norm"], dropped)


def test_each_resolution_of_the_encoder_is_joined_to_the_same_of_the_decoder(full):
    for number in range(1, 8):
        joined = full.get_layer(f"skip{number}").input
        assert joined[1] is full.get_layer(f"down{8 - number}_leaky").output
        assert joined[0] is full.get_layer(f"up{number}_relu").output


def test_a_convolution_has_a_bias_where_no_norm_follows():
    network = pix2pix.generator(1, 4)
    biased = {layer.name for layer in network.layers if getattr(layer, "use_bias", False)}
    assert biased == {"down1_conv", "down4_conv", "answer"}


def test_the_first_weights_are_normal_with_deviation_two_hundredths():
    keras.utils.set_random_seed(0)
    for weight in pix2pix.generator(16, 5).weights:
        if "kernel" in weight.path and np.prod(weight.shape) > 10_000:
            assert np.std(weight) == pytest.approx(0.02, rel=0.03), weight.path
            assert np.abs(weight).max() > 0.06, weight.path  # Not cut off at two deviations.


def test_the_answer_is_in_minus_one_to_one_of_the_pictures_size_in_float32():
    picture = np.random.default_rng(0).uniform(-1, 1, (2, 32, 64, 3)).astype(np.float32)
    network = pix2pix.generator(2, 4)
    answer = network(100.0 * picture)
    assert answer.shape == picture.shape and np.abs(answer).max() <= 1.0
    assert keras.backend.standardize_dtype(answer.dtype) == "float32"


def test_dropout_is_noise_in_training_and_none_at_inference():
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    network = pix2pix.generator(4, 5)
    network.get_layer("answer").kernel.assign(10.0 * network.get_layer("answer").kernel)
    noisy, quiet = ([network(picture, training=training) for _ in range(2)] for training in (True, False))
    np.testing.assert_array_equal(*quiet)
    assert np.abs(noisy[0] - noisy[1]).max() > 0


def test_at_256_pixels_one_pixel_is_left_of_which_a_norm_would_leave_nothing(full):
    bottleneck = keras.Model(full.input, full.get_layer("down8_leaky").output)
    code = bottleneck(np.random.default_rng(0).random((1, 256, 256, 3), np.float32))
    assert code.shape == (1, 1, 1, 8) and np.any(code)


@pytest.mark.parametrize("levels", [2, 4])
def test_with_batch_norm_the_receptive_radius_is_as_far_as_a_change_of_one_pixel_can_be_seen(levels):
    network = pix2pix.generator(1, levels, "batch")
    for weight in network.weights:
        nothing = any(part in weight.path for part in ("bias", "beta", "moving_mean"))
        weight.assign(np.full(weight.shape, 0.0 if nothing else 0.5 if "kernel" in weight.path else 1.0))
    spread, stride = keras.Model(network.input, network.get_layer("answer").output), 2**levels
    seen = []
    for place in range(4 * stride, 5 * stride):
        picture = np.zeros((1, 9 * stride, stride, 3), np.float32)
        picture[:, place, stride // 2] = 1.0
        rows = np.flatnonzero(np.any(spread(picture, training=False), axis=(0, 2, 3)))
        assert rows[0] > 0 and rows[-1] < 9 * stride - 1
        seen += [place - rows[0], rows[-1] - place]
    assert max(seen) == pix2pix.receptive_radius(levels)
