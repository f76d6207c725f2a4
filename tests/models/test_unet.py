"""The seed's U-Net, layer by layer: `mod_defog`, with base width d."""

import keras
import numpy as np
import pytest
from keras import layers

from cloud_removal.models.unet import unet

D = 2


@pytest.fixture(scope="module")
def network():
    return unet(D)


def producer(tensor):
    return tensor._keras_history.operation


def test_the_way_down_is_five_conv4_of_stride_2_of_doubling_width(network):
    convs = [network.get_layer(f"down{i}_conv") for i in range(1, 6)]
    assert [(c.filters, c.kernel_size, c.strides, c.padding) for c in convs] == [
        (D * 2**i, (4, 4), (2, 2), "same") for i in range(5)
    ]


def test_the_way_down_has_leaky_relu_and_no_norm(network):
    for i in range(1, 6):
        activation = producer(network.get_layer(f"down{i}_leaky").output)
        assert producer(activation.input).name == f"down{i}_conv"


def test_the_bottleneck_is_two_residual_units_of_valid_convolution_and_transposed_convolution(network):
    for unit in ("middle1", "middle2"):
        conv, deconv = network.get_layer(f"{unit}_conv"), network.get_layer(f"{unit}_deconv")
        assert isinstance(deconv, layers.Conv2DTranspose)
        assert [(c.filters, c.kernel_size, c.strides, c.padding) for c in (conv, deconv)] == [
            (16 * D, (3, 3), (1, 1), "valid")
        ] * 2
        assert [producer(t).name.split("_", 1)[1] for t in network.get_layer(f"{unit}_add").input][1] == "out_leaky"


def test_each_step_up_is_a_transposed_conv4_then_batch_norm_then_leaky_relu(network):
    for i, width in enumerate((32, 16, 8, 4, 2), start=1):
        conv, norm = network.get_layer(f"up{i}_conv"), network.get_layer(f"up{i}_norm")
        assert isinstance(conv, layers.Conv2DTranspose)
        assert (conv.filters, conv.kernel_size, conv.strides) == (width * D, (4, 4), (2, 2))
        assert producer(norm.input) is conv
        assert producer(network.get_layer(f"up{i}_leaky").input) is norm


def test_each_step_up_takes_the_mirrored_skip(network):
    for i in range(1, 6):
        joined = network.get_layer(f"skip{i}")
        assert producer(joined.input[1]).name == f"down{6 - i}_leaky"
        assert producer(network.get_layer(f"up{i}_conv").input) is joined


def test_the_head_takes_the_picture_and_answers_in_four_channels(network):
    assert network.get_layer("head_input").input[1] is network.inputs[0]
    first, last = network.get_layer("head_conv"), network.get_layer("answer")
    assert [(c.filters, c.kernel_size) for c in (first, last)] == [(D, (3, 3)), (4, (3, 3))]


@pytest.mark.parametrize("squash, highest", [("sigmoid", 1.0), ("tanh", 1.005)])
def test_answers_stay_in_the_range_of_their_squashing(squash, highest):
    network = unet(D, squash)
    network.get_layer("answer").bias.assign([100.0] * 4)
    answer = keras.ops.convert_to_numpy(network(np.zeros((1, 96, 96, 3), np.float32)))
    np.testing.assert_allclose(answer, highest, atol=1e-5)


def test_the_mask_of_the_second_stage_reaches_every_level_of_the_encoder():
    network = unet(D, outputs=3, mask=True)
    for i in range(1, 6):
        assert network.get_layer(f"down{i}_conv").input.shape[-1] == (3 if i == 1 else D * 2 ** (i - 2)) + 1


def test_inference_uses_the_moving_statistics(network):
    picture = np.random.default_rng(0).random((2, 96, 96, 3), dtype=np.float32)
    alone, beside = network(picture[:1], training=False), network(picture, training=False)
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-6)
