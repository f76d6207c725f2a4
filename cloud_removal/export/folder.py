"""A trained system as a model folder: NAME/VERSION with a SavedModel, its weights by path, and its card.

The graph is float32 whatever the training precision, holds averaged weights where the run kept them, takes any batch
and pictures of any size, and needs nothing but TensorFlow to run. A version appears complete or not at all. Beside the
versions lies what TensorFlow Serving is told of them.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from cloud_removal.config import Run, to_json
from cloud_removal.errors import ModelError, OutputError
from cloud_removal.export import completer, restorer, scene
from cloud_removal.export.completer import Completer
from cloud_removal.export.restorer import DEFAULT_THRESHOLDS, Restorer, Thresholds
from cloud_removal.export.server_files import served_card, write_configuration, write_warm_up
from cloud_removal.export.serving import card_graph
from cloud_removal.export.sides import smallest_side
from cloud_removal.systems.base import Synthesizer, System

FORMAT = 1
Served = TypeVar("Served", bound=System)


def export(
    system: System,
    run: Run,
    destination: Path,
    *,
    training: dict[str, Any],
    scores: dict[str, Any],
    thresholds: Thresholds = DEFAULT_THRESHOLDS,
    curves: Path | None = None,
    uncertainty: dict[str, Any] | None = None,
) -> Path:
    """Writes `system` as the next version under `destination` (the folder NAME) and returns NAME/VERSION.

    `training` (data, licence, command, steps, seconds, images), `scores` and, of a restorer, `thresholds` go into the
    card as they are, and so does `uncertainty`, its error bars, where they have been measured; `curves`, a picture of
    how it was trained, lies beside it. Raises OutputError where the folder
    cannot be written, ModelError where the system neither restores, completes nor makes pictures.
    """
    if not isinstance(system, Restorer | Completer | Synthesizer):
        raise ModelError(
            f"A {type(system).__name__} neither restores, completes nor makes pictures, so there is nothing to export "
            "of it."
        )
    served = as_float32(system, run)
    own, graphs = _described(served, thresholds)
    card = {
        "format": FORMAT,
        "kind": own.pop("kind"),
        "name": destination.resolve().name,
        "version": 0,
        "system": run.system,
        "config": to_json(run),
        "channels": "RGB",
        "scaling": "[0, 1]",
        **own,
        "training": training,
        "scores": scores,
        **({} if uncertainty is None else {"uncertainty": uncertainty}),
    }
    if isinstance(served, Restorer):  # Its clients cut scenes into windows.
        graphs["card"] = card_graph(served_card(card, weights_by_path(served)))
    return _write(served, graphs, destination, card, curves)


def _described(served: Restorer | Completer | Synthesizer, thresholds: Thresholds) -> tuple[dict[str, Any], Any]:
    """What the card of a system of its kind says, and its graphs by name."""
    if isinstance(served, Synthesizer):
        return scene.card(served), scene.signatures(served)
    windows = {
        "stride": served.stride,
        "smallest": smallest_side(served.smallest, served.stride),
        "receptive_radius": served.receptive_radius,
    }
    if isinstance(served, Restorer):
        return windows | restorer.card(served, thresholds), restorer.signatures(served, thresholds)
    return windows | completer.card(served), completer.signatures(served)


def as_float32(system: Served, run: Run) -> Served:
    """The same system built anew in float32, with the weights of `system`: their moving averages where it keeps any.

    Its variables have the paths of a first build, which are those that `--init` looks for.
    """
    before = keras.config.dtype_policy()
    keras.utils.clear_session(free_memory=False)  # Names that Keras counts up start anew.
    keras.config.set_dtype_policy("float32")
    try:
        served = type(system)(dataclasses.replace(run, precision="float32"))
    finally:
        keras.config.set_dtype_policy(before)
    for name, network in system.networks.items():
        averages = {id(variable): mean for variable, mean in system.averaged(network)}
        for source, target in zip(network.weights, served.networks[name].weights, strict=True):
            target.assign(averages.get(id(source), source))
    return served


def weights_by_path(system: System) -> dict[str, np.ndarray]:
    """Weights and moving statistics: {"network/path/of/variable": array}, what `weights.npz` holds and --init reads.

    Without the networks that training alone needs: they would be as large again, and nothing is served by them.
    """
    return {
        f"{name}/{variable.path}": variable.value.numpy()
        for name, network in system.networks.items()
        if name not in system.training_only
        for variable in network.weights
    }


def _write(
    system: System, graphs: dict[str, Any], destination: Path, card: dict[str, Any], curves: Path | None
) -> Path:
    try:
        destination.mkdir(parents=True, exist_ok=True)
        with _partial_folder(destination) as folder:
            _save_graphs(graphs, folder)
            write_warm_up(folder, graphs, card["name"], getattr(system, "stride", 1))
            np.savez(folder / "weights.npz", **weights_by_path(system))  # type: ignore[arg-type]
            if curves is not None:
                shutil.copyfile(curves, folder / "curves.png")
            published = _publish(folder, destination, card)
        write_configuration(destination, card["name"])
        return published
    except (OSError, tf.errors.OpError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise OutputError(
            f"The model cannot be written to {destination}: {reason}. Expected a folder that can be "
            "written, with room for it; name another one."
        ) from error


@contextlib.contextmanager
def _partial_folder(destination: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=destination))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # Nothing is left of it where it was renamed.


def _save_graphs(graphs: dict[str, Any], folder: Path) -> None:
    """The SavedModel, with the variables that the graphs read and no others (no discriminator)."""
    module = tf.Module()
    read = [variable for graph in graphs.values() for variable in graph.get_concrete_function().graph.variables]
    module.weights = list({id(variable): variable for variable in read}.values())
    module.graphs = graphs
    tf.saved_model.save(module, str(folder), signatures=graphs)


def _publish(folder: Path, destination: Path, card: dict[str, Any]) -> Path:
    """Renames the finished folder to the next free version; another export may have taken a number meanwhile."""
    while True:
        version = 1 + max((int(p.name) for p in destination.iterdir() if p.name.isdecimal()), default=0)
        (folder / "model.json").write_text(json.dumps(card | {"version": version}, indent=2) + "\n")
        target = destination / str(version)
        try:
            os.rename(folder, target)
        except OSError:
            if not target.exists():
                raise
        else:
            return target
