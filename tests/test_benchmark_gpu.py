"""What `make gpu` measures, as far as a processor shows it."""

import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import configure
from benchmarks.cures.page import BEGIN, END
from benchmarks.gpu import cases, keras_networks, page
from benchmarks.gpu.answers import serve
from benchmarks.gpu.flops import forward_flops
from benchmarks.gpu.tensorflow_worker import TensorflowTrainer, run_of
from cloud_removal.systems.base import lit_ground
from cloud_removal.training.environment import build

ROOT = Path(__file__).parents[1]
NARROW = {"width": 1, "widths": [1, 1, 1, 1, 1]}
ROW = {
    "title": cases.every()[0].title, "device": "a card", "library": "TensorFlow", "images_per_second": 1234.5,
    "torch_images_per_second": None, "over_torch": None, "tflops": 50.0, "peak_tflops": 400.0, "share_of_peak": 0.125,
    "with_data": 600.0, "data_wait": 0.5,
}  # fmt: skip


@pytest.fixture
def narrow():
    """The smallest run of a preset, without TensorFlow's graphs."""

    def make(preset):
        run = run_of(cases.Case(preset, "float32", 1, cases.QUICK_SIZE).spec())
        own = {name: type(getattr(run.options, name))(value) for name, value in NARROW.items()}
        return dataclasses.replace(run, options=dataclasses.replace(run.options, **own))

    tf.config.run_functions_eagerly(True)
    yield make
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("preset", cases.NETWORKS)
def test_what_is_measured_is_what_the_preset_trains(preset):
    run, spec = configure.DEFOG[preset], dict(cases.NETWORKS[preset])
    own = {name: spec.pop(name) for name in ("learning_rate", "clip_norm", "ema")}
    assert own == {name: getattr(run, name) for name in own}
    options = json.loads(json.dumps(dataclasses.asdict(run.options)))
    assert spec == {name: options[name] for name in spec}


def test_the_default_preset_is_measured():
    assert configure.DEFOG_DEFAULT in cases.NETWORKS


@pytest.mark.parametrize("preset", cases.NETWORKS)
def test_on_any_backend_the_loss_is_that_of_the_system(preset, narrow):
    system, spec = build(narrow(preset)), cases.Case(preset, "float32", 2, cases.QUICK_SIZE).spec()
    batch = {name: tf.constant(values) for name, values in keras_networks.random_batch(spec).items()}
    batch |= {"shadow": tf.zeros_like(batch["opacity"]), "known": tf.ones((2, 1, 1, 1))}
    networks = [system.networks[name] for name in ("context", "unet") if name in system.networks]
    answered = keras_networks.answer(spec, lambda n, x: networks[n](x, training=True), batch["aerial"])
    cloud = system._cloud_loss(batch["opacity"], answered[..., :1], batch["known"])
    ground = system._ground_loss(lit_ground(batch), answered[..., 1:], batch["opacity"], answered[..., :1])
    own = system.options.cloud_weight * cloud + ground
    np.testing.assert_allclose(keras_networks.objective(spec, answered, batch), own, rtol=1e-5)
    np.testing.assert_allclose(system._answer(batch["aerial"], training=True), answered, atol=1e-5)


def test_the_operations_of_convolutions_and_dense_layers_are_counted_by_the_places_of_their_kernels():
    picture = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, 2, padding="same")(picture)
    x = keras.layers.Conv2DTranspose(5, 4, 2, padding="same")(x)
    network = keras.Model(picture, keras.layers.Dense(7)(keras.layers.BatchNormalization()(x)))
    expected = 4 * 4 * (9 * 3 * 4) + 4 * 4 * (16 * 4 * 5) + 8 * 8 * (5 * 7)
    assert forward_flops(network, [(1, 8, 8, 3)]) == 2 * expected


def test_the_worker_takes_steps_of_the_system_and_says_what_it_runs_on_and_how_long_it_waited(narrow):
    trainer, answers = TensorflowTrainer(narrow("unet")), io.StringIO()
    before = [np.array(v.numpy()) for v in trainer.system.networks["unet"].trainable_variables]
    serve(trainer, ["1\n", "device\n", "peak\n", "flops\n", "data 1\n"], answers)
    parameters, seconds, device, peak, flops, data = map(json.loads, answers.getvalue().splitlines())
    assert parameters == sum(v.size for v in before) and int(trainer.step.counter) == 3 and seconds > 0
    assert device["gpu"] is bool(tf.config.list_physical_devices("GPU")) and peak > 0
    assert flops == forward_flops(trainer.system.networks["unet"], [(1, 96, 96, 3)]) > 0
    assert data["images_per_second"] > 0 and 0 <= data["data_wait"] <= 1


def test_rows_that_were_not_measured_are_missing_and_one_that_was_shows_its_numbers():
    every = cases.every()
    first, *others = page.section(every, {ROW["title"]: ROW}).splitlines()[4:]
    assert first.split(" | ")[1:] == ["1,234", "–", "–", "50.0", "12%", "600", "50% |"]
    assert len(others) == len(every) - 1 and all(line.count(page.MISSING) == len(page.COLUMNS) for line in others)


def test_the_page_on_performance_has_every_row():
    text = (ROOT / "docs" / "performance.md").read_text()
    measured = text.partition(BEGIN)[2].partition(END)[0]
    assert [line.split(" | ")[0].removeprefix("| ") for line in measured.splitlines() if " px, " in line] == [
        case.title for case in cases.every()
    ]


def test_what_measures_needs_no_tensorflow_where_a_gpu_has_only_jax():
    code = "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; import benchmarks.gpu.__main__"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
