"""The generator of CycleGAN, layer by layer against section 7.2 of its paper, with base width d."""

import numpy as np
import pytest
from keras import layers

from cloud_removal.models import resnet
from tests.models.layer_path import path

D = 2


def normed(*convolution):
    return [*convolution, "instance norm", "relu"]


def reflected(convolution):
    return ["reflect", f"{convolution} valid"]


BEFORE = [*normed(*reflected(f"conv7 {D}")), *normed(f"conv3 {2 * D} s2"), *normed(f"conv3 {4 * D} s2")]
AFTER = [*normed(f"deconv3 {2 * D} s2"), *normed(f"deconv3 {D} s2"), *reflected("conv7 3"), "tanh"]


@pytest.mark.parametrize("blocks", [6, 9])
def test_the_generator_is_that_of_the_paper(blocks):
    assert path(resnet.resnet(D, blocks)) == [*BEFORE, *blocks * ["add"], *AFTER]


@pytest.mark.parametrize("name", ["block1", "block6"])
def test_a_residual_block_is_two_reflected_conv3_with_instance_norm_and_no_relu_after_the_second(name):
    network = resnet.resnet(D, 6)
    kept, inner = network.get_layer(f"{name}_add").input
    block = path(network, inner)[len(path(network, kept)) :]
    convolution = reflected(f"conv3 {4 * D}")
    assert block == [*normed(*convolution), *convolution, "instance norm"]


def test_a_reflected_border_is_as_wide_as_half_the_kernel():
    network = resnet.resnet(D, 1)
    pads = [pad.pad_width[1:3] for pad in network.operations if type(pad).__name__ == "Pad"]
    assert pads == [((3, 3), (3, 3)), ((1, 1), (1, 1)), ((1, 1), (1, 1)), ((3, 3), (3, 3))]


def test_the_widths_are_those_of_the_paper_where_none_is_asked_for():
    widths = [layer.filters for layer in resnet.resnet().layers if hasattr(layer, "filters")]
    assert widths == [64, 128, 256, *18 * [256], 128, 64, 3]


@pytest.mark.parametrize("size, blocks", [(64, 6), (128, 6), (255, 6), (256, 9), (512, 9)])
def test_the_paper_takes_six_blocks_and_from_256_px_on_nine(size, blocks):
    assert resnet.usual_blocks(size) == blocks


def test_the_norm_is_over_each_picture_and_channel_alone():
    norms = [layer for layer in resnet.resnet(D, 1).layers if isinstance(layer, layers.GroupNormalization)]
    assert len(norms) == 7 and all(norm.groups == norm.gamma.shape[0] for norm in norms)


def test_the_first_weights_are_normal_with_a_deviation_of_0_02():
    network = resnet.resnet(16, 2)
    kernels = [layer.kernel.numpy() for layer in network.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 10
    assert all(kernel.std() == pytest.approx(0.02, rel=0.1) for kernel in kernels)


def test_pixels_can_be_repeated_and_convolved_instead_which_leaves_no_checkerboard():
    repeated = [word for times in (2, 1) for word in normed("repeat", f"conv3 {times * D}")]
    assert path(resnet.resnet(D, 1, "resize")) == [*BEFORE, "add", *repeated, *AFTER[-3:]]


@pytest.mark.parametrize("height, width", [(resnet.SMALLEST, resnet.SMALLEST), (12, 20)])
def test_the_answer_is_a_picture_of_the_same_size_between_minus_1_and_1(height, width):
    picture = np.random.default_rng(0).uniform(-1, 1, (2, height, width, 3)).astype(np.float32)
    answer = np.asarray(resnet.resnet(D, 6)(picture))
    assert answer.shape == picture.shape and answer.dtype == np.float32
    assert -1 <= answer.min() < answer.max() <= 1


def test_a_picture_is_answered_alike_whatever_else_is_in_the_batch():
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    network = resnet.resnet(D, 2)
    np.testing.assert_allclose(network(pictures)[:1], network(pictures[:1]), atol=1e-5)
