"""A small server in this process that speaks the REST and gRPC Predict APIs of TensorFlow Serving over a real model.

It is not TensorFlow Serving: written from its documentation (tensorflow.org/tfx/serving/api_rest and
prediction_service.proto), it shows that client and model understand these.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


class Served:
    """A model folder NAME/VERSION, and what it was asked."""

    def __init__(self, folder: Path):
        self.name, self.version = folder.parent.name, folder.name
        self._loaded = tf.saved_model.load(folder)
        self.asked: list[str] = []
        self.away = 0
        """So many of the next requests are answered as by a server that is being started."""

    def specs(self, signature: str) -> dict[str, tf.TensorSpec]:
        """Inputs of a signature. KeyError where there is none of that name."""
        return dict(self._loaded.signatures[signature].structured_input_signature[1])

    def answer(self, signature: str, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """What a signature answers; ValueError where inputs are missing or left over."""
        if set(inputs) != set(self.specs(signature)):
            raise ValueError(f"input keys {sorted(inputs)} are not those of the signature")
        self.asked.append(signature)
        return self._loaded.signatures[signature](**inputs)

    def is_away(self) -> bool:
        """Whether it has no answer this time."""
        self.away -= 1
        return self.away >= 0


@contextlib.contextmanager
def rest(served: Served) -> Iterator[str]:
    """Serves `served` by REST; the address to give as --server."""
    handler = type("Handler", (_Rest,), {"served": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/models/{served.name}"
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def grpc(served: Served) -> Iterator[str]:
    """Serves `served` by gRPC; the address to give as --server."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802  # The API's name.
            if served.is_away():
                context.abort(grpc.StatusCode.UNAVAILABLE, "failed to connect")
            spec = request.model_spec
            if spec.name != served.name or (spec.HasField("version") and str(spec.version.value) != served.version):
                context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: Latest({spec.name})")
            try:
                inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
                answer = served.answer(spec.signature_name or "serving_default", inputs)
            except (KeyError, ValueError, tf.errors.InvalidArgumentError) as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            response = predict_pb2.PredictResponse()
            response.model_spec.name = served.name
            response.model_spec.version.value = int(served.version)
            for name, value in answer.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return response

    server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}/{served.name}"
    finally:
        server.stop(None).wait()


class _Rest(BaseHTTPRequestHandler):
    served: Served

    def log_message(self, *_: Any) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        name, _, version = self.path.partition("/versions/")
        if name != f"/v1/models/{self.served.name}" or version not in ("", self.served.version):
            return self._say(404, {"error": f"Could not find any versions of model {self.path}"})
        state = {"version": self.served.version, "state": "AVAILABLE", "status": {"error_code": "OK"}}
        self._say(200, {"model_version_status": [state]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.served.is_away():
            return self._say(503, {"error": "loading"})
        if self.path != f"/v1/models/{self.served.name}/versions/{self.served.version}:predict":
            return self._say(404, {"error": f"Servable not found for request: {self.path}"})
        signature = body.get("signature_name", "serving_default")
        try:
            specs = self.served.specs(signature)
        except KeyError:
            return self._say(400, {"error": f'Serving signature name: "{signature}" not found in signature def'})
        try:
            inputs = {name: _tensor(value, specs[name].dtype) for name, value in body["inputs"].items()}
            answer = self.served.answer(signature, inputs)
        except (KeyError, ValueError, tf.errors.InvalidArgumentError) as error:
            return self._say(400, {"error": str(error)})
        outputs = {name: _json(name, value.numpy()) for name, value in answer.items()}
        self._say(200, {"outputs": next(iter(outputs.values())) if len(outputs) == 1 else outputs})

    def _say(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _tensor(value: Any, dtype: tf.DType) -> tf.Tensor:
    if dtype == tf.string:
        return tf.constant([base64.b64decode(item["b64"]) if isinstance(item, dict) else item for item in value])
    return tf.constant(np.array(value, dtype.as_numpy_dtype))


def _json(name: str, value: np.ndarray) -> Any:
    """Strings are base64 where their name ends in `_bytes`."""
    if value.dtype == object:
        return [
            {"b64": base64.b64encode(item).decode()} if name.endswith("_bytes") else item.decode() for item in value
        ]
    return value.tolist()
