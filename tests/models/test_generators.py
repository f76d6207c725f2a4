"""The completion networks, layer by layer against the tables of their sources, with base width d."""

import keras
import numpy as np
import pytest

from cloud_removal.models import blocks, generators
from cloud_removal.models.completion import GENERATORS
from tests.models.layer_path import path

D = 2
LEAKY = "leaky 0.2"


def after(convolution):
    return [convolution, "norm", LEAKY]


def flat(lists):
    return [word for words in lists for word in words]


def head(sigmoid="sigmoid"):
    return ["join", f"conv3 {D}", LEAKY, "conv3 3", sigmoid]


GLCIC = [
    "conv5 2", "conv3 4 s2", "conv3 4", "conv3 8 s2", "conv3 8", "conv3 8", "conv3 8 rate2", "conv3 8 rate4",
    "conv3 8 rate8", "conv3 8 rate16", "conv3 8", "conv3 8", "deconv4 4 s2", "conv3 4", "deconv4 2 s2", "conv3 1",
]  # fmt: skip


def test_glcic_is_the_table_of_its_paper_with_batch_norm_and_relu_after_each_but_the_last():
    network = generators.glcic(D)
    assert path(network) == [*flat([conv, "norm", "relu"] for conv in GLCIC), "conv3 3", "sigmoid"]
    assert network.input_shape[-1] == 4


def test_glcic_as_written_up_has_three_channels_and_a_tanh():
    network = generators.glcic(D, form="walkthrough")
    assert network.input_shape[-1] == 3
    assert "tanh" in path(network) and "sigmoid" not in path(network)


def test_the_correcting_network_is_glcic_without_norm_joined_with_its_encoder():
    network = generators.correction(D, "transposed")
    convolutions = [*GLCIC[:-1], f"conv3 {D}"]
    at_half, at_full = convolutions.index("conv3 4", 13), len(convolutions) - 1
    layers = flat([conv, LEAKY] for conv in convolutions)
    layers.insert(2 * at_full, "join")
    layers.insert(2 * at_half, "join")
    assert path(network)[: len(layers) + 1] == [*layers, "conv3 3"]
    skips = {name: [tensor for tensor in network.get_layer(name).input[1:]] for name in ("skip_half", "skip_full")}
    assert skips["skip_half"] == [network.get_layer("conv3_leaky").output]
    assert skips["skip_full"] == [network.get_layer("conv1_leaky").output, network.input]


def test_the_correcting_network_answers_the_smooth_fill_at_first():
    given = np.random.default_rng(0).uniform(0.01, 0.99, (1, 32, 32, 4)).astype(np.float32)
    np.testing.assert_allclose(generators.correction(D)(given), given[..., :3], atol=1e-5)


def test_the_widths_of_glcic_are_those_of_the_paper_where_none_is_asked_for():
    widths = [layer.filters for layer in GENERATORS["glcic"]().layers if hasattr(layer, "filters")]
    assert widths == [64, 128, 128, 256, 256, 256, 256, 256, 256, 256, 256, 256, 128, 128, 64, 32, 3]


def test_the_autoencoder_is_that_of_the_seed():
    expected = [
        *flat([f"conv4 {D * 2**level} s2", LEAKY] for level in range(5)),
        *4 * [f"conv3 {16 * D}", LEAKY],
        *4 * after(f"deconv3 {16 * D}"),
        *flat(after(f"deconv4 {times * D} s2") for times in (16, 8, 4, 2, 1)),
        *head(),
    ]
    assert path(generators.autoencoder(D)) == expected


def down(levels):
    return flat(["reflect", f"conv3 {D * 2**level} s2 valid", LEAKY] for level in range(levels))


def test_the_residual_network_adds_eight_units_at_a_thirty_second_and_one_at_full_size():
    network = generators.residual(D)
    up = flat(after(f"deconv3 {times * D} s2") for times in (16, 8, 4, 2, 1))
    assert path(network) == [*down(5), *8 * ["add"], *up, "add", *head()]


def test_a_unit_of_the_residual_network_grows_by_two_pixels_and_shrinks_again():
    network = generators.residual(D)
    for name, width in (("middle1", 16 * D), ("middle8", 16 * D), ("last", D)):
        kept, inner = network.get_layer(f"{name}_add").input
        unit = path(network, inner)[len(path(network, kept)) :]
        assert unit == [*after(f"deconv3 {width} valid"), f"conv3 {width} valid", "relu6"]


def test_the_dilated_network_joins_two_coarser_levels_on_the_way_up():
    network = generators.dilated(D)
    joined = [
        word
        for width, units in ((16 * D, 2), (8 * D, 3))
        for word in (*after(f"deconv3 {width} s2"), "join", f"conv3 {width}", LEAKY, *units * ["add"])
    ]
    up = flat(after(f"deconv3 {times * D} s2") for times in (8, 4, 2, 1))
    assert path(network) == [*down(6), "add", *joined, *up, f"conv3 {D}", LEAKY, *head()]


