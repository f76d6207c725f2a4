"""That EnlightenGAN learns to brighten without pairs."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Augmentation
from cloud_removal.data.darken import darkened
from tests.systems.test_enlightengan import system

NATURAL = Augmentation(gain=(1, 1), gamma=(1, 1), saturation=(1, 1), tint=(1, 1), swap=0, palette=0, noise=(0, 0))
LOOKS = (60, 80, 100, 120, 140)
"""Steps after which is looked: two networks so small chase each other, so that no single step says much."""


@pytest.fixture(scope="module")
def pictures():
    """(ground as it was, restored before training, restored at each look) of dark ground that is not trained on."""
    run = {"learning_rate": 1e-3, "augmentation": NATURAL, "batch_size": 8}
    enlighten = system(size=32, run=run, width=4, discriminator_width=4, patches=1)
    truth = next(iter(enlighten.batches("validation", 0).take(1)))["b"].numpy()
    rng = np.random.default_rng(0)
    dark = tf.constant(np.stack([darkened(ground, rng) for ground in truth]))
    step, before, after = tf.function(enlighten.train_step), enlighten.restore(dark)["ground"].numpy(), []
    for number, batch in enumerate(enlighten.batches("training", 0).take(LOOKS[-1]), start=1):
        step(batch)
        if number in LOOKS:
            after.append(enlighten.restore(dark)["ground"].numpy())
    return truth, before, after


def test_it_learns_to_brighten_dark_ground_towards_what_it_has_never_been_shown_beside_it(pictures):
    truth, before, after = pictures
    errors = [np.mean(np.abs(picture - truth)) for picture in (before, *after)]
    assert errors[0] > 0.25 and np.median(errors[1:]) < 0.75 * errors[0]


def test_dark_ground_becomes_about_as_bright_as_the_bright_ground_it_was_shown(pictures):
    truth, before, after = pictures
    missing = [abs(truth.mean() - picture.mean()) for picture in (before, *after)]
    assert missing[0] > 0.25 and np.median(missing[1:]) < 0.5 * missing[0]
