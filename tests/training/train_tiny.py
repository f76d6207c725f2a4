"""A training script as the real ones are, for the tiny system of these tests."""

import sys
from pathlib import Path

from cloud_removal import systems
from cloud_removal.cli.train import train
from cloud_removal.config import Run

systems.__path__.append(str(Path(__file__).parent / "systems"))

if __name__ == "__main__":
    options = systems.find("tiny").Options()
    sys.exit(train("train_tiny.py", {"tiny": Run("tiny", options=options, size=8, batch_size=2)}, "tiny"))
