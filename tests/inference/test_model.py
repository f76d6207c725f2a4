"""Model folders: found by name or version, checked before TensorFlow is imported."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cloud_removal.errors import ModelError
from cloud_removal.inference.model import Model, fingerprint, read_card


@pytest.fixture
def versions(tmp_path, model_folder):
    for version in ("2", "9", "10"):
        shutil.copytree(model_folder, tmp_path / "small" / version)
    return tmp_path / "small"


def test_a_card_of_another_format_is_refused(versions):
    card = versions / "2" / "model.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"format": 99}))
    with pytest.raises(ModelError, match="format 99"):
        read_card(versions / "2")


@pytest.mark.parametrize(
    "change",
    [
        {"stride": 0}, {"halo": -8}, {"halo": 5}, {"smallest": 0},
        {"context": {"size": 6, "window": 64, "spacing": 0}}, {"thresholds": {"keep_below": 2, "opaque_above": 0.7}},
    ],
)  # fmt: skip
def test_a_card_with_numbers_that_no_window_fits_is_refused(versions, change):
    card = versions / "2" / "model.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | change))
    with pytest.raises(ModelError, match="is no model's card"):
        read_card(versions / "2")


def test_a_card_of_another_network_is_refused(versions):
    card = versions / "2" / "model.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"context": None}))
    with pytest.raises(ModelError, match="do not belong together"):
        Model.load(versions / "2")


def test_a_network_that_does_not_take_what_its_card_promises_is_said(model):
    with pytest.raises(ModelError, match="does not take"):
        model.restore(np.zeros((1, 16, 16, 3), np.float32), np.zeros((1, 3, 3, 6), np.float32))


def test_other_weights_are_another_model(versions):
    before = fingerprint(read_card(versions / "2"))
    weights = next((versions / "2" / "variables").glob("*.data-*"))
    damaged = bytearray(weights.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    weights.write_bytes(damaged)
    assert fingerprint(read_card(versions / "2")) != before


def test_reading_a_card_does_not_import_tensorflow(model_folder):
    code = (
        "import sys; from cloud_removal.inference import pipeline; from cloud_removal.inference.model import read_card;"
        "from pathlib import Path; read_card(Path(sys.argv[1])); sys.exit('tensorflow' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(model_folder)], cwd=root, check=False).returncode == 0


def test_answers_that_are_no_numbers_are_an_error(model):
    with pytest.raises(ModelError, match="not numbers"):
        model.restore(np.full((1, 16, 16, 3), np.nan, np.float32), np.zeros((1, 2, 2, 6), np.float32))
