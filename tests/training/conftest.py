"""A run of the tiny system, and what it told the user."""

import dataclasses
from pathlib import Path

import pytest

from cloud_removal import plots, systems
from cloud_removal.config import Run
from cloud_removal.training import environment, loop
from cloud_removal.training.record import Drawing

SYSTEMS = Path(__file__).parent / "systems"


class Told(list):
    """Lines said to the user."""

    def __contains__(self, words):
        return any(words in line for line in self)


@pytest.fixture(autouse=True)
def _tiny_system_is_found(monkeypatch):
    monkeypatch.setattr(systems, "__path__", [*systems.__path__, str(SYSTEMS)])


@pytest.fixture
def tiny(tmp_path):
    """The settings of a tiny run; `tiny(steps=3, width=4)` changes some."""
    options = systems.find("tiny").Options

    def make(**changes):
        own = {name: changes.pop(name) for name in ("width", "last", "poison", "aim") if name in changes}
        defaults = {"run_dir": tmp_path / "run", "steps": 4, "batch_size": 2, "precision": "float32", "log_every": 1}
        return Run("tiny", options=options(**own), **(defaults | changes))

    return make


@pytest.fixture
def train():
    """Trains a run as the scripts do, in this process. Returns (exit code, lines told).

    Curves, which take a third of the time of so small a run, are drawn only where they are asked for.
    """

    def go(run, curves=lambda run_dir: b""):
        told = Told()
        system = environment.build(dataclasses.replace(run))
        drawing = Drawing(plots.grid, plots.png, curves)
        return loop.train(run, system, drawing, told.append, "python train_tiny.py"), told

    return go
