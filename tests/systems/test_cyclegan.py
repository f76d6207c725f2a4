"""CycleGAN: its objective by hand, what its networks learn from, and both directions of its model folder."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.cli import main
from cloud_removal.config import Data, Run
from cloud_removal.errors import OptionError
from cloud_removal.export import export
from cloud_removal.systems import cyclegan
from cloud_removal.systems.cyclegan import DISCRIMINATORS, GENERATORS, CycleGANSystem, Options
from cloud_removal.systems.history import Pool
from tests.models.layer_path import path
from tests.small_model import cloudy, read, write_raster

SIZE = 32
SMALL = Options(width=2, blocks=1, discriminator_width=2, pool=4)
RUN = Run("cyclegan", SMALL, size=SIZE, batch_size=2, precision="float32", learning_rate=2e-4)
TRAINING = {"data": ["none"], "licence": "ours", "command": "none", "steps": 1, "seconds": 1.0, "images": 1}


def built(run=RUN, **options):
    keras.utils.set_random_seed(0)
    return CycleGANSystem(dataclasses.replace(run, options=dataclasses.replace(run.options, **options)))


def pictures(seed):
    return tf.constant(np.random.default_rng(seed).random((2, SIZE, SIZE, 3), np.float32))


BATCH = {"a": pictures(0), "b": pictures(1)}
PAST = tf.fill((2, SIZE, SIZE, 3), 0.75)
"""Fakes that no generator gives."""


class Shown:
    """What every network answers before a step: pictures in [-1, 1] and scores, and the scalars of that step.

    `pooled`: what the discriminator of a name is shown in place of its fakes.
    """

    def __init__(self, system, pooled=None):
        self.a, self.b = (2.0 * BATCH[kind].numpy() - 1.0 for kind in ("a", "b"))
        nets = {name: lambda x, net=system.networks[name]: np.asarray(net(x)) for name in GENERATORS}
        nets |= {name: lambda x, net=system.networks[name]: np.asarray(net([x])) for name in DISCRIMINATORS}
        to_b, to_a = (nets[name] for name in GENERATORS)
        self.as_b, self.as_a = to_b(self.a), to_a(self.b)
        self.back_a, self.back_b = to_a(self.as_b), to_b(self.as_a)
        self.same_a, self.same_b = to_a(self.a), to_b(self.b)
        judge_a, judge_b = (nets[name] for name in DISCRIMINATORS)
        self.real_a, self.real_b = judge_a(self.a), judge_b(self.b)
        fakes = dict(zip(DISCRIMINATORS, (self.as_a, self.as_b), strict=True))
        self.seen = {name: np.asarray(pooled[name](fake)) if pooled else fake for name, fake in fakes.items()}
        self.fake_a, self.fake_b = (nets[name](self.seen[name]) for name in DISCRIMINATORS)
        self.scalars = {name: float(value) for name, value in system.train_step(BATCH).items()}


def weights(system):
    return {name: [w.numpy() for w in net.trainable_variables] for name, net in system.networks.items()}


def changed(before, after):
    return {name for name in before if any(np.any(x != y) for x, y in zip(before[name], after[name], strict=True))}


@pytest.fixture(scope="module")
def system():
    return built()


@pytest.fixture(scope="module")
def shown(system):
    return Shown(system)


# The objective


def test_the_generators_are_told_to_make_each_patch_score_1(shown):
    for name, fake in (("a_to_b", shown.fake_b), ("b_to_a", shown.fake_a)):
        assert shown.scalars[f"adversarial_{name}"] == pytest.approx(np.mean((fake - 1.0) ** 2), rel=1e-4)


def test_there_and_back_again_must_be_the_same_both_ways(shown):
    expected = np.abs(shown.back_a - shown.a).mean() + np.abs(shown.back_b - shown.b).mean()
    assert shown.scalars["cycle"] == pytest.approx(expected, rel=1e-4)


def test_a_picture_of_the_wanted_kind_must_stay_as_it_is(shown):
    expected = np.abs(shown.same_a - shown.a).mean() + np.abs(shown.same_b - shown.b).mean()
    assert shown.scalars["identity"] == pytest.approx(expected, rel=1e-4)


def test_the_cycle_counts_ten_times_and_identity_half_of_that(shown):
    found = shown.scalars
    adversarial = found["adversarial_a_to_b"] + found["adversarial_b_to_a"]
    assert found["loss"] == pytest.approx(adversarial + 10.0 * found["cycle"] + 5.0 * found["identity"], rel=1e-5)


def test_the_discriminators_are_told_1_of_real_pictures_and_0_of_fakes_and_their_loss_is_halved(shown):
    for name, real, fake in (("a", shown.real_a, shown.fake_a), ("b", shown.real_b, shown.fake_b)):
        expected = 0.5 * (np.mean((real - 1.0) ** 2) + np.mean(fake**2))
        assert shown.scalars[f"discriminator_{name}"] == pytest.approx(expected, rel=1e-4)


def test_the_fakes_of_a_step_are_put_into_the_pool_of_their_kind(system, shown):
    for name, fake in (("discriminator_a", shown.as_a), ("discriminator_b", shown.as_b)):
        np.testing.assert_allclose(system.pools[name].pictures[:2], fake, atol=1e-3)


def test_once_the_pools_are_full_the_discriminators_see_past_fakes_in_place_of_some():
    system = built(pool=2)
    replays = {name: Pool(2, SIZE, RUN.seed, stream) for stream, name in enumerate(DISCRIMINATORS)}
    for name, replay in replays.items():
        for pool in (replay, system.pools[name]):
            pool.exchange(PAST, 0)
    found = Shown(system, {name: lambda fakes, r=replay: r.exchange(fakes, 0) for name, replay in replays.items()})
    assert any(np.all(found.seen[name] == 0.75, axis=(1, 2, 3)).any() for name in DISCRIMINATORS)
    for name, real, fake in (("a", found.real_a, found.fake_a), ("b", found.real_b, found.fake_b)):
        expected = 0.5 * (np.mean((real - 1.0) ** 2) + np.mean(fake**2))
        assert found.scalars[f"discriminator_{name}"] == pytest.approx(expected, rel=1e-4)


def test_as_in_the_seeds_reference_the_mean_score_of_a_picture_can_be_judged_instead():
    found = Shown(built(scores="mean"))
    real, fake = (scores.mean(axis=(1, 2)) for scores in (found.real_b, found.fake_b))
    assert found.scalars["adversarial_a_to_b"] == pytest.approx(np.mean((fake - 1.0) ** 2), rel=1e-4)
    expected = 0.5 * (np.mean((real - 1.0) ** 2) + np.mean(fake**2))
    assert found.scalars["discriminator_b"] == pytest.approx(expected, rel=1e-4)


# What learns from what


def test_the_opinion_of_the_discriminators_alone_moves_both_generators():
    system = built(cycle_weight=0.0)
    before = weights(system)
    system.train_step(BATCH)
    assert set(GENERATORS) <= changed(before, weights(system))


def test_without_identity_no_picture_is_asked_to_stay_as_it_is():
    assert "identity" not in built(identity_weight=0.0).train_step(BATCH)


def test_the_discriminators_judge_patches_of_70_px_with_instance_norm(system):
    for name in DISCRIMINATORS:
        words = path(system.networks[name])
        assert [w for w in words if w.startswith("conv")] == [
            "conv4 2 s2 valid", "conv4 4 s2 valid", "conv4 8 s2 valid", "conv4 16 valid", "conv4 1 valid",
        ]  # fmt: skip
        assert words.count("instance norm") == 3 and "norm" not in words


@pytest.mark.parametrize("size, blocks, expected", [(SIZE, None, 6), (256, None, 9), (SIZE, 2, 2)])
def test_the_generators_have_six_blocks_and_from_256_px_on_nine_unless_told_otherwise(size, blocks, expected):
    system = built(dataclasses.replace(RUN, size=size), blocks=blocks, pool=0, width=1, discriminator_width=1)
    assert [path(system.networks[name]).count("add") for name in GENERATORS] == [expected, expected]


def test_the_two_kinds_become_each_other_without_losing_what_is_where():
    """Dark grey pictures and bright orange ones of other places: what it learns in 120 steps."""
    run = dataclasses.replace(RUN, learning_rate=2e-3)
    system = built(run, width=8, discriminator_width=8)
    step, rng = tf.function(system.train_step), np.random.default_rng(0)
    for _ in range(120):
        step(kinds(rng))
    held = kinds(np.random.default_rng(1))
    made = system.translate("a_to_b", held["a"]).numpy()
    colours = [np.mean(x, axis=(0, 1, 2)) for x in (held["a"], made, held["b"])]
    assert np.abs(colours[1] - colours[2]).max() < 0.3 * np.abs(colours[0] - colours[2]).max()
    assert np.corrcoef(made.mean(-1).ravel(), held["a"].numpy().mean(-1).ravel())[0, 1] > 0.8
    assert np.abs(system.translate("b_to_a", made) - held["a"]).mean() < 0.06


def kinds(rng):
    """A batch of dark grey squares of 4 px, and one of bright orange ones."""
    squares = [np.kron(rng.random((2, 8, 8, 1)), np.ones((1, 4, 4, 1))) for _ in range(2)]
    dark, bright = 0.1 + 0.3 * squares[0] * np.ones(3), (0.5 + 0.4 * squares[1]) * np.array([1.0, 0.8, 0.5])
    return {"a": tf.constant(dark, tf.float32), "b": tf.constant(bright, tf.float32)}


# Pictures


def test_without_folders_it_learns_cloudy_to_clear(capsys):
    clear_sky = dataclasses.replace(RUN.simulation, kinds=(0.0, 0.0, 1.0, 0.0), veil_brightness=(0.9, 0.9))
    batch = next(iter(built(dataclasses.replace(RUN, simulation=clear_sky, size=64)).batches("training", 0)))
    assert float(tf.reduce_mean(batch["a"])) > float(tf.reduce_mean(batch["b"])) + 0.1
    assert "procedural ground" in capsys.readouterr().err


def test_one_kind_of_folder_alone_is_refused(tmp_path):
    with pytest.raises(OptionError, match="--data.a without --data.b"):
        built(dataclasses.replace(RUN, data=Data(a=(tmp_path,)))).batches("training", 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"width": 0}, "--width 0: expected 1 or more"),
        ({"discriminator_width": 0}, "--discriminator-width 0: expected 1 or more"),
        ({"blocks": 0}, "--blocks 0: expected 1 or more"),
        ({"pool": -1}, "--pool -1"),
        ({"cycle_weight": -1.0}, "--cycle-weight -1"),
    ],
)
def test_options_that_no_run_can_have_are_refused(wrong, says):
    with pytest.raises(OptionError, match=says):
        cyclegan.check(dataclasses.replace(SMALL, **wrong), SIZE)


def test_pictures_too_small_for_a_patch_of_the_discriminators_are_refused():
    with pytest.raises(OptionError, match="--size 20: .* under 24 px"):
        cyclegan.check(SMALL, 20)


# The model folder


@pytest.fixture(scope="module")
def bold():
    """A system whose first weights answer more than grey."""
    system = built()
    for name in GENERATORS:
        kernel = system.networks[name].get_layer("answer").kernel
        kernel.assign(20.0 * kernel)
    return system


@pytest.fixture(scope="module")
def folder(bold, tmp_path_factory):
    return export(bold, RUN, tmp_path_factory.mktemp("models") / "seasons", training=TRAINING, scores={})


def test_a_model_folder_serves_both_directions_for_pictures_of_any_size(bold, folder):
    signatures = tf.saved_model.load(folder).signatures
    image = np.random.default_rng(0).random((1, 21, 30, 3), np.float32)
    there, back = signatures["serving_default"](image=image)["ground"], signatures["b_to_a"](image=image)["translated"]
    assert there.shape == back.shape == image.shape and np.abs(there - back).max() > 0.05
    even = image[:, :20, :28]
    np.testing.assert_allclose(signatures["restore"](image=even)["ground"], bold.translate("a_to_b", even), atol=1e-5)
    np.testing.assert_allclose(
        signatures["b_to_a"](image=even)["translated"], bold.translate("b_to_a", even), atol=1e-5
    )


def test_the_card_names_the_way_back_and_says_that_opacity_is_implied(folder):
    card = json.loads((folder / "model.json").read_text())
    assert card["further"] == ["b_to_a"] and card["opacity"] == "implied" and card["receptive_radius"] is None
    assert (card["stride"], card["smallest"]) == (4, 8)


def test_the_weights_of_both_generators_are_kept_and_of_no_discriminator(folder):
    assert {name.split("/")[0] for name in np.load(folder / "weights.npz").files} == set(GENERATORS)


def test_remove_blends_its_windows_and_says_so(folder, tmp_path, capsys):
    scene = write_raster(tmp_path / "scene.tif", np.round(255 * cloudy(70, 90)).astype(np.uint8))
    assert main(["remove", str(scene), str(tmp_path / "out.tif"), "--model", str(folder), "--window", "32"]) == 0
    assert "windows are blended" in capsys.readouterr().err
    before, after = read(scene), read(tmp_path / "out.tif")
    assert before.shape == after.shape and np.mean(before != after) > 0.5
