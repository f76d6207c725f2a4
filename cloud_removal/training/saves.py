"""The files of checkpoints: which saves there are, whether they are whole, which ones are kept.

A save is `ckpt-STEP.index` and `ckpt-STEP.data-*`, TensorFlow's own, and `ckpt-STEP.json`, written last: its step, the
training time up to it, and a checksum of each file. Without it the save was not finished; with other checksums it is
damaged.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud_removal.errors import CheckpointError
from cloud_removal.files import flush, write_atomically

KEPT = 3
Say = Callable[[str], None]


@dataclass(frozen=True)
class Saved:
    """A finished save."""

    prefix: Path
    step: int
    seconds: float
    """Training time up to it, summed over all stretches."""


def prefix_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of `step` is: the path that TensorFlow adds its endings to."""
    return folder / f"ckpt-{step}"


def finish(saved: Saved) -> None:
    """Makes a checkpoint that TensorFlow has written count: it is on the disk, with its checksums, and is the latest.

    Then all but the last three are removed.
    """
    card = {"step": saved.step, "seconds": saved.seconds, "files": _checksums(saved.prefix)}
    write_atomically(_card(saved.prefix), json.dumps(card, indent=2).encode())
    _point_to_last(saved.prefix.parent)


def newest(folder: Path, say: Say) -> Saved | None:
    """The newest whole save in `folder`, None where nothing was ever saved; says which ones are passed over.

    CheckpointError where saves were finished and none is whole.
    """
    damaged = 0
    for prefix in reversed(_prefixes(folder)):
        if not _card(prefix).exists():
            say(f"The save {prefix} was not finished; the one before it counts.")
            continue
        saved = _read(prefix)
        if saved is not None:
            return saved
        damaged += 1
        say(f"The checkpoint {prefix} is damaged (its checksums differ); the one before it counts.")
    if damaged:
        raise CheckpointError(f"No checkpoint in {folder} is intact. Remove that folder to start the run anew.")
    return None


def discard_after(folder: Path, step: int) -> None:
    """Removes what was saved later than `step`, finished or not, and leftovers of saves that were killed."""
    intact = {prefix.name for prefix in _prefixes(folder) if _step(prefix) <= step and _card(prefix).exists()}
    for path in sorted(folder.glob("*ckpt-*")):
        if path.name.split(".")[0] not in intact:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if intact:
        _point_to_last(folder)


def remove(prefix: Path) -> None:
    """Removes a save; its card goes first, so that what is left of a removal that was killed counts as unfinished."""
    _card(prefix).unlink(missing_ok=True)
    for path in prefix.parent.glob(f"{prefix.name}.*"):
        path.unlink()


def _prefixes(folder: Path) -> list[Path]:
    """Every save of which there is an index or a card, oldest first."""
    names = {path.name.split(".")[0] for path in folder.glob("ckpt-*.*") if path.suffix in (".index", ".json")}
    return sorted((folder / name for name in names if name.removeprefix("ckpt-").isdecimal()), key=_step)


def _point_to_last(folder: Path) -> None:
    """Lets `tf.train.latest_checkpoint` find the newest save, then removes all but the last three."""
    prefixes = [prefix for prefix in _prefixes(folder) if _card(prefix).exists()]
    kept = [prefix.name for prefix in prefixes[-KEPT:]]
    lines = [f'model_checkpoint_path: "{kept[-1]}"', *(f'all_model_checkpoint_paths: "{name}"' for name in kept)]
    write_atomically(folder / "checkpoint", ("\n".join(lines) + "\n").encode())
    for prefix in prefixes[:-KEPT]:
        remove(prefix)


def _step(prefix: Path) -> int:
    return int(prefix.name.removeprefix("ckpt-"))


def _card(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.json")


def _checksums(prefix: Path) -> dict[str, str]:
    """SHA-256 of each of TensorFlow's files of a save, which are on the disk when this returns."""
    files = sorted([*prefix.parent.glob(f"{prefix.name}.index"), *prefix.parent.glob(f"{prefix.name}.data-*")])
    for path in files:
        flush(path)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _read(prefix: Path) -> Saved | None:
    """The save at `prefix`, None where its card or its files are damaged."""
    try:
        card = json.loads(_card(prefix).read_bytes())
        saved = Saved(prefix, int(card["step"]), float(card["seconds"]))
        return saved if card["files"] and card["files"] == _checksums(prefix) else None
    except (ValueError, KeyError, TypeError):
        return None
