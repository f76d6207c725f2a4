"""Checkpoints: every variable of a run by path, in TensorFlow's own format, written atomically and proved on restore.

`tf.train.Checkpoint` over models loses sublayers held in lists and the states of seed generators without a word.
Here it is given a flat `{path: variable}` instead, and restoring compares all paths, shapes and types.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.errors import CheckpointError, OutputError
from cloud_removal.systems import System
from cloud_removal.training import saves
from cloud_removal.training.environment import build
from cloud_removal.training.run_folder import BEST, CHECKPOINTS, stored_run
from cloud_removal.training.saves import Saved, Say

Variables = dict[str, Any]
"""Keras or TensorFlow variables by path."""


class MismatchError(CheckpointError):
    """The variables of a checkpoint are not those of the run."""


def variables(system: System, step: tf.Variable) -> Variables:
    """Every variable of `system` by `kind/owner/path`, and the step counter; CheckpointError on a path used twice.

    A variable that two owners share stands under the first of them.
    """
    owned = [(f"networks/{name}/{v.path}", v) for name, net in system.networks.items() for v in net.variables]
    owned += [(f"optimizers/{name}/{v.path}", v) for name, o in system.optimizers.items() for v in o.variables]
    owned += [(f"state/{name}", v) for name, v in system.state.items()]
    found: Variables = {"step": step}
    seen = {id(step)}
    for path, variable in owned:
        if id(variable) in seen:
            continue
        if path in found:
            raise CheckpointError(f"Two variables of system {system.run.system} are called {path}; name them apart.")
        seen.add(id(variable))
        found[path] = variable
    return found


def network_weights(system: System) -> Variables:
    """Weights and moving statistics of the networks (no seeds, no optimizers) by `owner/path`."""
    return {f"{name}/{v.path}": v for name, network in system.networks.items() for v in network.weights}


def save(folder: Path, found: Variables, step: int, seconds: float) -> Path:
    """Writes `found` as the checkpoint of `step` into `folder`, where the last three are kept. Returns its prefix.

    Until it is complete, the ones before stay the latest. OutputError where the disk is full or cannot be written.
    """
    prefix = saves.prefix_of(folder, step)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        saves.remove(prefix)
        tf.train.Checkpoint(variables={path: _tensorflow(v) for path, v in found.items()}).write(str(prefix))
        saves.finish(Saved(prefix, step, seconds))
    except (OSError, tf.errors.OpError) as error:
        raise OutputError(
            f"The checkpoint of step {step} cannot be written to {folder} ({error}). The ones before it are intact; "
            "make room there, then run the same command to go on."
        ) from error
    return prefix


def restore(saved: Saved, found: Variables) -> None:
    """Puts the values of `saved` into `found`; MismatchError unless both name the same variables, shapes and types."""
    values = read_values(saved.prefix)
    differences = _differences(values, found)
    if differences:
        raise MismatchError(f"{saved.prefix} does not fit this run: {'; '.join(differences[:3])}.")
    for path, variable in found.items():
        variable.assign(values[path])


def restore_run(run_dir: Path, say: Say) -> tuple[Run, System, Saved]:
    """The settings of a run folder, its system at the checkpoint that counts, and which one that is.

    That is the one that did best on what was kept from training, which is said, and where nothing was the newest whole.
    CheckpointError where there is none. The system is built under the run's own precision; its optimizers hold the
    moving averages, if any.
    """
    run = stored_run(run_dir)
    best = saves.newest(run_dir / BEST, say)
    saved = best or saves.newest(run_dir / CHECKPOINTS, say)
    if run is None or saved is None:
        raise CheckpointError(f"{run_dir} holds no checkpoint. Expected the --run-dir of a training script.")
    if best is not None:
        say(f"Taking step {best.step} of {run_dir}, which did best on what was kept from training, not the newest.")
    system = build(run)
    restore(saved, variables(system, tf.Variable(0, dtype=tf.int64, trainable=False)))
    return run, system, saved


def read_values(prefix: Path) -> dict[str, np.ndarray]:
    """Every variable of the checkpoint at `prefix` by path."""
    reader = tf.train.load_checkpoint(str(prefix))
    start, end = "variables/", "/.ATTRIBUTES/VARIABLE_VALUE"
    keys = [key for key in reader.get_variable_to_shape_map() if key.startswith(start) and key.endswith(end)]
    return {_unescaped(key[len(start) : -len(end)]): reader.get_tensor(key) for key in keys}


def _differences(values: Mapping[str, np.ndarray], found: Variables) -> list[str]:
    """What is missing, left over or of another shape or type, in words."""
    words = []
    for path in sorted(set(found) | set(values)):
        if path not in values:
            words.append(f"it has no {path}")
        elif path not in found:
            words.append(f"this run has no {path}")
        elif values[path].shape != tuple(found[path].shape):
            words.append(f"{path} has shape {values[path].shape} in it, {tuple(found[path].shape)} in this run")
        elif values[path].dtype != _tensorflow(found[path]).dtype.as_numpy_dtype:
            words.append(f"{path} is {values[path].dtype} in it, {_tensorflow(found[path]).dtype.name} in this run")
    return words


def _tensorflow(variable: Any) -> tf.Variable:
    """The TensorFlow variable inside a Keras one."""
    return variable if isinstance(variable, tf.Variable) else variable.value


def _unescaped(name: str) -> str:
    """The inverse of how TensorFlow writes "/" (.S) and "." (..) in the names of a checkpoint."""
    return ".".join(part.replace(".S", "/") for part in name.split(".."))
