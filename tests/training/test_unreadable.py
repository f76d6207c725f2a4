"""Training on pictures that turn out to be damaged when they are needed."""

import cv2
import numpy as np
import pytest

from cloud_removal import systems
from cloud_removal.cli.train import train
from cloud_removal.config import Run
from cloud_removal.data.clear import clear_batches
from cloud_removal.data.tiles import cut


@pytest.mark.parametrize("option", ["--dry-run", "--steps=2"])
def test_a_damaged_record_ends_training_with_one_line(tmp_path, monkeypatch, capsys, option):
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    cut(tmp_path / "a.png", tmp_path / "shards", 16, kind="tfrecord")
    shard = next((tmp_path / "shards").glob("*.tfrecord"))
    shard.write_bytes(bytes(byte ^ (number % 500 == 300) for number, byte in enumerate(shard.read_bytes())))
    tiny = systems.find("tiny")
    monkeypatch.setattr(tiny, "batches", lambda system, split, first=0: clear_batches(system.run, split, first))
    presets = {"tiny": Run("tiny", options=tiny.Options(), size=8, batch_size=2, precision="float32")}
    words = [f"--data.ground={tmp_path / 'shards'}", f"--run-dir={tmp_path / 'run'}", option]
    assert train("train_tiny.py", presets, "tiny", words) == 1
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1 and error[0].startswith(f"error: {shard}: record ") and "is damaged" in error[0]
