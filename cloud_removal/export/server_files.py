"""What lies in a model folder for TensorFlow Serving alone: requests to warm up with, and its configuration."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"
WARM_UP_SIDE = 256
UNSERVED = ("training", "scores", "config")
"""Of a card: what no client needs."""
MODELS = """# tensorflow_model_server --model_config_file=/models/{name}/models.config
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    # The version before stays: whoever is in the middle of a scene goes on with it.
    model_version_policy {{ latest {{ num_versions: 2 }} }}
  }}
}}
"""
BATCHING = """# tensorflow_model_server --enable_batching --batching_parameters_file=/models/{name}/batching.config
# Only where all clients send pictures of one size: requests of different sizes cannot share a batch, and fail.
max_batch_size {{ value: 8 }}
batch_timeout_micros {{ value: 2000 }}
max_enqueued_batches {{ value: 64 }}
num_batch_threads {{ value: 2 }}
allowed_batch_sizes: 1
allowed_batch_sizes: 2
allowed_batch_sizes: 4
allowed_batch_sizes: 8
"""


def served_card(card: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> str:
    """JSON of what a client must know of a model, and under `content` a hash of all that it computes with."""
    served = {name: value for name, value in card.items() if name not in (*UNSERVED, "version")}
    digest = hashlib.blake2b(json.dumps([served, card["config"]]).encode(), digest_size=16)
    for path, values in sorted(weights.items()):
        digest.update(path.encode() + values.tobytes())
    return json.dumps(served | {"content": digest.hexdigest()})


def write_warm_up(folder: Path, graphs: Mapping[str, Any], name: str, stride: int) -> None:
    """Writes to the version `folder` one request for each of `graphs` of the model `name`, a grey picture.

    Nothing where the package tensorflow-serving-api is not installed. Format: a TFRecord of PredictionLog,
    tensorflow.org/tfx/serving/saved_model_warmup.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return
    (folder / WARM_UP).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / WARM_UP)) as file:
        for signature, graph in graphs.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for spec in graph.input_signature:
                _fill(request.inputs[spec.name], spec, stride)
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            file.write(log.SerializeToString())


def write_configuration(destination: Path, name: str) -> None:
    """Writes `models.config` and `batching.config` beside the versions, unless they are there: a user may change them.

    They say how the model is served whose folder NAME is mounted as /models/NAME.
    """
    for file, text in (("models.config", MODELS), ("batching.config", BATCHING)):
        if not (destination / file).exists():
            (destination / file).write_text(text.format(name=name), encoding="utf-8")


def _fill(tensor: Any, spec: tf.TensorSpec, stride: int) -> None:
    """Makes the TensorProto `tensor` an example of `spec`: of one value, which stands for all."""
    side = -(-WARM_UP_SIDE // stride) * stride
    shape = list(spec.shape)
    if spec.dtype == tf.string:
        grey = tf.io.encode_png(tf.fill((side, side, 3), tf.constant(128, tf.uint8))).numpy()
        tensor.string_val.append(grey if spec.name == "image_bytes" else b"")
    else:
        tensor.float_val.append(0.5)
        if len(shape) == 4:
            cells = side // stride if spec.name == "context" else side
            shape[1:3] = [cells, cells]
    tensor.dtype = spec.dtype.as_datatype_enum
    tensor.tensor_shape.CopyFrom(tf.TensorShape([1, *shape[1:]]).as_proto())
