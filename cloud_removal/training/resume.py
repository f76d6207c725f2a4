"""How a run begins: anew, or where the same command stopped before, with what was changed since."""

from typing import Any

from cloud_removal.config import Run, to_json
from cloud_removal.errors import CheckpointError
from cloud_removal.training import saves
from cloud_removal.training.checkpoint import MismatchError, Variables, restore
from cloud_removal.training.run_folder import CHECKPOINTS
from cloud_removal.training.saves import Saved, Say

PLACE = ("run_dir", "init", "init_partly")
"""Options that say where a run is or came from, not what it is."""
SHAPING = ("ema", "precision")
"""Options, beside the system's own, that decide which variables there are."""


def check_same_system(old: Run | None, new: Run) -> None:
    """CheckpointError where the run folder holds another system than the one asked for."""
    if old is not None and old.system != new.system:
        raise CheckpointError(
            f"{new.run_dir} holds a run of system {old.system}, but system {new.system} is asked for. "
            f"Choose another --run-dir, or --system {old.system}."
        )


def go_on(found: Variables, old: Run | None, new: Run, say: Say) -> Saved | None:
    """Restores the newest whole checkpoint of the run folder into `found`; None where there is none.

    Changed options that fit the checkpoint are said; MismatchError names those that do not, with both values.
    """
    saved = saves.newest(new.run_dir / CHECKPOINTS, say)
    if saved is None:
        return None
    changed = changed_options(old, new) if old is not None else {}
    try:
        restore(saved, found)
    except MismatchError as error:
        raise MismatchError(_refusal(changed, new, str(error))) from error
    for name, (before, after) in changed.items():
        say(f"Changed: {name} was {_word(before)}, now {_word(after)}.")
    say(f"Going on from step {saved.step} in {new.run_dir}.")
    return saved


def changed_options(old: Run, new: Run) -> dict[str, tuple[Any, Any]]:
    """Options that differ, by their name on the command line: (old value, new value)."""
    return differing(to_json(old), to_json(new))


def differing(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """As `changed_options`, of runs as JSON values."""
    before, after = _flat(old), _flat(new)
    names = [name for name in {**before, **after} if name not in PLACE]
    pairs = {_option(name): (before.get(name), after.get(name)) for name in names}
    return {name: (old_value, value) for name, (old_value, value) in pairs.items() if old_value != value}


def _refusal(changed: dict[str, tuple[Any, Any]], new: Run, reason: str) -> str:
    """Why a checkpoint cannot be gone on from, naming the options that decide which variables there are."""
    shaping = {_option(name) for name in [*to_json(new.options), *SHAPING]}
    causes = [f"{n} was {_word(old)}, now {_word(now)}" for n, (old, now) in changed.items() if n in shaping]
    if not causes:
        return f"{reason} Choose another --run-dir to start anew."
    return (
        f"The checkpoint in {new.run_dir} does not fit these options: {'; '.join(causes)}. "
        "Give the old value to go on, or choose another --run-dir to start anew."
    )


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name, as on the command line: the system's own options stand beside the run's."""
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            flat |= _flat(item, prefix if name == "options" else f"{prefix}{name}.")
        else:
            flat[prefix + name] = item
    return flat


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _word(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
