"""Inpainting stopped and gone on with: gate, pool, both optimizers and loss scales included."""

import dataclasses

import pytest
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.systems.inpaint import Options
from cloud_removal.training import checkpoint, environment, saves
from tests.systems.resuming import arrays, differing, differing_after_two_stretches

OPTIONS = Options(
    generator="glcic",
    width=2,
    discriminator="patch",
    discriminator_width=2,
    balance=1.5,
    balance_window=2,
    history=0.75,
    history_size=3,
)


def stepped(run, batches):
    """A new system after these batches, without a graph; and its variables by path."""
    system = environment.build(run)
    found = checkpoint.variables(system, tf.Variable(0, dtype=tf.int64, trainable=False))
    for batch in batches:
        system.train_step(batch)
    return system, found


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_restored_system_goes_on_bit_by_bit(precision, tmp_path):
    run = Run("inpaint", OPTIONS, size=32, batch_size=2, precision=precision, ema=0.9)
    system, unbroken = stepped(run, [])
    batches = list(system.batches("training", 0).take(4))
    for number, batch in enumerate(batches):
        if number == 2:
            prefix = checkpoint.save(tmp_path, unbroken, 2, 0.0)
        system.train_step(batch)
    other, resumed = stepped(dataclasses.replace(run, seed=1), [])  # Other weights, before they are restored.
    checkpoint.restore(saves.Saved(prefix, 2, 0.0), resumed)
    other.history.seed = system.history.seed
    for batch in batches[2:]:
        other.train_step(batch)
    assert differing(arrays(unbroken), arrays(resumed)) == []


def test_a_checkpoint_holds_gate_pool_and_both_optimizers(tmp_path):
    run = Run("inpaint", OPTIONS, size=32, batch_size=2, precision="mixed_float16")
    _, found = stepped(run, [])
    kinds = ("state/balance_losses", "state/history_picture", "state/history_hole", "state/diversity_variances")
    assert set(kinds) <= set(found)
    for name in ("generator", "discriminator"):
        assert any(path.startswith(f"optimizers/{name}/") and "dynamic_scale" in path for path in found)
        assert any(path.startswith(f"optimizers/{name}/") and "momentum" in path for path in found)


def test_a_run_through_all_phases_in_two_stretches_ends_as_one_in_one(tmp_path):
    options = dataclasses.replace(OPTIONS, completion_steps=1, discriminator_steps=2)
    run = Run("inpaint", options, steps=5, size=32, batch_size=2, precision="float32", log_every=1)
    assert differing_after_two_stretches(run, tmp_path, first=2) == []
