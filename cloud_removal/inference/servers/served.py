"""A model that TensorFlow Serving runs elsewhere, as `remove` uses it: windows go there, ground and opacity come back.

The card comes from the server too, so that a client has nothing but an address.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import ModelError, OptionError
from cloud_removal.inference.model import FORMAT, KIND, Card, Model, card_of, check_answer
from cloud_removal.inference.servers.transports import BusyError, Grpc, Rest, Transport, Values

WAITS = (1.0, 4.0, 10.0, 30.0)
"""Seconds before a request is sent again to a server that is away: as long as it takes to start one anew."""
FORMS = "http://HOST:8501/v1/models/NAME or grpc://HOST:8500/NAME (https and grpcs where it is encrypted)"


class ServedModel(Model):
    """A model on a server. What it is asked and answers is as of a `Model`; TensorFlow is not needed here."""

    def __init__(self, card: Card, server: Transport, url: str, waits: Sequence[float] = WAITS):
        super().__init__(card, None)
        self._server, self._url, self._waits = server, url, waits

    @classmethod
    def connect(cls, url: str, waits: Sequence[float] = WAITS) -> "ServedModel":
        """The model at `url`, one of `FORMS`.

        OptionError where that is no such address, ModelError where no model answers that takes clouds off pictures.
        """
        with _refused_at(url):
            server = transport(url)
            values = _card_of(server)
            if values["format"] != FORMAT or values["kind"] != KIND:
                raise ValueError(f"format {values['format']}, kind {values['kind']}")
            card = card_of(Path(url), values | {"version": server.version}, values["content"])
        return cls(card, server, url, waits)

    def restore(
        self, images: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `Model.restore`. ModelError where the server gives no answer, or one that is none."""
        inputs: dict[str, Values] = {"image": images}
        if self.card.context is not None:
            inputs["context"] = np.asarray(context)
        answer = self._asked("restore", inputs, {"ground": images.shape, "opacity": (*images.shape[:3], 1)})
        ground, opacity = answer["ground"], answer["opacity"][..., 0]
        check_answer(ground, opacity, f"--server {self._url}")
        return ground, opacity

    def context(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `Model.context`."""
        size = self.card.context.size if self.card.context else 0
        return self._asked("context", {"image": images}, {"context": (len(images), size)})["context"]

    def _asked(
        self, signature: str, inputs: Mapping[str, Values], shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, NDArray[np.float32]]:
        answer = self._patiently(signature, inputs, list(shapes))
        for name, shape in shapes.items():
            if np.shape(answer[name]) != shape:
                raise ModelError(
                    f"--server {self._url} answers {name} of shape {np.shape(answer[name])}; expected {shape}."
                )
        return {name: np.asarray(value) for name, value in answer.items()}

    def _patiently(self, signature: str, inputs: Mapping[str, Values], outputs: Sequence[str]) -> dict[str, Values]:
        with _refused_at(self._url):
            for wait in self._waits:
                try:
                    return self._server.predict(signature, inputs, outputs)
                except BusyError:
                    time.sleep(wait)
            return self._server.predict(signature, inputs, outputs)


def transport(url: str) -> Transport:
    """The way to ask that `url` means. OptionError where it means none, BusyError where a server has no model ready."""
    parts = urlsplit(url)
    path = [part for part in parts.path.split("/") if part]
    if parts.scheme in ("http", "https") and parts.netloc and "models" in path[:-1]:
        return Rest(url)
    if parts.scheme in ("grpc", "grpcs") and parts.netloc and len(path) in (1, 2):
        name, version = path[0], "".join(path[1:])
        if not version or version.isdecimal():
            return Grpc(parts.netloc, name, version, parts.scheme == "grpcs")
    raise OptionError(f"--server {url}: expected {FORMS}.")


def _card_of(server: Transport) -> Any:
    try:
        return json.loads(bytes(server.predict("card", {"asked": b""}, ["card_bytes"])["card_bytes"]))
    except ModelError as error:
        raise ModelError(
            f"{error} Expected the name of a model on that server that `export` of this version wrote."
        ) from error


@contextlib.contextmanager
def _refused_at(url: str) -> Iterator[None]:
    """What is wrong with a server or its answer becomes a ModelError that says where."""
    try:
        yield
    except BusyError as error:
        raise ModelError(f"--server {url}: no answer ({error}). Is it running? Expected {FORMS}.") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ModelError(
            f"--server {url}: no model answers there that takes clouds off pictures ({error!r}). Export it with this "
            "version of the program."
        ) from error
