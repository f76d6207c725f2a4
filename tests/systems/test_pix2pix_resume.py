"""pix2pix stopped and gone on with: both optimizers, loss scales, jitter and the noise of dropout included."""

import dataclasses

import keras
import numpy as np
import pytest

from cloud_removal.config import Run
from cloud_removal.systems.pix2pix import Options
from cloud_removal.training import checkpoint, saves
from tests.systems.resuming import arrays, built, differing, differing_after_two_stretches

OPTIONS = Options(width=2, levels=5, field=16, discriminator_width=2)
DROPPING = Run("pix2pix", dataclasses.replace(OPTIONS, levels=7), size=128, batch_size=2, precision="float32")
"""Deep enough for all three layers of dropout."""


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_restored_system_goes_on_bit_by_bit_with_the_same_dropout(precision, tmp_path):
    run = dataclasses.replace(DROPPING, precision=precision, ema=0.9)
    system, unbroken = built(run)
    batches = list(system.batches("training", 0).take(3))
    system.train_step(batches[0])
    prefix = checkpoint.save(tmp_path, unbroken, 1, 0.0)
    other, resumed = built(dataclasses.replace(run, seed=1))  # Other weights and noise, before they are restored.
    checkpoint.restore(saves.Saved(prefix, 1, 0.0), resumed)
    for one in (system, other):
        for batch in batches[1:]:
            one.train_step(batch)
    assert differing(arrays(unbroken), arrays(resumed)) == []


def test_a_checkpoint_holds_the_states_of_dropout_all_of_which_move_in_each_step():
    system, found = built(DROPPING)
    layers = [layer for layer in system.networks["generator"].layers if isinstance(layer, keras.layers.Dropout)]
    seeds = [variable for path, variable in found.items() if "seed_generator" in path]
    assert len(seeds) == len(layers) == 3
    before = [np.array(seed) for seed in seeds]
    system.train_step(next(iter(system.batches("training", 0))))
    assert all(np.any(np.array(seed) != old) for seed, old in zip(seeds, before, strict=True))


def test_a_run_in_two_stretches_ends_as_one_in_one(tmp_path):
    run = Run("pix2pix", OPTIONS, steps=3, size=32, batch_size=2, precision="float32", schedule="linear", log_every=1)
    assert differing_after_two_stretches(run, tmp_path, first=1) == []
