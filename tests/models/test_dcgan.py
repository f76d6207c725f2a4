"""DCGAN, layer by layer against figure 1 and the guidelines of its paper."""

import keras
import numpy as np
import pytest

from cloud_removal.models import dcgan
from tests.models.layer_path import path

LEAKY = "leaky 0.2"


def convolutions(network):
    return [word for word in path(network) if "conv" in word]


def built(size=64, width=4, **options):
    return dcgan.generator(size, width), dcgan.discriminator(size, width, **options)


def values(network, word):
    return np.concatenate([v.numpy().ravel() for v in network.trainable_variables if v.path.endswith(word)])


def test_the_generator_is_that_of_figure_1():
    middle = [word for width in (512, 256, 128) for word in (f"deconv4 {width} s2", "norm", "relu")]
    first = ["reshape", "deconv4 1024 valid", "norm", "relu"]
    assert path(dcgan.generator(64)) == [*first, *middle, "deconv4 3 s2", "activation"]


def test_the_discriminator_mirrors_it():
    words = [word for width in (256, 512, 1024) for word in (f"conv4 {width} s2", "norm", LEAKY)]
    assert path(dcgan.discriminator(64)) == ["conv4 128 s2", LEAKY, *words, "conv4 1 valid", "reshape"]


@pytest.mark.parametrize(("size", "widths"), [(128, (8, 8, 4, 2, 1)), (256, (8, 8, 8, 4, 2, 1))])
def test_larger_pictures_have_more_layers_of_8n(size, widths):
    generator, discriminator = built(size, 1)
    assert convolutions(generator)[1:] == [*(f"deconv4 {width} s2" for width in widths[1:]), "deconv4 3 s2"]
    assert convolutions(discriminator)[:-1] == [f"conv4 {width} s2" for width in reversed(widths)]


@pytest.mark.parametrize(("size", "first"), [(16, 4), (64, 4), (128, 4), (256, 4), (96, 6), (160, 5)])
def test_noise_becomes_pictures_of_the_size_and_they_one_answer_each(size, first):
    generator, discriminator = built(size, 1)
    assert generator.get_layer("project_conv").output.shape == (
        None,
        first,
        first,
        generator.get_layer("project_conv").filters,
    )
    assert generator.output_shape == discriminator.input_shape == (None, size, size, 3)
    assert discriminator.output_shape == (None, 1)


def test_there_is_no_pooling_and_no_dense_layer():
    for network in built():
        assert not [layer for layer in network.layers if isinstance(layer, keras.layers.Dense) or "pool" in layer.name]


def test_pictures_are_from_minus_1_to_1():
    generator, _ = built()
    generator.get_layer("picture_conv").kernel.assign(1e6 * generator.get_layer("picture_conv").kernel)
    pictures = np.asarray(generator(np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)))
    assert -1.0 <= pictures.min() < -0.5 and 0.5 < pictures.max() <= 1.0


def test_first_weights_have_deviation_0_02_and_the_scales_of_norms_lie_about_1():
    for network in built(width=16):
        kernels, scales = values(network, "kernel"), values(network, "gamma")
        assert (kernels.mean(), kernels.std()) == (pytest.approx(0.0, abs=1e-3), pytest.approx(0.02, rel=0.02))
        assert (scales.mean(), scales.std()) == (pytest.approx(1.0, abs=0.01), pytest.approx(0.02, rel=0.3))


def test_only_the_outermost_convolutions_have_a_bias():
    biased = [layer.name for net in built() for layer in net.layers if getattr(layer, "use_bias", False)]
    assert biased == ["picture_conv", "down1_conv", "logit"]


def test_with_layer_norm_an_answer_depends_on_its_own_picture_alone():
    _, critic = built(16, 2, norm="layer")
    pictures = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)).astype(np.float32)
    together, alone = critic(pictures, training=True), critic(pictures[:1], training=True)
    np.testing.assert_allclose(together[:1], alone, atol=1e-6)
    assert not critic.non_trainable_variables


def test_layer_norm_is_over_all_values_of_a_picture_with_a_scale_for_each_channel():
    _, critic = built(16, 2, norm="layer")
    norm = critic.get_layer("down2_norm")
    x = np.random.default_rng(0).normal(3.0, 2.0, (2, 4, 4, 4)).astype(np.float32)
    norm.gamma.assign(np.ones(4))
    normed = np.asarray(norm(x))
    expected = (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(normed, expected, atol=1e-4)
    assert norm.gamma.shape == (4,)
