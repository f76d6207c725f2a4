"""Checkpoints: every variable of a run by path, in TensorFlow's own format, written atomically and proved on restore.

`tf.train.Checkpoint` over models loses sublayers held in lists and the states of seed generators without a word.
Here it is given a flat `{path: variable}` instead. Beside each checkpoint `ckpt-STEP.json` is written last, with a
checksum of its files: without it a save was not finished, and with another checksum it is damaged.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.errors import CheckpointError
from cloud_removal.systems import System
from cloud_removal.training.environment import build
from cloud_removal.training.files import flush, write_atomically
from cloud_removal.training.run_folder import CHECKPOINTS, stored_run

KEPT = 3
Variables = dict[str, Any]
"""Keras or TensorFlow variables by path."""


def variables(system: System, step: tf.Variable) -> Variables:
    """Every variable of `system` by `kind/owner/path`, and the step counter; CheckpointError on a path used twice.

    A variable that two owners share stands under the first of them.
    """
    owned = [(f"networks/{name}", v) for name, network in system.networks.items() for v in network.variables]
    owned += [(f"optimizers/{name}", v) for name, optimizer in system.optimizers.items() for v in optimizer.variables]
    found: Variables = {"step": step}
    seen = {id(step)}
    for path, variable in [(f"{owner}/{v.path}", v) for owner, v in owned] + [
        (f"state/{name}", v) for name, v in system.state.items()
    ]:
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


@dataclass(frozen=True)
class Saved:
    """A finished save in a run folder."""

    prefix: Path
    step: int
    seconds: float
    """Training time up to it, summed over all stretches."""


class Mismatch(CheckpointError):
    """The variables of a checkpoint are not those of the run."""


class Checkpoints:
    """The folder `checkpoints/` of a run. `say` is told what a user should know (damaged files)."""

    def __init__(self, folder: Path, say: Callable[[str], None]):
        self.folder = folder
        self.say = say

    def save(self, found: Variables, step: int, seconds: float) -> Path:
        """Writes a checkpoint of `found`, then forgets all but the last three. Returns its prefix."""
        self.folder.mkdir(parents=True, exist_ok=True)
        prefix = self.folder / f"ckpt-{step}"
        self._remove(prefix)
        tf.train.Checkpoint(variables={path: _tensorflow(v) for path, v in found.items()}).write(str(prefix))
        card = {"step": step, "seconds": seconds, "files": _checksums(prefix)}
        write_atomically(_card(prefix), json.dumps(card, indent=2).encode())
        self._point_to_last()
        return prefix

    def newest(self) -> Saved | None:
        """The newest intact checkpoint, None where nothing was ever saved; says which ones it passes over."""
        damaged = 0
        for prefix in reversed(self._prefixes()):
            if not _card(prefix).exists():
                self.say(f"The save of {prefix.name} was not finished; going on from the one before.")
                continue
            saved = _read(prefix)
            if saved is not None:
                return saved
            damaged += 1
            self.say(f"{prefix} is damaged (its checksum differs); going on from the one before.")
        if damaged:
            raise CheckpointError(f"No checkpoint in {self.folder} is intact. Remove the folder to start anew.")
        return None

    def restore(self, saved: Saved, found: Variables) -> None:
        """Puts the values of `saved` into `found`; Mismatch unless both name the same variables of the same shapes."""
        values = read_values(saved.prefix)
        differences = list(_differences(values, found))
        if differences:
            raise Mismatch(f"{saved.prefix} does not fit: {'; '.join(differences[:3])}.")
        for path, variable in found.items():
            variable.assign(values[path])

    def discard_after(self, step: int) -> None:
        """Removes what was saved later than `step`, finished or not, and leftovers of saves that were killed."""
        intact = {p.name for p in self._prefixes() if _step(p) <= step and _card(p).exists()}
        for path in sorted(self.folder.glob("*ckpt-*")):
            if not any(path.name == name or path.name.startswith(f"{name}.") for name in intact):
                _delete(path)
        if intact:
            self._point_to_last()

    def _prefixes(self) -> list[Path]:
        """Every save of which there is an index or a card, oldest first."""
        names = {path.name.split(".")[0] for path in self.folder.glob("ckpt-*.*") if path.suffix in (".index", ".json")}
        return sorted((self.folder / name for name in names if name[5:].isdecimal()), key=_step)

    def _point_to_last(self) -> None:
        """Lets `tf.train.latest_checkpoint` find the newest save, then removes all but the last three."""
        prefixes = [prefix for prefix in self._prefixes() if _card(prefix).exists()]
        kept = [prefix.name for prefix in prefixes[-KEPT:]]
        lines = [f'model_checkpoint_path: "{kept[-1]}"', *(f'all_model_checkpoint_paths: "{name}"' for name in kept)]
        write_atomically(self.folder / "checkpoint", ("\n".join(lines) + "\n").encode())
        for prefix in prefixes[:-KEPT]:
            self._remove(prefix)

    def _remove(self, prefix: Path) -> None:
        """The card goes first: what is left of a removal that was killed counts as unfinished."""
        _card(prefix).unlink(missing_ok=True)
        for path in self.folder.glob(f"{prefix.name}.*"):
            path.unlink()


def restore_run(run_dir: Path, say: Callable[[str], None]) -> tuple[Run, System, Saved]:
    """The settings of a run folder, its system at the newest intact checkpoint, and which one that is.

    CheckpointError where there is none. The system is built under the run's own precision; its optimizers hold the
    moving averages, if any.
    """
    run = stored_run(run_dir)
    store = Checkpoints(run_dir / CHECKPOINTS, say)
    saved = store.newest()
    if run is None or saved is None:
        raise CheckpointError(f"{run_dir} holds no checkpoint. Expected the --run-dir of a training script.")
    system = build(run)
    store.restore(saved, variables(system, tf.Variable(0, dtype=tf.int64, trainable=False)))
    return run, system, saved


def read_values(prefix: Path) -> dict[str, np.ndarray]:
    """Every variable of the checkpoint at `prefix` by path."""
    reader = tf.train.load_checkpoint(str(prefix))
    start, end = "variables/", "/.ATTRIBUTES/VARIABLE_VALUE"
    keys = [key for key in reader.get_variable_to_shape_map() if key.startswith(start) and key.endswith(end)]
    return {_unescape(key[len(start) : -len(end)]): reader.get_tensor(key) for key in keys}


def _differences(values: Mapping[str, np.ndarray], found: Variables) -> Any:
    """What is missing, left over or of another shape or type, in words."""
    for path in sorted(set(found) | set(values)):
        if path not in values:
            yield f"it has no {path}"
        elif path not in found:
            yield f"this run has no {path}"
        elif tuple(values[path].shape) != tuple(found[path].shape):
            yield f"{path} has shape {tuple(values[path].shape)} in it, {tuple(found[path].shape)} in this run"
        elif values[path].dtype != _tensorflow(found[path]).dtype.as_numpy_dtype:
            yield f"{path} is {values[path].dtype} in it, {_tensorflow(found[path]).dtype.name} in this run"


def _tensorflow(variable: Any) -> tf.Variable:
    """The TensorFlow variable inside a Keras one."""
    return variable if isinstance(variable, tf.Variable) else variable.value


def _unescape(name: str) -> str:
    """The inverse of how TensorFlow writes "/" (.S) and "." (..) in the names of a checkpoint."""
    return ".".join(part.replace(".S", "/") for part in name.split(".."))


def _step(prefix: Path) -> int:
    return int(prefix.name.removeprefix("ckpt-"))


def _card(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.json")


def _checksums(prefix: Path) -> dict[str, str]:
    """SHA-256 of each file of the checkpoint at `prefix`, which are on the disk when this returns."""
    files = sorted([*prefix.parent.glob(f"{prefix.name}.index"), *prefix.parent.glob(f"{prefix.name}.data-*")])
    for path in files:
        flush(path)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _read(prefix: Path) -> Saved | None:
    """The save at `prefix`, None where its card or its files are damaged."""
    try:
        card = json.loads(_card(prefix).read_bytes())
        intact = bool(card["files"]) and card["files"] == _checksums(prefix)
        return Saved(prefix, int(card["step"]), float(card["seconds"])) if intact else None
    except (ValueError, KeyError, TypeError):
        return None


def _delete(path: Path) -> None:
    """A file, or a folder that TensorFlow left while saving."""
    if path.is_dir():
        for inner in path.iterdir():
            _delete(inner)
        path.rmdir()
    else:
        path.unlink()
