"""The discriminators, layer by layer against the tables of their sources, and what they are given."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.models.discriminators import (
    DISCRIMINATORS,
    discriminator_input,
    local_window,
    patch,
    smallest_patched,
)
from tests.models.layer_path import path

LEAKY = "leaky 0.2"
SIZE = 64


def build(name, size=SIZE, width=2, norm=None):
    return DISCRIMINATORS[name](size, width, norm)


def branch(network, number):
    """The words of one of the two branches, before they are joined."""
    join = network.get_layer("joined")
    return path(network, join.input[number])


def widths(words):
    return [int(word.split()[1]) for word in words if word.startswith("conv5")]


def kernel(network, name):
    return network.get_layer(name).kernel


@pytest.mark.parametrize("size, number, expected", [
    (256, 0, [1, 2, 4, 8, 8, 8]), (256, 1, [1, 2, 4, 8, 8]), (128, 0, [1, 2, 4, 8, 8]), (128, 1, [1, 2, 4, 8]),
])  # fmt: skip
def test_glcic_has_as_many_convolutions_as_bring_the_picture_to_4_pixels(size, number, expected):
    network = build("glcic", size, width=1)
    assert widths(branch(network, number)) == expected
    assert network.get_layer("joined").input[number]._keras_history.operation.input.shape[-1] == 16
    before_dense = network.get_layer(f"{('picture', 'local')[number]}_flat").input.shape
    assert before_dense[1:3] == (4, 4)


def test_each_convolution_of_glcic_is_five_wide_of_stride_two_then_batch_norm_and_relu():
    words = branch(build("glcic", 128, width=1), 0)
    convolutions = [[f"conv5 {width} s2", "norm", "relu"] for width in (1, 2, 4, 8, 8)]
    assert words == [*(word for three in convolutions for word in three), "flat", "dense 16", "relu"]


def test_glcic_joins_both_branches_and_ends_in_one_logit():
    network = build("glcic")
    assert path(network)[-2:] == ["join", "dense 1"] and network.get_layer("joined").output.shape[-1] == 2 * 32
    assert [shape[1:] for shape in network.input_shape] == [(64, 64, 3), (32, 32, 3)]


def test_the_default_widths_of_glcic_are_those_of_the_paper():
    assert DISCRIMINATORS["glcic"].width == 64 and build("glcic", 32, 64).get_layer("local_dense").units == 1024


@pytest.mark.parametrize("number", [0, 1])
def test_the_masked_discriminator_has_five_conv4_without_norm_in_each_branch(number):
    words = branch(build("masked"), number)
    assert words == [*(w for level in range(5) for w in (f"conv4 {2 * 2**level} s2", LEAKY)), "flat"]


def test_the_masked_discriminator_ends_in_a_dense_layer_of_width_d_and_one_logit():
    assert path(build("masked"))[-4:] == ["join", "dense 2", LEAKY, "dense 1"]


def test_the_two_branches_of_the_masked_discriminator_do_not_share_weights():
    network = build("masked")
    assert kernel(network, "picture1_conv") is not kernel(network, "inside1_conv")


def test_the_global_discriminator_is_the_masked_one_without_its_second_look():
    network = build("global")
    assert path(network) == [*branch(build("masked"), 0), "dense 2", LEAKY, "dense 1"]
    picture = np.ones((1, 8, 8, 3), np.float32)
    (given,) = discriminator_input("global", picture, np.zeros((1, 8, 8, 1), np.float32), None)
    np.testing.assert_array_equal(given, picture)


def test_the_map_is_an_autoencoder_with_a_value_for_each_pixel():
    up = [w for level in reversed(range(5)) for w in (f"deconv4 {2 * 2**level} s2", "norm", LEAKY)]
    down = [w for level in range(5) for w in (f"conv4 {2 * 2**level} s2", LEAKY)]
    network = build("map")
    assert path(network) == [*down, *up, "join", "conv3 2", LEAKY, "conv3 1"]
    assert network(np.zeros((1, 32, 64, 3), np.float32)).shape == (1, 32, 64, 1)


FIELDS = {
    1: (["conv1 64 valid"], ["conv1 128 valid"]),
    16: (["conv4 64 s2 valid"], ["conv4 128 valid"]),
    70: (["conv4 64 s2 valid"], ["conv4 128 s2 valid"], ["conv4 256 s2 valid"], ["conv4 512 valid"]),
    286: (["conv4 64 s2 valid"], ["conv4 128 s2 valid"], ["conv4 256 s2 valid"], ["conv4 512 s2 valid"],
          ["conv4 512 s2 valid"], ["conv4 512 valid"]),
}  # fmt: skip


@pytest.mark.parametrize("norm, word", [("batch", ["norm"]), ("instance", ["instance norm"]), (None, [])])
@pytest.mark.parametrize("field", FIELDS)
def test_a_patch_discriminator_is_the_table_of_its_paper_with_norm_on_all_but_first_and_last(field, norm, word):
    zeros = ["zeros"] if field > 1 else []
    expected = []
    for number, convolution in enumerate(FIELDS[field]):
        expected += [*zeros, *convolution, *(word if number else []), LEAKY]
    last = "conv4 1 valid" if field > 1 else "conv1 1 valid"
    assert path(patch(64, field, norm)) == [*expected, *zeros, last]


@pytest.mark.parametrize("field", FIELDS)
def test_the_receptive_field_computed_from_the_layers_is_what_the_discriminator_is_called(field):
    seen = 1
    for layer in reversed(patch(1, field).layers):
        if isinstance(layer, keras.layers.Conv2D):
            seen = (seen - 1) * layer.strides[0] + layer.kernel_size[0]
    assert seen == field


@pytest.mark.parametrize("field", FIELDS)
def test_one_logit_depends_on_as_many_pixels_as_the_discriminator_is_called_by(field):
    network = patch(1, field, norm=None)
    for weight in network.weights:
        weight.assign(np.full(weight.shape, float("kernel" in weight.path)))
    picture = tf.ones((1, 640, 640, 3))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        answer = network(picture)
        middle = answer[0, answer.shape[1] // 2, answer.shape[2] // 2, 0]
    assert np.count_nonzero(tape.gradient(middle, picture)[0, ..., 0]) == field * field


@pytest.mark.parametrize("field", FIELDS)
def test_the_smallest_side_of_a_patch_discriminator_gives_one_logit(field):
    network, side = patch(1, field), smallest_patched(field)
    assert network.compute_output_shape([(1, side, side, 3)]) == (1, 1, 1, 1)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_the_first_weights_of_a_patch_discriminator_are_normal_with_deviation_two_hundredths(norm):
    keras.utils.set_random_seed(0)
    kernels = np.concatenate([w.numpy().ravel() for w in patch(64, 70, norm).weights if "kernel" in w.path])
    assert kernels.std() == pytest.approx(0.02, rel=0.01) and abs(kernels.mean()) < 1e-4


def test_a_conditional_discriminator_takes_both_pictures_as_six_channels():
    assert patch(1, 70, channels=6).inputs[0].shape == (None, None, None, 6)


def test_in_training_with_one_picture_instance_norm_is_batch_norm():
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    answers = []
    for norm in ("batch", "instance"):
        keras.utils.set_random_seed(0)
        answers.append(patch(4, 70, norm)(picture, training=True))
    np.testing.assert_allclose(*answers, atol=1e-5)


def test_the_answers_at_256_pixels_are_30_by_30_patches():
    assert DISCRIMINATORS["patch"](256, 1).compute_output_shape([(1, 256, 256, 3)]) == (1, 30, 30, 1)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_without_norm_there_is_no_batch_norm_anywhere(name):
    network = build(name, norm=False)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
    assert not network.non_trainable_variables


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_convolution_has_a_bias_where_no_norm_follows(name):
    for norm in (False, True):
        network = build(name, norm=norm)
        normed = {layer.input._keras_history.operation.name for layer in network.layers if "norm" in layer.name}
        for layer in network.layers:
            if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose):
                assert layer.use_bias == (layer.name not in normed)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_it_answers_what_is_made_for_it_in_float32(name):
    random = np.random.default_rng(0)
    picture, window = random.random((2, SIZE, SIZE, 3), np.float32), np.array([[0, 3], [32, 1]], np.float32)
    answer = build(name)(discriminator_input(name, picture, np.ones((2, SIZE, SIZE, 1), np.float32), window))
    assert answer.shape[0] == 2 and answer.shape[-1] == 1
    assert keras.backend.standardize_dtype(answer.dtype) == "float32"


def test_the_local_window_is_cut_where_it_is_said_for_each_picture():
    picture = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    cut = local_window(picture, np.array([[0, 4], [3, 1]], np.float32))
    np.testing.assert_array_equal(cut, np.stack([picture[0, 0:4, 4:8], picture[1, 3:7, 1:5]]))


def test_the_gradient_of_the_local_window_reaches_the_picture_where_it_was_cut():
    picture = tf.ones((1, 8, 8, 3))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        total = tf.reduce_sum(local_window(picture, np.array([[1, 3]], np.float32)))
    expected = np.zeros((1, 8, 8, 3), np.float32)
    expected[:, 1:5, 3:7] = 1.0
    np.testing.assert_array_equal(tape.gradient(total, picture), expected)


def test_the_masked_discriminator_is_given_nothing_but_the_hole_beside_the_picture():
    picture, hole = np.random.default_rng(0).random((1, 8, 8, 3), np.float32), np.zeros((1, 8, 8, 1), np.float32)
    hole[:, 2:4, 3:6] = 1.0
    whole, inside = discriminator_input("masked", picture, hole, None)
    np.testing.assert_array_equal(whole, picture)
    np.testing.assert_array_equal(inside, np.where(hole == 1.0, picture, 0.0))


@pytest.mark.parametrize(("name", "width"), {"glcic": 64, "masked": 16, "global": 16, "map": 32, "patch": 64}.items())
def test_the_width_of_each_is_its_sources(name, width):
    assert DISCRIMINATORS[name].width == width
