"""EnlightenGAN's networks, layer by layer against the table of their source, with base width d."""

import keras
import numpy as np
import pytest

from cloud_removal.models import enlighten
from tests.models.layer_path import path

D = 2
LEAKY = "leaky 0.2"


@pytest.fixture(scope="module")
def unet():
    return enlighten.attention_unet(D)


def noise(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


def both(width):
    return 2 * [f"conv3 {width}", LEAKY, "norm"]


def answer_of(network, name, picture):
    return keras.ops.convert_to_numpy(keras.Model(network.input, network.get_layer(name).output)(picture))


def test_the_unet_is_the_table_of_its_source(unet):
    down = [word for level in range(4) for word in (*both(D * 2**level), "maxpooling2d")]
    bottom = [f"conv3 {16 * D}", LEAKY, "norm", "multiply", f"conv3 {16 * D}", LEAKY, "norm"]
    up = [word for level in (3, 2, 1) for word in ("enlarge", f"conv3 {D * 2**level}", "join", *both(D * 2**level))]
    last = ["enlarge", f"conv3 {D}", "join", f"conv3 {D}", LEAKY, "norm", f"conv3 {D}", LEAKY, "conv1 3"]
    residual = path(unet, unet.get_layer("residual").output)
    assert residual == ["multiply", "subtract", "join", *down, *bottom, *up, *last]


def test_the_widths_are_those_of_the_paper_where_none_is_asked_for():
    convolutions = [layer for layer in enlighten.attention_unet().layers if isinstance(layer, keras.layers.Conv2D)]
    down = [32, 32, 64, 64, 128, 128, 256, 256, 512, 512]
    up = [256, 256, 256, 128, 128, 128, 64, 64, 64, 32, 32, 32, 3]
    assert [layer.filters for layer in convolutions] == down + up


def test_its_batch_norms_are_those_of_its_source(unet):
    norms = [layer for layer in unet.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 17 and {(norm.epsilon, norm.momentum) for norm in norms} == {(1e-5, 0.9)}


def test_it_is_given_the_picture_from_minus_one_to_one_and_its_attention(unet):
    picture = noise(1, 16, 16, 3)
    given = answer_of(unet, "given", picture)
    np.testing.assert_allclose(given[..., :3], 2 * picture - 1, atol=1e-6)
    np.testing.assert_allclose(given[..., 3:], enlighten.attention_map(picture), atol=1e-6)


def test_attention_is_one_less_the_luminance():
    colours = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32).reshape(1, 1, 5, 3)
    attention = keras.ops.convert_to_numpy(enlighten.attention_map(colours)).ravel()
    np.testing.assert_allclose(attention, [1.0, 0.0, 0.701, 0.413, 0.886], atol=1e-6)


def test_attention_for_haze_is_the_luminance_itself():
    picture = noise(1, 4, 4, 3)
    dark, bright = enlighten.attention_map(picture), enlighten.attention_map(picture, "luminance")
    np.testing.assert_allclose(dark + bright, np.ones((1, 4, 4, 1)), atol=1e-6)


def test_attention_relative_to_the_picture_is_zero_at_its_brightest_and_one_at_its_darkest():
    picture = np.float32(0.2) + np.float32(0.3) * noise(2, 8, 8, 3)
    attention = keras.ops.convert_to_numpy(enlighten.attention_map(picture, "darkness", "picture"))
    np.testing.assert_allclose(attention.min((1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(attention.max((1, 2, 3)), 1, atol=1e-6)


def test_a_picture_of_one_colour_has_an_attention_relative_to_itself():
    attention = enlighten.attention_map(np.full((1, 4, 4, 3), 0.5, np.float32), "luminance", "picture")
    np.testing.assert_array_equal(attention, np.zeros((1, 4, 4, 1)))


@pytest.mark.parametrize("level", range(4))
def test_the_strongest_attention_of_each_square_multiplies_the_skip(unet, level):
    picture = noise(1, 32, 32, 3)
    side = 2**level
    attention = keras.ops.convert_to_numpy(enlighten.attention_map(picture))
    strongest = attention.reshape(1, 32 // side, side, 32 // side, side, 1).max((2, 4))
    skip = answer_of(unet, f"skip{level + 1}", picture)
    np.testing.assert_allclose(skip, answer_of(unet, f"down{level + 1}_b_norm", picture) * strongest, atol=1e-6)
    joined = unet.get_layer(f"up{level + 1}_joined").input[1]
    assert joined is unet.get_layer(f"skip{level + 1}").output


def test_attention_multiplies_the_bottleneck_between_its_two_convolutions(unet):
    picture = noise(1, 32, 32, 3)
    strongest = keras.ops.convert_to_numpy(enlighten.attention_map(picture)).reshape(1, 2, 16, 2, 16, 1).max((2, 4))
    attended = answer_of(unet, "bottom_attended", picture)
    np.testing.assert_allclose(attended, answer_of(unet, "bottom_a_norm", picture) * strongest, atol=1e-6)


@pytest.mark.parametrize("times_attention", [True, False])
def test_the_answer_is_the_picture_and_what_is_added_to_it_where_attention_is(times_attention):
    network, picture = enlighten.attention_unet(D, times_attention=times_attention), noise(1, 16, 16, 3)
    network.get_layer("residual").bias.assign([0.5, -0.25, 0.125])
    added = 0.5 * answer_of(network, "residual", picture)
    if times_attention:
        added = added * keras.ops.convert_to_numpy(enlighten.attention_map(picture))
    np.testing.assert_allclose(network(picture), picture + added, atol=1e-6)


def test_what_is_white_is_left_as_it_is(unet):
    white = np.ones((1, 16, 16, 3), np.float32)
    np.testing.assert_allclose(unet(white), white, atol=1e-6)


def test_any_size_that_is_a_multiple_of_sixteen_is_answered_in_float32_in_mixed_precision_too():
    keras.config.set_dtype_policy("mixed_bfloat16")
    answer = enlighten.attention_unet(1)(noise(1, 16, 48, 3))
    assert answer.shape == (1, 16, 48, 3) and keras.backend.standardize_dtype(answer.dtype) == "float32"


def test_inference_uses_the_moving_statistics(unet):
    picture = noise(2, 32, 32, 3)
    np.testing.assert_allclose(unet(picture[:1], training=False)[0], unet(picture, training=False)[0], atol=1e-5)


def test_the_receptive_radius_is_as_far_as_a_change_of_one_row_can_be_seen():
    # In float64: of the millions of ways from a row to another the outermost is one.
    keras.config.set_dtype_policy("float64")
    network = enlighten.attention_unet(1)
    for weight in network.weights:
        nothing = any(part in weight.path for part in ("bias", "beta", "moving_mean"))
        weight.assign(np.full(weight.shape, 0.0 if nothing else 1.0))
    network = keras.Model(network.input, network.get_layer("up1_b_leaky").output)
    length, first = 2 * 16 * 10, 16 * 10
    radii = []
    before = np.full((1, length, 16, 3), 0.2, np.float32)
    plain = keras.ops.convert_to_numpy(network(before, training=False))
    for place in range(first, first + enlighten.STRIDE):
        after = before.copy()
        after[:, place] = 0.9
        rows = np.flatnonzero((keras.ops.convert_to_numpy(network(after, training=False)) != plain).any((0, 2, 3)))
        assert rows[0] > 0 and rows[-1] < length - 1
        radii.append(max(place - rows[0], rows[-1] - place))
    assert max(radii) == enlighten.RECEPTIVE_RADIUS == enlighten.receptive_radius("range")


def test_attention_relative_to_the_picture_makes_each_pixel_depend_on_all_of_it():
    near, far = noise(1, 16, 320, 3) * np.float32(0.5), enlighten.attention_unet(1, normalise="picture")
    other = near.copy()
    other[:, :, -1] = 1.0
    assert np.any(keras.ops.convert_to_numpy(far(near) != far(other))[:, :, :16])
    assert enlighten.receptive_radius("picture") is None


@pytest.mark.parametrize(("halvings", "widths"), [(5, [1, 2, 4, 8, 8, 8]), (4, [1, 2, 4, 8, 8])])
def test_a_discriminator_halves_as_often_as_it_should_and_has_no_norm(halvings, widths):
    network = enlighten.discriminator(halvings, D)
    convolutions = [
        [f"conv4 {D * width}" + (" s2" if number < halvings else "") + " valid", LEAKY]
        for number, width in enumerate(widths)
    ]
    expected = [word for two in convolutions for word in ("zeros", *two)]
    assert path(network) == ["multiply", "subtract", *expected, "zeros", "conv4 1 valid"]
    assert [layer.padding for layer in network.layers if "pad" in layer.name] == len(widths + [1]) * [((2, 2), (2, 2))]


def test_the_discriminators_are_as_wide_as_the_papers():
    assert enlighten.discriminator(4).get_layer("conv1").filters == 64


@pytest.mark.parametrize(("halvings", "side", "scores"), [(5, 320, 13), (4, 32, 5)])
def test_a_discriminator_answers_by_a_map_of_scores(halvings, side, scores):
    assert enlighten.discriminator(halvings, 1)(noise(1, side, side, 3)).shape == (1, scores, scores, 1)


def test_patches_are_the_squares_at_the_corners_one_picture_after_the_other():
    picture = noise(2, 12, 10, 3)
    corners = np.array([[[0, 0], [7, 6], [3, 1]], [[2, 2], [7, 0], [0, 6]]], np.int32)
    cut = enlighten.patches(picture, corners, 4)
    expected = [picture[n, y : y + 4, x : x + 4] for n in range(2) for y, x in corners[n]]
    np.testing.assert_array_equal(cut, expected)
