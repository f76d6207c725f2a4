"""Scenes from noise stopped and gone on with: noise, monitor, both optimizers and loss scales included."""

import dataclasses

import pytest
import tensorflow as tf

import configure
from cloud_removal.cli.train import train
from cloud_removal.config import Run
from cloud_removal.systems.scene import Options
from cloud_removal.training import checkpoint, saves
from tests.systems.resuming import arrays, built, differing, differing_after_two_stretches

CRITIC = Options(width=2, latent=5, adversarial="wgan-gp", critic_steps=2)


@pytest.mark.parametrize(
    ("options", "precision"),
    [
        (Options(width=2, latent=5), "mixed_bfloat16"),
        (Options(width=2, latent=5, balance=1.1, balance_window=2), "mixed_float16"),
        (CRITIC, "float32"),
        (dataclasses.replace(CRITIC, adversarial="wgan"), "float32"),
    ],
    ids=["dcgan-bfloat16", "dcgan-float16", "wgan-gp", "wgan"],
)
def test_a_restored_system_goes_on_bit_by_bit(options, precision, tmp_path):
    run = Run("scene", options, size=16, batch_size=2, precision=precision)
    system, unbroken = built(run)
    batches = list(system.batches("training", 0).take(4))
    for number, batch in enumerate(batches):
        if number == 1:
            prefix = checkpoint.save(tmp_path, unbroken, 1, 0.0)
        system.train_step(batch)
    other, resumed = built(run)
    for variable in resumed.values():  # Nothing may be right by chance.
        variable.assign(tf.zeros_like(checkpoint._tensorflow(variable)))
    checkpoint.restore(saves.Saved(prefix, 1, 0.0), resumed)
    for batch in batches[1:]:
        other.train_step(batch)
    assert differing(arrays(unbroken), arrays(resumed)) == []


def test_a_checkpoint_holds_the_step_the_monitor_and_both_optimizers():
    _, found = built(Run("scene", CRITIC, size=16, batch_size=2, precision="mixed_float16"))
    assert {"state/steps", "state/diversity_variances", "state/diversity_watched"} <= set(found)
    for name in ("generator", "discriminator"):
        assert any(path.startswith(f"optimizers/{name}/") and "dynamic_scale" in path for path in found)
        assert any(path.startswith(f"optimizers/{name}/") and "momentum" in path for path in found)


def test_a_run_in_two_stretches_ends_as_one_in_one(tmp_path):
    run = Run("scene", CRITIC, steps=5, size=16, batch_size=2, precision="float32", log_every=1)
    assert differing_after_two_stretches(run, tmp_path, first=3) == []


def test_averages_of_the_weights_which_batch_norm_stands_between_are_refused_and_nothing_is_written(tmp_path, capsys):
    small = ["--width", "1", "--size", "16", "--batch-size", "2", "--precision", "float32"]
    options = ["--preset", "farmland", "--ema", "0.9", "--run-dir", str(tmp_path / "run"), *small]
    assert train("train_scene.py", configure.SCENE, configure.SCENE_DEFAULT, options) == 1
    assert "--ema 0.9: the network generator has batch norm" in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