def test_the_dilated_network_joins_the_encoder_of_the_same_resolution():
    network = generators.dilated(D)
    for scale, level in ((32, 5), (16, 4)):
        assert network.get_layer(f"at{scale}_joined").input[1] is network.get_layer(f"down{level}_leaky").output


@pytest.mark.parametrize("shortcut, kept", [("identity", []), ("conv", ["conv3 64"])])
def test_a_dilated_unit_has_rate_two_and_the_shortcut_asked_for(shortcut, kept):
    network = generators.dilated(D, shortcut=shortcut)
    short, inner = network.get_layer("at64_1_add").input
    encoder = path(network, network.get_layer("down6_leaky").output)
    assert path(network, short) == encoder + kept
    assert path(network, inner) == [*encoder, "conv3 64 rate2", LEAKY, "conv3 64"]


@pytest.mark.parametrize("name", sorted(name for name in GENERATORS if not name.startswith("glcic")))
def test_the_head_sees_what_was_given_beside_the_features(name):
    network = GENERATORS[name](D)
    assert network.get_layer("head_input").input[1] is network.inputs[0]


def test_the_unet_is_the_seeds_with_the_mask_as_a_fourth_channel():
    network = generators.unet(D)
    assert network.input_shape[-1] == 4 and network.get_layer("answer").filters == 3
    assert path(network)[:2] == [f"conv4 {D} s2", LEAKY]


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("upsample, enlarged", [
    ("resize", ["repeat"]), ("bilinear", ["repeat", "symmetric", "averagepool", "averagepool"]),
])  # fmt: skip
def test_resizing_in_place_of_transposed_convolutions_repeats_or_interpolates_and_convolves(name, upsample, enlarged):
    words = path(GENERATORS[name](D, upsample=upsample))
    assert not any(word.startswith("deconv") and "s2" in word for word in words)
    assert sum(words[at : at + len(enlarged)] == enlarged for at in range(len(words))) == words.count("repeat")
    assert words.count("repeat") == sum("s2" in word for word in words)


def test_softening_what_was_repeated_is_bilinear_enlarging():
    picture = np.random.default_rng(0).random((1, 6, 8, 2), np.float32)
    softened = blocks.softened(keras.layers.UpSampling2D()(picture))
    expected = keras.layers.UpSampling2D(interpolation="bilinear")(picture)
    np.testing.assert_allclose(softened, expected, atol=1e-6)


@pytest.mark.parametrize("name", GENERATORS)
def test_any_size_that_is_a_multiple_of_the_stride_is_answered_in_float32(name):
    generator = GENERATORS[name]
    network = generator(1)
    sides = (generator.smallest, generator.smallest + generator.stride)
    answer = network(np.ones((1, *sides, network.input_shape[-1]), np.float32))
    assert answer.shape == (1, *sides, 3) and keras.backend.standardize_dtype(answer.dtype) == "float32"


@pytest.mark.parametrize("name", GENERATORS)
def test_inference_uses_the_moving_statistics(name):
    generator = GENERATORS[name]
    network = generator(1)
    given = np.random.default_rng(0).random((2, *2 * [generator.smallest], network.input_shape[-1]), np.float32)
    alone, beside = network(given[:1], training=False), network(given, training=False)
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)


@pytest.mark.parametrize("name, upsample", [
    *((name, "transposed") for name in ("glcic", "autoencoder", "residual", "dilated", "unet")), ("unet", "resize"),
])  # fmt: skip
def test_the_receptive_radius_is_as_far_as_a_change_of_one_pixel_can_be_seen(name, upsample):
    generator = GENERATORS[name]
    spread, stride = positive(generator(1, upsample)), generator.stride
    length, place = (2 * generator.receptive_radius // stride + 5) * stride, generator.receptive_radius // stride
    place = (place + 2) * stride + stride // 2
    picture = np.zeros((1, length, max(generator.smallest, 64), spread.input_shape[-1]), np.float32)
    picture[:, place, 32] = 1.0
    rows = np.flatnonzero(keras.ops.convert_to_numpy(spread(picture, training=False)).any((0, 2, 3)))
    assert rows[0] > 0 and rows[-1] < length - 1
    assert generator.receptive_radius == max(place - rows[0], rows[-1] - place)


def positive(network):
    """`network` up to its last convolution with weights that let nothing cancel."""
    for weight in network.weights:
        nothing = any(part in weight.path for part in ("bias", "beta", "moving_mean"))
        weight.assign(np.full(weight.shape, 0.0 if nothing else 0.5 if "kernel" in weight.path else 1.0))
    return keras.Model(network.input, network.get_layer("answer").output)


@pytest.mark.parametrize(
    ("name", "width"), {"glcic": 64, "glcic-walkthrough": 64, "autoencoder": 16, "residual": 32, "dilated": 32}.items()
)
def test_the_width_of_each_is_its_sources(name, width):
    assert GENERATORS[name].width == width
