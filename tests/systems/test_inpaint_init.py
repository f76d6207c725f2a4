"""Inpainting started from weights that are there: of a model folder, which has no discriminator, or of a run."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.errors import ModelError
from cloud_removal.export import export
from cloud_removal.systems.inpaint import Options
from cloud_removal.training import checkpoint, environment
from cloud_removal.training.initialize import initialize
from cloud_removal.training.run_folder import begin

OPTIONS = Options(
    generator="glcic", width=2, discriminator="patch", discriminator_width=2, history_size=3, balance_window=2
)
RUN = Run("inpaint", OPTIONS, size=32, batch_size=2, precision="float32")


@pytest.fixture(scope="module")
def trained():
    """A system whose every weight differs from those of `RUN` built with another seed."""
    system = environment.build(RUN)
    for network in system.networks.values():
        for weight in network.weights:
            weight.assign(weight + 0.5)
    return system


@pytest.fixture(scope="module")
def model(trained, tmp_path_factory):
    return export(trained, RUN, tmp_path_factory.mktemp("models") / "fill", training={}, scores={})


@pytest.fixture
def run_dir(trained, tmp_path):
    begin(dataclasses.replace(RUN, run_dir=tmp_path / "run"), 0, "python train_inpaint.py")
    found = checkpoint.variables(trained, tf.Variable(1, dtype=tf.int64, trainable=False))
    checkpoint.save(tmp_path / "run" / "checkpoints", found, 1, 0.0)
    return tmp_path / "run"


def started(source, **changes):
    """A system with other first weights, started from `source`; what it had before, by network; and what was said."""
    system, told = environment.build(dataclasses.replace(RUN, seed=1, **changes)), []
    before = {name: values(network) for name, network in system.networks.items()}
    initialize(system, source, told.append)
    return system, before, told


def values(network):
    return [weight.numpy().copy() for weight in network.weights]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_from_a_model_folder_the_generator_goes_on_and_the_discriminator_starts_anew_which_is_said(trained, model):
    system, before, told = started(model)
    for name in ("generator", "fill"):
        assert same(values(system.networks[name]), values(trained.networks[name]))
    assert same(values(system.networks["discriminator"]), before["discriminator"])
    assert told == [f"Starting from the weights in {model}. It has no discriminator: that starts anew."]


def test_a_model_serves_any_discriminator(model):
    system, before, _ = started(model, options=dataclasses.replace(OPTIONS, discriminator="masked"))
    assert same(values(system.networks["discriminator"]), before["discriminator"])


def test_from_a_run_the_discriminator_goes_on_too(trained, run_dir):
    system, _, told = started(run_dir)
    for name, network in trained.networks.items():
        assert same(values(system.networks[name]), values(network))
    assert told == [f"Starting from the weights in {run_dir}."]


def test_a_runs_discriminator_of_another_width_is_refused(run_dir):
    with pytest.raises(ModelError, match="discriminator/"):
        started(run_dir, options=dataclasses.replace(OPTIONS, discriminator_width=4))


def test_a_generator_that_is_not_all_there_is_refused(model, tmp_path):
    damaged = shutil.copytree(model, tmp_path / "damaged" / "1")
    with np.load(damaged / "weights.npz") as file:
        kept = {name: file[name] for name in file.files if not name.startswith("fill/")}
    np.savez(damaged / "weights.npz", **kept)
    with pytest.raises(ModelError, match="it has no fill/"):
        started(damaged)
