"""Names in a run folder, its settings in config.json, and the commands that trained it."""

import dataclasses
import json
import time
from pathlib import Path

from cloud_removal.config import Run, run_from_text, run_to_text
from cloud_removal.errors import CheckpointError, OutputError
from cloud_removal.files import write_atomically
from cloud_removal.systems import find

CONFIG = "config.json"
CHECKPOINTS = "checkpoints"
BEST = "best"
"""Folder of the checkpoint that did best on the pairs kept from training, where there are any."""
COMMANDS = "commands.jsonl"


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


def begin(run: Run, start: int, command: str) -> None:
    """Writes `config.json`, and notes in `commands.jsonl` by which `command` the run goes on after step `start`.

    OutputError where the run folder cannot be written.
    """
    try:
        run.run_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(run.run_dir / CONFIG, run_to_text(run).encode())
        with open(run.run_dir / COMMANDS, "a", encoding="utf-8") as file:
            file.write(json.dumps({"command": command, "start": start, "time": round(time.time(), 3)}) + "\n")
    except OSError as error:
        raise OutputError(
            f"--run-dir {run.run_dir} cannot be written ({error.strerror}). Name a folder that can."
        ) from error
