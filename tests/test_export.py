"""A model folder holds the network that was trained, takes any size, and appears complete or not at all."""

import dataclasses
import json
import resource
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.errors import OutputError
from cloud_removal.export import (
    Thresholds,
    as_float32,
    export,
    measured_halo,
    noisy_pictures,
    reflected,
    weights_by_path,
)
from cloud_removal.systems import find, mend, unet
from cloud_removal.systems.base import Batch, Restorer, Scalars

TRAINING = {"data": ["none"], "licence": "ours", "command": "none", "steps": 2, "seconds": 1.5, "images": 8}


class Tiny(Restorer):
    """One 3×3 convolution at a quarter of the resolution, added to the picture: a receptive radius of 8 pixels."""

    stride, receptive_radius = 4, 8

    def __init__(self, run: Run):
        super().__init__(run)
        picture = keras.Input((None, None, 3))
        small = keras.layers.AveragePooling2D(4)(picture)
        small = keras.layers.Conv2D(4, 3, padding="same", name="conv")(small)
        added = keras.layers.UpSampling2D(4, dtype="float32")(small)
        self.networks = {"net": keras.Model(picture, added)}
        optimizer = keras.optimizers.Adam(0.1, use_ema=run.ema is not None, ema_momentum=run.ema or 0.9)
        optimizer.build(self.networks["net"].trainable_variables)
        self.optimizers = {"net": optimizer}

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors({"aerial": tf.ones((1, 8, 8, 3))}).repeat()

    def train_step(self, batch: Batch) -> Scalars:
        weights = self.networks["net"].trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.networks["net"](batch["aerial"]) ** 2)
        self.optimizers["net"].apply(tape.gradient(loss, [w.value for w in weights]), weights)
        return {"loss": loss}

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        return {"picture": batch["aerial"]}

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        added = self.networks["net"](image, training=False)
        return {"ground": tf.sigmoid(image + added[..., 1:]), "opacity": tf.sigmoid(added[..., :1])}


