"""A translation network from run to result: exported with its card, run window by window, its opacity implied."""

import json

import keras
import numpy as np
import pytest
import rasterio
import tensorflow as tf

from cloud_removal.cli import main
from cloud_removal.config import Run
from cloud_removal.export import export
from cloud_removal.models.implied import implied_opacity
from cloud_removal.systems import find
from cloud_removal.systems.pix2pix import Options
from tests.small_model import cloudy, write_raster

TRAINING = {"data": ["none"], "licence": "ours", "command": "none", "steps": 1, "seconds": 1.0, "images": 1}


def exported(folder, **options):
    keras.utils.set_random_seed(0)
    run = Run("pix2pix", Options(width=2, discriminator_width=2, **options), size=32, precision="float32")
    system = find("pix2pix")(run)
    answer = system.networks["generator"].get_layer("answer").kernel
    answer.assign(20.0 * answer)  # So that it answers more than grey.
    return system, export(system, run, folder, training=TRAINING, scores={})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("models") / "translated", levels=4, field=16)


def card(folder):
    return json.loads((folder / "model.json").read_text())


def test_the_card_says_that_opacity_is_implied_and_that_no_halo_is_enough(model):
    values = card(model[1])
    assert (values["kind"], values["opacity"], values["receptive_radius"]) == ("defog", "implied", None)
    assert (values["stride"], values["smallest"], values["context"]) == (16, 16, None)


def test_with_batch_norm_windows_are_exact_with_a_halo_no_larger_than_the_radius(tmp_path):
    values = card(exported(tmp_path / "exact", levels=2, field=1, norm="batch")[1])
    assert values["receptive_radius"] == 11 and 0 < values["halo"] <= 12


def test_the_model_folder_answers_as_the_system_does(model):
    system, folder = model
    image = np.random.default_rng(0).random((1, 32, 48, 3), np.float32)
    served = tf.saved_model.load(folder).signatures["serving_default"](image=image)
    np.testing.assert_allclose(served["ground"], system.restore(image)["ground"], atol=1e-5)
    np.testing.assert_allclose(served["opacity"], implied_opacity(image, served["ground"]), atol=1e-5)


def test_remove_blends_its_windows_and_says_what_its_opacity_is(model, tmp_path, capsys):
    scene = write_raster(tmp_path / "scene.tif", np.round(255 * cloudy(90, 120)).astype(np.uint8))
    result, cloud, provenance = (tmp_path / name for name in ("clear.tif", "cloud.tif", "provenance.tif"))
    words = ["remove", str(scene), str(result), "--model", str(model[1]), "--window", "32"]
    assert main([*words, "--cloud", str(cloud), "--provenance", str(provenance)]) == 0
    said = capsys.readouterr().err
    assert "windows are blended" in said and "opacity is concluded from what it changed" in said
    with rasterio.open(scene) as before, rasterio.open(result) as after, rasterio.open(cloud) as opacity:
        assert after.shape == before.shape and after.crs == before.crs
        changed = np.any(after.read() != before.read(), axis=0)
        assert np.all(opacity.read(1)[changed] > 0.05) and changed.mean() > 0.5
    with rasterio.open(provenance) as source:
        assert np.all(source.read(1)[changed] >= 2)
