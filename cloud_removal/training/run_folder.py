"""Names in a run folder, and its settings in config.json."""

import dataclasses
import json
from pathlib import Path

from cloud_removal.config import Run, run_from_text, run_to_text
from cloud_removal.errors import CheckpointError
from cloud_removal.systems import find
from cloud_removal.training.files import write_atomically

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"


def stored_run(run_dir: Path) -> Run | None:
    """The settings that `run_dir` was last trained with, None where there are none."""
    path = run_dir / CONFIG
    if not path.exists():
        return None
    text = path.read_text()
    try:
        options = find(json.loads(text)["system"]).Options
        return dataclasses.replace(run_from_text(text, options, str(path)), run_dir=run_dir)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}). Put it back, or choose another --run-dir to start anew."
        ) from error


def write_config(run: Run) -> None:
    """`config.json` of the run folder."""
    run.run_dir.mkdir(parents=True, exist_ok=True)
    write_atomically(run.run_dir / CONFIG, run_to_text(run).encode())