class InContext(Tiny):
    """The same, darkened by the mean of the whole picture."""

    context_size = 1
    smallest = 8

    def context(self, image: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(image, axis=(1, 2, 3))[:, tf.newaxis]

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        shape = tf.shape(image)
        if context is None:
            context = tf.tile(self.context(image)[:, None, None], (1, shape[1] // 4, shape[2] // 4, 1))
        result = super().restore(image)
        everywhere = tf.repeat(tf.repeat(context, 4, axis=1), 4, axis=2)
        return {"ground": result["ground"] * (1.0 - everywhere), "opacity": result["opacity"]}


def picture(height: int, width: int, batch: int = 1) -> tf.Tensor:
    return tf.constant(np.random.default_rng(5).random((batch, height, width, 3), dtype=np.float32))


@pytest.fixture(scope="module")
def run() -> Run:
    return Run("tiny")


@pytest.fixture(scope="module")
def system(run: Run) -> Tiny:
    keras.utils.set_random_seed(1)
    return Tiny(run)


@pytest.fixture(scope="module")
def in_context(run: Run) -> InContext:
    return InContext(run)


@pytest.fixture(scope="module")
def folder(system: Tiny, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(system, run, tmp_path_factory.mktemp("models") / "tiny", training=TRAINING, scores={"rice": 24.0})


@pytest.fixture(scope="module")
def folder_in_context(in_context: InContext, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(in_context, run, tmp_path_factory.mktemp("models") / "tiny", training=TRAINING, scores={})


def test_the_exported_graph_gives_what_the_system_gives(folder, system):
    served = tf.saved_model.load(folder).signatures["serving_default"](image=picture(8, 12))
    np.testing.assert_allclose(served["ground"], system.restore(picture(8, 12))["ground"], atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (4, 4), (33, 6)])
def test_serving_takes_pictures_of_any_size(folder, size):
    served = tf.saved_model.load(folder).signatures["serving_default"](image=picture(*size, batch=2))
    assert (served["ground"].shape, served["opacity"].shape) == ((2, *size, 3), (2, *size, 1))


def test_serving_continues_a_picture_by_reflection(folder, system):
    served = tf.saved_model.load(folder).signatures["serving_default"](image=picture(6, 7))
    padded = np.pad(picture(6, 7), ((0, 0), (0, 2), (0, 1), (0, 0)), mode="reflect")
    np.testing.assert_allclose(served["ground"], system.restore(padded)["ground"][:, :6, :7], atol=1e-6)


def test_reflection_goes_on_over_and_over_like_that_of_numpy():
    small = picture(3, 2)
    wanted = np.pad(small, ((0, 0), (0, 20), (0, 7), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(reflected(small, tf.constant(23), tf.constant(9)), wanted)


def test_a_network_without_context_has_no_signature_for_one(folder):
    signatures = sorted(tf.saved_model.load(folder).signatures)
    assert signatures == ["bytes", "card", "remove", "restore", "serving_default"]


def test_a_network_with_context_takes_it_as_a_second_input(folder_in_context, in_context):
    loaded = tf.saved_model.load(folder_in_context).signatures
    context = loaded["context"](image=picture(8, 12))["context"]
    served = loaded["restore"](image=picture(8, 12), context=tf.tile(context[:, None, None], (1, 2, 3, 1)))
    np.testing.assert_allclose(served["ground"], in_context.restore(picture(8, 12))["ground"], atol=1e-6)


def test_serving_finds_the_context_of_the_picture_itself_not_of_what_pads_it(folder_in_context, in_context):
    loaded = tf.saved_model.load(folder_in_context).signatures
    image = tf.concat([tf.zeros((1, 9, 8, 3)), tf.ones((1, 1, 8, 3))], axis=1)
    grid = tf.fill((1, 3, 2, 1), tf.reduce_mean(image))
    padded = np.pad(image, ((0, 0), (0, 2), (0, 0), (0, 0)), mode="reflect")
    wanted = in_context.restore(padded, grid)["ground"][:, :10]
    np.testing.assert_allclose(loaded["serving_default"](image=image)["ground"], wanted, atol=1e-6)


def test_a_model_folder_needs_nothing_but_tensorflow(folder):
    program = (
        "import sys, tensorflow as tf; served = tf.saved_model.load(sys.argv[1]).signatures['serving_default'];"
        "print(served(image=tf.zeros((1, 5, 5, 3)))['ground'].shape,"
        " any(name.startswith('cloud_removal') for name in sys.modules))"
    )
    command = [sys.executable, "-c", program, str(folder)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    assert printed.strip() == "(1, 5, 5, 3) False"


def test_the_weights_lie_beside_the_graph_by_path(folder, system):
    with np.load(folder / "weights.npz") as weights:
        stored = {name: weights[name] for name in weights.files}
    np.testing.assert_equal(stored, weights_by_path(system))


def test_paths_of_weights_begin_with_the_network(system):
    assert sorted(weights_by_path(system)) == ["net/conv/bias", "net/conv/kernel"]


def test_the_card_says_what_the_model_is(folder):
    card = json.loads((folder / "model.json").read_text())
    known = {name: card[name] for name in ("format", "name", "version", "system", "stride", "context", "channels")}
    assert known == {
        "format": 1, "name": "tiny", "version": 1, "system": "tiny", "stride": 4, "context": None, "channels": "RGB",
    }  # fmt: skip


def test_the_card_carries_how_it_was_trained_and_what_it_scores(folder):
    card = json.loads((folder / "model.json").read_text())
    assert (card["training"], card["scores"]) == (TRAINING, {"rice": 24.0})


def test_the_card_carries_the_whole_configuration(folder, run):
    card = json.loads((folder / "model.json").read_text())
    assert set(card["config"]) == {f.name for f in dataclasses.fields(run)}


def test_measured_thresholds_and_error_bars_go_into_the_card(system, run, tmp_path):
    measured = {"thresholds": Thresholds(keep_below=0.1), "uncertainty": {"coverage": 0.9}}
    folder = export(system, run, tmp_path / "tiny", training={}, scores={}, **measured)
    card = json.loads((folder / "model.json").read_text())
    assert card["thresholds"] == {"keep_below": 0.1, "opaque_above": 0.75} and card["uncertainty"] == {"coverage": 0.9}


def test_the_curves_lie_beside_the_card(system, run, tmp_path):
    (tmp_path / "drawn.png").write_bytes(b"curves")
    folder = export(system, run, tmp_path / "tiny", training={}, scores={}, curves=tmp_path / "drawn.png")
    assert (folder / "curves.png").read_bytes() == b"curves"


RESTORERS = {
    "unet": unet.Options(width=2),
    "veil": unet.Options(network="veil", widths=(4, 4, 4, 4, 4)),
    "mend": mend.Options(width=2),
}


@pytest.mark.parametrize("name", RESTORERS)
def test_every_restorer_gives_the_same_from_its_model_folder(name, tmp_path):
    """At a size that is no multiple of its stride and a batch of two."""
    run = Run("mend" if name == "mend" else "unet", RESTORERS[name])
    system = find(run.system)(run)
    folder = export(system, run, tmp_path / name, training=TRAINING, scores={})
    served = tf.saved_model.load(folder).signatures["serving_default"](image=picture(96, 110, batch=2))
    padded = tf.pad(picture(96, 110, batch=2), ((0, 0), (0, 0), (0, 18), (0, 0)), mode="REFLECT")
    grid = None
    if system.context_size:
        grid = tf.tile(system.context(picture(96, 110, batch=2))[:, None, None], (1, 3, 4, 1))
    np.testing.assert_allclose(served["ground"], system.restore(padded, grid)["ground"][:, :, :110], atol=1e-5)


def test_the_second_export_is_the_second_version(system, run, tmp_path):
    folders = [export(system, run, tmp_path / "tiny", training=TRAINING, scores={}) for _ in range(2)]
    assert [folder.name for folder in folders] == ["1", "2"]


def test_nothing_is_left_but_finished_versions_and_what_a_server_is_told_of_them(system, run, tmp_path):
    export(system, run, tmp_path / "tiny", training=TRAINING, scores={})
    assert sorted(path.name for path in (tmp_path / "tiny").iterdir()) == ["1", "batching.config", "models.config"]


def test_an_export_that_fails_leaves_nothing_behind(system, run, tmp_path):
    with pytest.raises(TypeError):
        export(system, run, tmp_path / "tiny", training={"data": object()}, scores={})
    assert list((tmp_path / "tiny").iterdir()) == []


def test_a_destination_that_cannot_be_a_folder_is_named(system, run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file/tiny"):
        export(system, run, tmp_path / "file" / "tiny", training=TRAINING, scores={})


def test_a_full_disk_is_said_and_leaves_nothing_behind(system, run, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            export(system, run, tmp_path / "tiny", training=TRAINING, scores={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "tiny").iterdir()) == []


def test_a_run_in_mixed_precision_is_exported_in_float32(run):
    keras.config.set_dtype_policy("mixed_bfloat16")
    mixed = Tiny(run)
    served = as_float32(mixed, run)
    assert {layer.compute_dtype for layer in served.networks["net"].layers} == {"float32"}


def test_building_in_float32_leaves_the_precision_of_the_session_alone(run, system):
    keras.config.set_dtype_policy("mixed_bfloat16")
    as_float32(system, run)
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_averaged_weights_are_exported_where_the_run_keeps_them(run):
    averaging = dataclasses.replace(run, ema=0.9)
    trained = Tiny(averaging)
    batch = {"aerial": tf.ones((1, 8, 8, 3))}
    for _ in range(3):
        trained.train_step(batch)
    ((_, mean),) = [(v, m) for v, m in trained.averaged(trained.networks["net"]) if v.path == "conv/kernel"]
    np.testing.assert_array_equal(weights_by_path(as_float32(trained, averaging))["net/conv/kernel"], mean)


def test_the_halo_is_what_is_needed_where_the_theoretical_radius_is_larger(system):
    """A 3×3 convolution at a quarter of the resolution sees one place of the stride grid around, 4 of the 8 pixels."""
    assert measured_halo(system) == 4


def test_a_network_that_looks_nowhere_around_needs_no_halo(run):
    near_sighted = Tiny(run)
    kernel = np.zeros((3, 3, 3, 4), np.float32)
    kernel[1, 1] = 0.5
    near_sighted.networks["net"].get_layer("conv").kernel.assign(kernel)
    assert measured_halo(near_sighted) == 0


def test_pictures_to_measure_on_are_always_the_same():
    np.testing.assert_array_equal(noisy_pictures(1, 40), noisy_pictures(1, 40))
