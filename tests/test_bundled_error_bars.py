"""The error bars of the bundled model: what its card says, and what they are worth under simulated cloud."""

import functools

import numpy as np
import pytest

from cloud_removal.cli.calibrate import Treatment
from cloud_removal.config import Augmentation, Simulation
from cloud_removal.data.terrain import ProceduralGround
from cloud_removal.evaluation.calibration import Recipe, drawn, joined, simulated, widths
from cloud_removal.evaluation.conformal import accepted
from cloud_removal.inference.holes.completer import read_completer_card
from cloud_removal.inference.model import Model, read_card
from cloud_removal.inference.uncertainty.calibration import SECTION, Calibration
from cloud_removal.model_folder import DEFAULT, INPAINT

CLOUDS = Simulation(
    kinds=(1.0, 0.3, 0.0, 0.0), coverage=(0.4, 0.9), thin_opacity=(0.6, 0.8), brightness=(0.7, 1.0), shadow_share=0.0
)
AS_IT_IS = Augmentation(
    gain=(1.0, 1.0), gamma=(1.0, 1.0), saturation=(1.0, 1.0), tint=(1.0, 1.0), swap=0.0, palette=0.0, scale=(1.0, 1.0),
    noise=(0.0, 0.01),
)  # fmt: skip


@pytest.fixture(scope="module")
def section():
    return read_card(DEFAULT).values[SECTION]


def test_nine_in_ten_intervals_hold_on_other_ground_under_other_clouds(section):
    assert section["coverage"] == 0.9 and 0.87 <= section["covered"] <= 0.93
    assert sum(section["simulated"]["pictures"]) >= 1000


def test_every_class_was_seen_and_what_is_generated_is_that_of_the_bundled_model(section):
    assert all(row["factor"] is not None and row["pictures"] > 100 for row in section["classes"])
    assert section["generator"]["content"] == read_completer_card(INPAINT).fingerprint


def test_errors_fall_with_the_threshold_by_what_was_measured(section):
    errors = [row["error"] for row in section["accepted"]]
    assert len(errors) >= 4 and errors == sorted(errors) and errors[0] < 0.6 * errors[-1]


def test_errors_of_accepted_pixels_fall_with_the_threshold():
    model = Model.load(DEFAULT)
    calibration = Calibration.of(model.card)
    ground = ProceduralGround(0, "validation", 128)
    picture = functools.partial(simulated, ground, Recipe(CLOUDS, AS_IT_IS, 128), 1)
    pixels = joined(drawn(picture, 12, Treatment(model, None, calibration.classes), each=400))
    half = widths(pixels, calibration.factors)
    thresholds = np.quantile(half, [0.25, 0.5, 0.75, 1.0])
    errors = [one.error for one in accepted(pixels.error, half, thresholds)]
    assert errors == sorted(errors) and errors[0] < 0.8 * errors[-1]
