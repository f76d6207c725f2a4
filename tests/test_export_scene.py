"""A model folder of a system that makes pictures out of noise."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.data.latent import draw_noise
from cloud_removal.errors import ModelError
from cloud_removal.export import export
from cloud_removal.inference.model import Model
from cloud_removal.systems.scene import Options, SceneSystem
from cloud_removal.training.environment import build
from cloud_removal.training.initialize import initialize

TRAINING = {"data": ["none"], "licence": "ours", "command": "none", "steps": 2, "seconds": 1.5, "images": 8}
RUN = Run("scene", Options(width=1, latent=7), size=16, batch_size=2, precision="float32")
NOISE = draw_noise("uniform", 0, 5, 7)


@pytest.fixture(scope="module")
def system() -> SceneSystem:
    """After two steps, whose statistics of batch norm must come along."""
    system = build(RUN)
    for _ in range(2):
        system.train_step({"ground": tf.ones((2, 16, 16, 3))})
    return system


@pytest.fixture(scope="module")
def folder(system: SceneSystem, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(system, RUN, tmp_path_factory.mktemp("models") / "fields", training=TRAINING, scores={})


@pytest.fixture(scope="module")
def card(folder: Path) -> dict:
    return json.loads((folder / "model.json").read_text())


def test_the_exported_graph_makes_the_pictures_that_the_system_makes(folder, system):
    served = tf.saved_model.load(folder).signatures["serving_default"](noise=tf.constant(NOISE))["picture"]
    assert served.shape == (5, 16, 16, 3) and 0 <= served.numpy().min() <= served.numpy().max() <= 1
    np.testing.assert_allclose(served, system.generate(tf.constant(NOISE)), atol=1e-6)


def test_a_picture_depends_on_its_own_noise_alone(folder):
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    one, all_of_them = serve(noise=tf.constant(NOISE[2:3]))["picture"], serve(noise=tf.constant(NOISE))["picture"]
    np.testing.assert_allclose(one[0], all_of_them[2], atol=1e-6)


def test_the_card_says_which_noise_it_takes_and_which_pictures_it_gives(card):
    assert (card["kind"], card["size"], card["channels"], card["scaling"]) == ("scene", 16, "RGB", "[0, 1]")
    assert card["noise"] == {"numbers": 7, "distribution": "uniform"} and card["training"] == TRAINING


def test_the_card_speaks_of_no_windows(card):
    assert not {"stride", "smallest", "receptive_radius", "halo", "thresholds"} & set(card)


def test_the_discriminator_stays_behind_and_starts_anew_with_init(folder, system):
    with np.load(folder / "weights.npz") as weights:
        assert {name.split("/")[0] for name in weights.files} == {"generator"}
    other = build(RUN)
    initialize(other, folder, lambda line: None)
    np.testing.assert_array_equal(other.generate(tf.constant(NOISE)), system.generate(tf.constant(NOISE)))


def test_remove_says_that_it_is_no_model_for_clouds(folder):
    with pytest.raises(ModelError, match="takes clouds off pictures; this one makes pictures out of noise"):
        Model.load(folder)
