"""What a GPU is trained with, as far as a processor shows it: XLA, loss scales, determinism, memory."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import configure
from cloud_removal.cli.train import train as train_by_command
from cloud_removal.errors import OptionError
from cloud_removal.systems import find
from cloud_removal.training import environment
from cloud_removal.training.environment import build
from cloud_removal.training.step import Step


def step_of(run):
    """A step of `run`, and a batch."""
    system = build(run)
    return Step(system, tf.Variable(0, dtype=tf.int64)), next(iter(system.batches("training", 0)))


def test_a_step_compiled_by_xla_does_what_one_that_is_not_does_loss_scale_and_all(tiny):
    losses = {}
    for xla in ("on", "off"):
        step, batch = step_of(tiny(precision="mixed_float16", xla=xla, learning_rate=0.01))
        step.system.networks["net"].stages[2].rate = 0.0  # XLA draws what dropout leaves out by a generator of its own.
        assert step.run.get_concrete_function(batch).function_def.attr["_XlaMustCompile"].b == (xla == "on")
        losses[xla] = [float(step.run(batch)["ground"]) for _ in range(3)]
    np.testing.assert_allclose(losses["on"], losses["off"], rtol=2e-3)
    assert losses["on"][0] > 1.01 * losses["on"][2]


def test_xla_compiles_where_it_is_asked_to_and_by_itself_on_a_gpu(tiny, monkeypatch):
    made = {xla: find("tiny")(tiny(xla=xla)) for xla in ("on", "off", "auto")}
    assert environment.compiles(made["on"]) and not environment.compiles(made["off"])
    for gpu in (False, True):
        monkeypatch.setattr(environment, "has_gpu", lambda gpu=gpu: gpu)
        assert environment.compiles(made["auto"]) == gpu


def test_a_step_whose_gradients_pass_through_a_max_pooling_is_compiled_only_where_it_need_not_be_deterministic(
    tiny, monkeypatch
):
    monkeypatch.setattr(environment, "has_gpu", lambda: True)
    monkeypatch.setattr(find("tiny"), "pools_maxima", True)
    for deterministic in (True, False):
        assert environment.compiles(find("tiny")(tiny(deterministic=deterministic))) != deterministic
    with pytest.raises(OptionError, match="--xla on: .* tiny .* --no-deterministic"):
        environment.compiles(find("tiny")(tiny(xla="on")))


def test_gradients_that_overflow_change_no_weight_and_halve_the_loss_scale_that_is_logged(tiny):
    step, batch = step_of(tiny(precision="mixed_float16"))
    optimizer, weights = step.system.optimizers["net"], step.system.networks["net"].trainable_variables
    optimizer.dynamic_scale.assign(2.0**40)
    before = [w.numpy() for w in weights]
    assert float(step.run(batch)["loss_scale"]) == 2.0**39
    assert all(np.array_equal(one, w) for one, w in zip(before, weights, strict=True))
    optimizer.dynamic_scale.assign(2.0**10)
    assert float(step.run(batch)["loss_scale"]) == 2.0**10
    assert not np.array_equal(before[0], weights[0])


def test_the_loss_scale_is_in_the_log_of_a_run_in_float16(tiny, train):
    train(tiny(precision="mixed_float16", steps=1))
    assert json.loads((tiny().run_dir / "log.jsonl").read_text())["loss_scale"] == 2.0**15


@pytest.mark.parametrize(("words", "times"), [((), 1), (("--no-deterministic",), 0)])
def test_a_run_is_deterministic_unless_told_otherwise(words, times, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(environment, "make_deterministic", lambda: calls.append(1))
    # A width of 0 is refused as soon as the system is built.
    assert train_by_command("train_defog.py", configure.DEFOG, "unet", ["--width", "0", *words]) == 1
    assert len(calls) == times and "--width 0" in capsys.readouterr().err


@pytest.mark.parametrize(("asked", "got"), [({}, "true"), ({"TF_FORCE_GPU_ALLOW_GROWTH": "false"}, "false")])
def test_a_gpus_memory_is_taken_as_it_is_needed_unless_the_user_says_otherwise(asked, got):
    kept = {name: value for name, value in os.environ.items() if name != "TF_FORCE_GPU_ALLOW_GROWTH"}
    script = "import os, cloud_removal.cli; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=kept | asked, check=True)
    assert done.stdout.strip() == got
