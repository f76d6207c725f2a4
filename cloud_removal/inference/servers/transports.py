"""Two ways to ask TensorFlow Serving: its REST API and its gRPC API. A request names a signature; arrays go in and out.

Sources: tensorflow.org/tfx/serving/api_rest, tensorflow_serving/apis/prediction_service.proto.
"""

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import ModelError, OptionError

Values = NDArray[np.float32] | bytes
"""Pictures or statistics (B, ...), or the one string of a batch of one."""
PATIENCE, GREETING = 600.0, 20.0
"""Seconds that a server has for one answer, and to say which versions it has."""
BUSY = {429, 502, 503, 504}
"""HTTP states that pass."""


class BusyError(Exception):
    """The server is away or has too much to do; it may answer later."""


class Transport(Protocol):
    """A model on a server."""

    version: str
    """All requests go to this version, so that a scene is not restored by two."""

    def predict(self, signature: str, inputs: Mapping[str, Values], outputs: Sequence[str]) -> dict[str, Values]:
        """What `signature` answers, by name; `outputs` are all of its outputs.

        Raises BusyError where asking again may help, ModelError where it will not.
        """
        ...


class Rest:
    """`url`: http://HOST:8501/v1/models/NAME, with /versions/N where it should be that version."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        states = self._asked(self.url).get("model_version_status", [])
        ready = [int(state["version"]) for state in states if state.get("state") == "AVAILABLE"]
        if not ready:
            raise BusyError(f"{self.url} has no version that is ready")
        self.version = str(max(ready))
        self._place = self.url.partition("/versions/")[0] + f"/versions/{self.version}:predict"

    def predict(self, signature: str, inputs: Mapping[str, Values], outputs: Sequence[str]) -> dict[str, Values]:
        """As `Transport` says. Numbers travel as JSON, all their digits with them."""
        given = {name: _to_json(value) for name, value in inputs.items()}
        answer = self._asked(self._place, {"signature_name": signature, "inputs": given})["outputs"]
        named = {outputs[0]: answer} if len(outputs) == 1 else answer  # A single output comes without its name.
        return {name: _from_json(named[name]) for name in outputs}

    def _asked(self, url: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=GREETING if data is None else PATIENCE) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            said = f"{error.code} {_said(error)}"
            raise (BusyError(said) if error.code in BUSY else ModelError(f"{url} answers: {said}")) from error
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError.
            raise BusyError(str(getattr(error, "reason", error))) from error
        except ValueError as error:
            raise ModelError(f"{url} does not answer as TensorFlow Serving does ({error}).") from error


class Grpc:
    """`host`: HOST:8500, encrypted where `secure`; `name` of the model; its newest version unless one is named."""

    def __init__(self, host: str, name: str, version: str = "", secure: bool = False):
        try:
            import grpc
            from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
        except ImportError as error:
            raise OptionError(
                "--server grpc://...: the package tensorflow-serving-api is not installed. Install "
                "'cloud-removal[serving]', or give the server's REST address, http://HOST:8501/v1/models/NAME."
            ) from error
        self._grpc, self._request = grpc, predict_pb2.PredictRequest
        unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        channel = (
            grpc.secure_channel(host, grpc.ssl_channel_credentials(), unlimited)
            if secure
            else grpc.insecure_channel(host, unlimited)
        )
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        self._where, self._name, self.version = f"grpc://{host}/{name}", name, version

    def predict(self, signature: str, inputs: Mapping[str, Values], outputs: Sequence[str]) -> dict[str, Values]:
        """As `Transport` says. The version that answers first is asked from then on."""
        request = self._request()
        request.model_spec.name, request.model_spec.signature_name = self._name, signature
        if self.version:
            request.model_spec.version.value = int(self.version)
        for name, value in inputs.items():
            _to_proto(request.inputs[name], value)
        try:
            answer = self._predict(request, timeout=PATIENCE)
        except self._grpc.RpcError as error:
            said = " ".join(f"{error.code().name} {error.details()}".split())
            passing = error.code() in (self._grpc.StatusCode.UNAVAILABLE, self._grpc.StatusCode.DEADLINE_EXCEEDED)
            raise (BusyError(said) if passing else ModelError(f"{self._where} answers: {said}")) from error
        self.version = str(answer.model_spec.version.value)
        return {name: _from_proto(answer.outputs[name]) for name in outputs}


def _to_json(value: Values) -> Any:
    if isinstance(value, bytes):
        return [{"b64": base64.b64encode(value).decode()}]
    return value.tolist()


def _from_json(value: Any) -> Values:
    if isinstance(value[0], dict):
        return base64.b64decode(value[0]["b64"])
    return np.array(value, np.float32)


def _to_proto(tensor: Any, value: Values) -> None:
    if isinstance(value, bytes):
        tensor.dtype = 7  # DT_STRING of tensorflow/core/framework/types.proto.
        tensor.string_val.append(value)
        tensor.tensor_shape.dim.add(size=1)
        return
    tensor.dtype = 1  # DT_FLOAT.
    tensor.tensor_content = np.ascontiguousarray(value, "<f4").tobytes()
    for side in value.shape:
        tensor.tensor_shape.dim.add(size=side)


def _from_proto(tensor: Any) -> Values:
    if tensor.string_val:
        return tensor.string_val[0]
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, "<f4").reshape(shape)
    values = np.array(tensor.float_val, np.float32)  # One value stands for all where it repeats to the end.
    return np.concatenate([values, np.full(int(np.prod(shape)) - values.size, values[-1])]).reshape(shape)


def _said(error: urllib.error.HTTPError) -> str:
    """What a server says went wrong, in one line."""
    try:
        return " ".join(str(json.loads(error.read())["error"]).split())[:300]
    except (OSError, ValueError, KeyError, TypeError):
        return str(error.reason)
