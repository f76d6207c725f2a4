"""VGG16 to relu5_1 as Keras has it; of its weights only random ones are verified here, and how files are read."""

import h5py
import keras
import numpy as np
import pytest

from cloud_removal.errors import OptionError
from cloud_removal.models import features
from tests.models.layer_path import path

CONVOLUTIONS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512)


def narrow(include_top, weights):
    """A network with layers called as those of VGG16, of few weights."""
    assert not include_top and weights is None
    x = picture = keras.Input((None, None, 3))
    for name in ("block4_conv3", features.LAYER, "block5_conv2"):
        x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name=name)(x)
    return keras.Model(picture, x)


def values(network):
    return [keras.ops.convert_to_numpy(weight) for weight in network.weights]


def drawn(seed):
    network = narrow(False, None)
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        weight.assign(rng.random(weight.shape))
    return network


def assert_equal(one, other):
    assert len(one) == len(other)
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def vgg():
    return features.vgg16("random", seed=3)


def test_it_is_vgg16_up_to_the_first_convolution_after_the_fourth_pooling(vgg):
    expected = [f"conv3 {width}" if width != "pool" else "maxpooling2d" for width in CONVOLUTIONS]
    assert path(vgg) == expected
    last = vgg.layers[-1]
    assert last.name == "block5_conv1" and last.activation is keras.activations.relu
    assert vgg.output_shape == (None, None, None, 512)


def test_it_is_never_trained(vgg):
    assert vgg.trainable_variables == [] and len(vgg.weights) == 22


def test_random_weights_are_a_function_of_the_seed(vgg):
    assert_equal(values(vgg), values(features.vgg16("random", seed=3)))
    other = values(features.vgg16("random", seed=4))
    assert all(np.any(a != b) for a, b in zip(values(vgg), other, strict=True) if a.ndim == 4)


def test_random_weights_keep_what_differs_between_pictures(vgg):
    rng = np.random.default_rng(0)
    one, other = (rng.random((1, 32, 32, 3), np.float32) for _ in range(2))
    assert float(features.feature_difference(vgg, one, one)) == 0.0
    assert float(features.feature_difference(vgg, one, other)) > 0.1


def test_pictures_are_prepared_as_keras_prepares_them_for_vgg16():
    picture = np.random.default_rng(0).random((2, 4, 5, 3), np.float32)
    expected = keras.applications.vgg16.preprocess_input(255.0 * picture)
    np.testing.assert_allclose(features.prepared(picture), expected, atol=1e-4)


def test_features_are_normalised_by_picture_and_channel():
    given = np.random.default_rng(0).normal(3.0, 5.0, (2, 6, 7, 4)).astype(np.float32)
    found = keras.ops.convert_to_numpy(features.instance_normalised(given))
    np.testing.assert_allclose(found.mean((1, 2)), np.zeros((2, 4)), atol=1e-5)
    np.testing.assert_allclose(found.std((1, 2)), np.ones((2, 4)), atol=1e-4)


def test_the_difference_is_the_mean_square_of_the_normalised_features():
    def network(x, training):
        assert training is False
        return x

    one, other = np.random.default_rng(0).random((2, 1, 6, 7, 3), np.float32)
    scaled = [np.array(features.prepared(picture)) for picture in (one, other)]
    normal = [(x - x.mean((1, 2), keepdims=True)) / x.std((1, 2), keepdims=True) for x in scaled]
    expected = np.mean((normal[0] - normal[1]) ** 2)
    assert float(features.feature_difference(network, one, other)) == pytest.approx(expected, rel=1e-4)


def test_a_file_as_keras_publishes_it_is_read(tmp_path):
    source = drawn(1)
    source.save(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "whole.h5") as whole, h5py.File(tmp_path / "weights.h5", "w") as weights:
        for name in whole["model_weights"]:
            whole.copy(f"model_weights/{name}", weights)
        weights.attrs.update(whole["model_weights"].attrs)
    for name in ("whole.h5", "weights.h5"):
        read = features.vgg16(str(tmp_path / name), build=narrow)
        assert_equal(values(read), values(source)[:4])


def test_a_file_of_weights_that_keras_saved_is_read(tmp_path):
    source = drawn(2)
    source.save_weights(tmp_path / "vgg.weights.h5")
    read = features.vgg16(str(tmp_path / "vgg.weights.h5"), build=narrow)
    assert_equal(values(read), values(source)[:4])


def test_weights_of_the_real_network_are_read_from_a_file(vgg, tmp_path):
    whole = keras.applications.VGG16(include_top=False, weights=None)
    whole.save(tmp_path / "vgg16.h5")
    assert_equal(values(features.vgg16(str(tmp_path / "vgg16.h5"))), values(whole)[:22])


def test_a_file_that_lacks_a_layer_is_refused_by_its_name(tmp_path):
    source = drawn(1)
    other = keras.Model(source.input, source.get_layer("block4_conv3").output)
    other.save(tmp_path / "other.h5")
    with pytest.raises(OptionError, match="has no weights for block5_conv1/kernel") as refused:
        features.vgg16(str(tmp_path / "other.h5"), build=narrow)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["vgg.h5", "vgg.weights.h5"])
def test_a_file_that_is_none_of_weights_is_refused_in_one_line(name, tmp_path):
    (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(OptionError, match=f"--vgg .*{name} cannot be read.*Give --vgg FILE") as refused:
        features.vgg16(str(tmp_path / name), build=narrow)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused_in_one_line(tmp_path):
    with pytest.raises(OptionError, match="there is no such file.*imagenet, random, or a file") as refused:
        features.vgg16(str(tmp_path / "vgg.h5"), build=narrow)
    assert "\n" not in str(refused.value)


def test_weights_that_keras_cannot_download_are_asked_for_as_a_file_in_one_line():
    def unreachable(include_top, weights):
        assert (include_top, weights) == (False, "imagenet")
        raise Exception("URL fetch failure on https://storage.googleapis.com/…: None\n-- Name or service not known")

    with pytest.raises(OptionError, match="--vgg imagenet: Keras could not .*URL fetch.*Give --vgg FILE") as refused:
        features.vgg16("imagenet", build=unreachable)
    assert "\n" not in str(refused.value)
