"""`--init`: weights to start from, out of a model folder or of another run's folder."""

from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from cloud_removal.errors import ModelError
from cloud_removal.model_folder import WEIGHTS, find
from cloud_removal.systems import System
from cloud_removal.training.averages import averaged_weights
from cloud_removal.training.checkpoint import network_weights, restore_run
from cloud_removal.training.run_folder import CONFIG
from cloud_removal.training.saves import Say


def initialize(system: System, source: Path, say: Say) -> None:
    """Puts the weights found in `source` into the networks of `system`.

    `source` is a model folder (NAME, NAME/VERSION, or the name of a bundled model), or a run folder.

    ModelError unless every weight of the networks is there with its shape and nothing is left over; with
    `--init-partly`, unless any is there: the others start anew, which is said. So does a network that training alone
    needs, where the source has nothing of it: model folders have none.
    """
    values = _run_weights(source, say) if (source / CONFIG).exists() else _model_weights(source)
    absent = [name for name in system.training_only if not any(_network(path) == name for path in values)]
    wanted = {path: v for path, v in network_weights(system).items() if _network(path) not in absent}
    differences = list(_differences(values, {path: tuple(v.shape) for path, v in wanted.items()}))
    fitting = {path: v for path, v in wanted.items() if path in values and values[path].shape == tuple(v.shape)}
    if differences and not (system.run.init_partly and fitting):
        raise ModelError(
            f"The weights in {source} do not fit system {system.run.system} with these options: "
            f"{'; '.join(differences[:3])}. Give the options (or the --preset) it was trained with."
        )
    for path, variable in fitting.items():
        variable.assign(values[path])
    say(f"Starting from the weights in {source}." + "".join(f" It has no {name}: that starts anew." for name in absent))
    if anew := sorted(set(wanted) - set(fitting)):
        say(f"{len(anew)} of {len(wanted)} weights do not fit and start anew: {', '.join(anew)}.")


def _network(path: str) -> str:
    """Name of the network that the variable at `path` is of."""
    return path.split("/", 1)[0]


def _run_weights(source: Path, say: Say) -> dict[str, np.ndarray]:
    """Of the newest checkpoint of a run folder: the moving averages, where it keeps them."""
    _, other, _ = restore_run(source, say)
    with averaged_weights(other):
        return {path: v.numpy() for path, v in network_weights(other).items()}


def _model_weights(source: Path) -> dict[str, np.ndarray]:
    """Of a model folder, its highest version where none is named; the states of seed generators are no weights."""
    path = _model_folder(source) / WEIGHTS
    try:
        with np.load(path) as file:
            return {name: file[name] for name in file.files if "seed_generator" not in name}
    except (OSError, ValueError, BadZipFile) as error:
        raise ModelError(
            f"--init {source}: {path} cannot be read ({error}). Export or copy the model again."
        ) from error


def _model_folder(source: Path) -> Path:
    try:
        return find(source, "--init")
    except ModelError as error:
        raise ModelError(f"{error} The --run-dir of a training script will do, too.") from error


def _differences(values: Mapping[str, np.ndarray], wanted: Mapping[str, tuple[int, ...]]) -> list[str]:
    """What is missing, left over or of another shape, in words."""
    missing = [f"it has no {path}" for path in sorted(set(wanted) - set(values))]
    extra = [f"{path} is left over" for path in sorted(set(values) - set(wanted))]
    other = [
        f"{path} has shape {values[path].shape} in it, {shape} in this run"
        for path, shape in wanted.items()
        if path in values and values[path].shape != shape
    ]
    return other + missing + extra
