"""What lies in a model folder for TensorFlow Serving is what its own protos read."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.export.server_files import WARM_UP, write_configuration, write_warm_up

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed (requirements-dev.txt)")


@pytest.fixture(scope="module")
def requests(exported):
    """The warm-up requests by signature, parsed."""
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(exported / WARM_UP)).as_numpy_iterator()
    logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    found = [log.predict_log.request for log in logs]
    return {request.model_spec.signature_name: request for request in found}


def test_every_signature_is_warmed_up_by_its_model_s_name(requests, exported):
    assert sorted(requests) == sorted(tf.saved_model.load(exported).signatures)
    assert {request.model_spec.name for request in requests.values()} == {"bright"}


def test_the_model_answers_each_warm_up_request(requests, exported):
    signatures = tf.saved_model.load(exported).signatures
    for name, request in requests.items():
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        answer = signatures[name](**inputs)
        assert all(value.shape[0] == 1 for value in answer.values())


def test_warm_up_pictures_are_as_large_as_what_networks_are_trained_on(requests):
    image = requests["restore"].inputs["image"]
    assert tf.make_ndarray(image).shape == (1, 256, 256, 3)
    assert tf.make_ndarray(requests["restore"].inputs["context"]).shape == (1, 64, 64, 1)
    (file,) = tf.make_ndarray(requests["bytes"].inputs["image_bytes"])
    assert tf.io.decode_image(file).shape == (256, 256, 3)


def test_noise_is_warmed_up_with_noise(tmp_path):
    graph = tf.function(lambda noise: noise, input_signature=[tf.TensorSpec((None, 7), tf.float32, "noise")])
    write_warm_up(tmp_path, {"serving_default": graph}, "fields", 1)
    (record,) = tf.data.TFRecordDataset(str(tmp_path / WARM_UP)).as_numpy_iterator()
    from tensorflow_serving.apis import prediction_log_pb2

    request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
    np.testing.assert_array_equal(tf.make_ndarray(request.inputs["noise"]), np.full((1, 7), 0.5, np.float32))


def test_the_configuration_of_models_is_read_by_its_proto(exported):
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    text = (exported.parent / "models.config").read_text()
    (config,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    assert (config.name, config.base_path, config.model_version_policy.latest.num_versions) == (
        "bright", "/models/bright", 2,
    )  # fmt: skip


def test_a_configuration_that_a_user_changed_stays(tmp_path):
    (tmp_path / "batching.config").write_text("max_batch_size { value: 2 }")
    write_configuration(tmp_path, "bright")
    assert (tmp_path / "batching.config").read_text() == "max_batch_size { value: 2 }"
    assert '"/models/bright"' in (tmp_path / "models.config").read_text()
