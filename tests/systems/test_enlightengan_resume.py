"""EnlightenGAN stopped and gone on with, exported, and put to work on scenes."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import rasterio
import tensorflow as tf

import configure
from cloud_removal.cli.train import train
from cloud_removal.config import Run
from cloud_removal.export import export
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.systems.enlightengan import GENERATOR, EnlightenGANSystem, Options
from cloud_removal.training import checkpoint, saves
from tests.small_model import read, write_raster
from tests.systems.resuming import arrays, built, differing

OPTIONS = Options(width=2, discriminator_width=2, patches=2, local_features_weight=0.0, vgg="random")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_restored_system_goes_on_bit_by_bit(precision, tmp_path):
    run = Run("enlightengan", OPTIONS, size=32, batch_size=2, precision=precision, seed=5)
    system, unbroken = built(run)
    batches = list(system.batches("training", 0).take(3))
    for number, batch in enumerate(batches):
        if number == 1:
            prefix = checkpoint.save(tmp_path, unbroken, 1, 0.0)
        system.train_step(batch)
    other, resumed = built(run)
    for variable in other.networks[GENERATOR].trainable_variables:
        variable.assign(tf.zeros_like(variable))  # Other weights, before they are restored.
    checkpoint.restore(saves.Saved(prefix, 1, 0.0), resumed)
    for batch in batches[1:]:
        other.train_step(batch)
    assert differing(arrays(unbroken), arrays(resumed)) == []


def lit(system):
    """The same system, adding light where it is dark, and texture, so that there is something to see."""
    rng = np.random.default_rng(0)
    for weight in system.networks[GENERATOR].weights:
        if "kernel" in weight.path:
            weight.assign(rng.normal(0.0, 1.2 / np.sqrt(np.prod(weight.shape[:3])), weight.shape))
    system.networks[GENERATOR].get_layer("residual").bias.assign([0.6, 0.6, 0.6])
    return system


@pytest.fixture(scope="module", params=["range", "picture"])
def model_folder(request, tmp_path_factory):
    keras.utils.set_random_seed(0)
    # The weights of VGG16 are not there: a model is exported without them.
    options = dataclasses.replace(OPTIONS, normalise=request.param, vgg="nowhere.h5")
    run = Run("enlightengan", options, size=32, batch_size=1, precision="float32")
    system = lit(EnlightenGANSystem(run))
    return export(system, run, tmp_path_factory.mktemp(request.param) / "light", training={}, scores={}), system


@pytest.fixture
def scene(tmp_path):
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:210, :170].astype(np.float32)
    light = 0.25 + 0.2 * np.sin(rows / 31.0) * np.cos(columns / 23.0)
    values = np.clip(light + rng.normal(0.0, 0.05, (3, 210, 170)), 0.0, 1.0)
    return write_raster(tmp_path / "in.tif", np.round(255 * values).astype(np.uint8))


def test_the_model_folder_holds_the_generator_alone_and_answers_as_the_system(model_folder):
    folder, system = model_folder
    with np.load(folder / "weights.npz") as weights:
        assert {name.split("/")[0] for name in weights.files} == {GENERATOR}
    picture = np.random.default_rng(0).random((1, 48, 64, 3), np.float32)
    served = tf.saved_model.load(str(folder)).signatures["serving_default"](tf.constant(picture))
    for name, value in system.restore(tf.constant(picture)).items():
        np.testing.assert_allclose(served[name], value, atol=1e-5)


def test_the_card_says_where_windows_are_exact_and_that_opacity_is_implied(model_folder):
    folder, system = model_folder
    card = json.loads((folder / "model.json").read_text())
    expected = 139 if system.options.normalise == "range" else None
    assert (card["receptive_radius"], card["opacity"], card["stride"]) == (expected, "implied", 16)


def test_a_scene_is_enlightened_the_same_in_windows_as_whole_where_that_is_promised(model_folder, scene):
    folder, system = model_folder
    results = {}
    for window in (64, 256):
        target = scene.with_name(f"{window}.tif")
        remove(scene, target, Model.load(folder), Settings(window=window), cloud=scene.with_name(f"{window}_cloud.tif"))
        results[window] = read(target).astype(int)
    before = read(scene).astype(int)
    assert np.mean(results[256]) > np.mean(before) + 20
    difference = np.abs(results[64] - results[256])
    if system.options.normalise == "range":
        assert difference.max() <= 1
    else:
        assert difference.max() > 1 and difference.mean() < 8
    with rasterio.open(scene.with_name("64_cloud.tif")) as cloud:
        assert 0.0 <= cloud.read().min() <= cloud.read().max() <= 1.0


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
def test_a_run_that_cannot_have_vgg16_ends_in_one_line_and_writes_nothing(words, tmp_path, capsys):
    folder, weights = tmp_path / "run", tmp_path / "vgg.h5"
    small = ["--width", "1", "--discriminator-width", "1", "--size", "32", "--precision", "float32"]
    options = ["--preset", "enlightengan-narrow", "--run-dir", str(folder), "--vgg", str(weights), *small, *words]
    assert train("train_translate.py", configure.TRANSLATE, configure.TRANSLATE_DEFAULT, options) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"--vgg {weights}: there is no such file. Expected imagenet, random, or a file" in last
    assert list(tmp_path.iterdir()) == []
