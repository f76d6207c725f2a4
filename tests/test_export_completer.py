"""A model folder of a completer fills holes in pictures of any size, and says so."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.errors import ModelError
from cloud_removal.export import export, weights_by_path
from cloud_removal.export.completer import deepest_hole, measured_halo
from cloud_removal.systems import find, inpaint
from cloud_removal.systems.base import Batch, Completer, Scalars, System

TRAINING = {"data": ["none"], "licence": "ours", "command": "none", "steps": 2, "seconds": 1.5, "images": 8}


class Tiny(Completer):
    """One 3×3 convolution at a quarter of the resolution: what is in a hole comes from up to 8 pixels away."""

    stride, receptive_radius, smallest = 4, 8, 8
    training_only = ("discriminator",)

    def __init__(self, run: Run):
        super().__init__(run)
        given = keras.Input((None, None, 4))
        small = keras.layers.AveragePooling2D(4)(given)
        small = keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid", name="conv")(small)
        judge = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, name="dense")])
        patch = keras.layers.UpSampling2D(4, dtype="float32")(small)
        self.networks = {"generator": keras.Model(given, patch), "discriminator": judge}

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors({"ground": tf.ones((1, 8, 8, 3))}).repeat()

    def train_step(self, batch: Batch) -> Scalars:
        return {}

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        return {"ground": batch["ground"]}

    def complete(self, image: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
        given = tf.concat([tf.where(hole < 1.0, image, 0.0), hole], axis=-1)
        return tf.where(hole > 0.0, self.networks["generator"](given, training=False), image)


def picture(height: int, width: int, batch: int = 1) -> tf.Tensor:
    return tf.constant(np.random.default_rng(5).random((batch, height, width, 3), dtype=np.float32))


def hole(height: int, width: int, batch: int = 1) -> tf.Tensor:
    mask = np.zeros((batch, height, width, 1), np.float32)
    mask[:, height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = 1.0
    return tf.constant(mask)


@pytest.fixture(scope="module")
def run() -> Run:
    return Run("tiny", size=64)


@pytest.fixture(scope="module")
def system(run: Run) -> Tiny:
    keras.utils.set_random_seed(1)
    return Tiny(run)


@pytest.fixture(scope="module")
def folder(system: Tiny, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(system, run, tmp_path_factory.mktemp("models") / "tiny", training=TRAINING, scores={"mae": 9.0})


@pytest.fixture(scope="module")
def served(folder: Path):
    return tf.saved_model.load(folder).signatures["serving_default"]


def card(folder: Path) -> dict:
    return json.loads((folder / "model.json").read_text())


def test_the_exported_graph_completes_as_the_system_does(served, system):
    completed = served(image=picture(16, 24), hole=hole(16, 24))["completed"]
    np.testing.assert_allclose(completed, system.complete(picture(16, 24), hole(16, 24)), atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (8, 8), (33, 6)])
def test_serving_takes_pictures_of_any_size(served, size):
    assert served(image=picture(*size, batch=2), hole=hole(*size, batch=2))["completed"].shape == (2, *size, 3)


def test_serving_continues_picture_and_hole_by_reflection(served, system):
    completed = served(image=picture(10, 11), hole=hole(10, 11))["completed"]
    margin = ((0, 0), (0, 2), (0, 1), (0, 0))
    padded = [np.pad(values, margin, mode="reflect") for values in (picture(10, 11), hole(10, 11))]
    np.testing.assert_allclose(completed, system.complete(*padded)[:, :10, :11], atol=1e-6)


def test_what_is_no_hole_comes_through_bit_by_bit(served):
    completed = served(image=picture(13, 9), hole=hole(13, 9))["completed"].numpy()
    kept = hole(13, 9).numpy()[..., 0] == 0.0
    assert completed[kept].tobytes() == picture(13, 9).numpy()[kept].tobytes()


def test_the_card_says_that_it_fills_holes_and_how_deep(folder):
    values = card(folder)
    assert (values["kind"], values["stride"], values["halo"], values["smallest"]) == ("inpaint", 4, 4, 8)
    assert 8 <= values["deepest"] <= 24 and values["scores"] == {"mae": 9.0}


def test_the_card_of_a_completer_has_no_thresholds_of_opacity(folder):
    assert not {"thresholds", "context"} & set(card(folder))


def test_what_only_training_needs_is_neither_in_the_graph_nor_in_the_weights_beside_it(folder, system):
    stored = [name for name, _ in tf.train.list_variables(str(folder / "variables" / "variables")) if "weights" in name]
    with np.load(folder / "weights.npz") as weights:
        beside = set(weights.files)
    assert len(stored) == 2 and beside == set(weights_by_path(system)) == {
        f"generator/{variable.path}" for variable in system.networks["generator"].weights
    }


def test_the_halo_is_what_is_needed_where_the_theoretical_radius_is_larger(system):
    assert measured_halo(system) == 4


def test_holes_as_deep_as_those_of_training_grow_with_the_pictures_trained_on():
    assert deepest_hole(Run("tiny", size=128)) == pytest.approx(2 * deepest_hole(Run("tiny", size=64)), abs=3)


def test_a_system_that_neither_restores_nor_completes_is_refused(run, tmp_path):
    class Judge(System):
        batches = train_step = samples = None

    Judge.__abstractmethods__ = frozenset()
    with pytest.raises(ModelError, match="nothing to export"):
        export(Judge(run), run, tmp_path / "judge", training=TRAINING, scores={})


def test_the_inpainting_system_gives_the_same_from_its_model_folder(tmp_path):
    """At a size that is no multiple of its stride; its mean colour, learned in training, comes along."""
    options = inpaint.Options(generator="glcic", width=2, discriminator="patch", discriminator_width=2)
    run = Run("inpaint", options, size=64, batch_size=2, precision="float32")
    system = find("inpaint")(run)
    system.networks["fill"](picture(64, 64), training=True)
    folder = export(system, run, tmp_path / "inpaint", training=TRAINING, scores={})
    answer = tf.saved_model.load(folder).signatures["serving_default"](image=picture(40, 47), hole=hole(40, 47))
    margin = ((0, 0), (0, 0), (0, 1), (0, 0))
    padded = [np.pad(values, margin, mode="reflect") for values in (picture(40, 47), hole(40, 47))]
    np.testing.assert_allclose(answer["completed"], system.complete(*padded)[:, :, :47], atol=1e-5)
