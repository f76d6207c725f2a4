"""The real training step of EnlightenGAN, worked out by hand, and that it learns to brighten without pairs."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Augmentation, Data, Run, Simulation
from cloud_removal.data.darken import darkened
from cloud_removal.errors import OptionError
from cloud_removal.models.implied import implied_opacity
from cloud_removal.systems.enlightengan import (
    GENERATOR,
    GLOBAL,
    LOCAL,
    NETWORKS,
    PARTS,
    EnlightenGANSystem,
    Options,
    check,
    worsening,
)
from cloud_removal.training import checkpoint

SIZE = 48
NO_FEATURES = Options(
    width=2, discriminator_width=2, patches=3, features_weight=0.0, local_features_weight=0.0, vgg="random"
)


def system(size=SIZE, run=None, **changes):
    keras.utils.set_random_seed(0)
    options = dataclasses.replace(NO_FEATURES, **changes)
    settings = {"batch_size": 2, "precision": "float32"} | (run or {})
    return EnlightenGANSystem(Run("enlightengan", options, size=size, **settings))


def only(part):
    """Options under which the generator learns by one part of its loss alone."""
    return {f"{other}_weight": float(other == part) for other in PARTS}


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    dark, bright = (rng.random((2, SIZE, SIZE, 3), np.float32) for _ in range(2))
    return {"a": tf.constant(np.float32(0.5) * dark), "b": tf.constant(bright)}


def values(network):
    return [variable.numpy().copy() for variable in network.variables]


class Spy:
    """A network that remembers what it was shown and what it said."""

    def __init__(self, network):
        self.network, self.shown, self.said = network, [], []
        self.trainable_variables = network.trainable_variables

    def __call__(self, picture, training):
        self.shown.append(picture)
        self.said.append(self.network(picture, training=training))
        return self.said[-1]


def spied(enlighten, batch):
    """The scalars of a step, and what was shown to each network and answered."""
    spies = enlighten.networks = {name: Spy(network) for name, network in enlighten.networks.items()}
    return enlighten.train_step(batch), spies


@pytest.mark.parametrize("part", PARTS)
def test_the_gradient_of_each_part_of_the_loss_reaches_every_weight_of_the_generator(part, batch):
    enlighten = system(**only(part), patches=1)
    enlighten.train_step(batch)
    names = [v.path for v in enlighten.networks[GENERATOR].trainable_variables]
    moments = enlighten.optimizers[GENERATOR]._momentums
    assert [name for name, moment in zip(names, moments, strict=True) if not np.any(moment.numpy())] == []


@pytest.mark.parametrize("name", [GLOBAL, LOCAL])
def test_both_discriminators_learn_whatever_weight_the_generator_gives_them(name, batch):
    enlighten = system(global_weight=0.0, local_weight=0.0)
    before = values(enlighten.networks[name])
    enlighten.train_step(batch)
    changed = [np.any(a != b) for a, b in zip(before, values(enlighten.networks[name]), strict=True)]
    assert np.mean(changed) > 0.9


def test_the_losses_are_those_of_what_the_discriminators_said_worked_out_by_hand(batch):
    scalars, spies = spied(system(), batch)
    true, fake = (answer.numpy() for answer in spies[GLOBAL].said)
    told = (np.mean((true - fake.mean() - 1) ** 2) + np.mean((fake - true.mean()) ** 2)) / 2
    fooled = (np.mean((fake - true.mean() - 1) ** 2) + np.mean((true - fake.mean()) ** 2)) / 2
    assert float(scalars["discriminator_global"]) == pytest.approx(told, rel=1e-5)
    assert float(scalars["global"]) == pytest.approx(fooled, rel=1e-5)
    true, fake = (answer.numpy() for answer in spies[LOCAL].said)
    assert float(scalars["discriminator_local"]) == pytest.approx(
        (np.mean((true - 1) ** 2) + np.mean(fake**2)) / 2, rel=1e-5
    )
    assert float(scalars["local"]) == pytest.approx(np.mean((fake - 1) ** 2), rel=1e-5)
    assert float(scalars["loss"]) == pytest.approx(float(scalars["global"] + scalars["local"]), rel=1e-5)


def test_the_discriminators_see_the_whole_pictures_and_the_same_places_of_both(batch):
    enlighten = system(patches=6)
    corners = enlighten._corners(2).numpy()
    _, spies = spied(enlighten, batch)
    (made,) = spies[GENERATOR].said
    real, fake = spies[GLOBAL].shown
    np.testing.assert_array_equal(real, batch["b"])
    np.testing.assert_array_equal(fake, made)
    real, fake = spies[LOCAL].shown
    assert real.shape == fake.shape == (12, 32, 32, 3)
    for number, (row, column) in enumerate(corners.reshape(-1, 2)):
        place = number // 6, slice(row, row + 32), slice(column, column + 32)
        np.testing.assert_array_equal(real[number], batch["b"].numpy()[place])
        np.testing.assert_array_equal(fake[number], made.numpy()[place])


def test_places_of_patches_are_a_function_of_the_seed_and_the_step_and_reach_every_border():
    enlighten, same = system(), system()
    other = system(run={"seed": 1})
    places = []
    for step in range(60):
        for one in (enlighten, same, other):
            one.steps.assign(step)
        places.append(enlighten._corners(2).numpy())
        np.testing.assert_array_equal(places[-1], same._corners(2))
        assert np.any(places[-1] != other._corners(2).numpy())
    assert (np.min(places), np.max(places)) == (0, SIZE - 32)
    assert len({place.tobytes() for place in places}) == 60


def test_a_patch_can_be_the_whole_picture(batch):
    cut = {name: picture[:, :32, :32] for name, picture in batch.items()}
    _, spies = spied(system(size=32, patches=3), cut)
    real, fake = spies[LOCAL].shown
    np.testing.assert_array_equal(real, np.repeat(cut["b"].numpy(), 3, axis=0))
    np.testing.assert_array_equal(fake, np.repeat(spies[GENERATOR].said[0].numpy(), 3, axis=0))


def test_the_picture_as_it_was_is_what_features_are_kept_of(batch):
    scalars = system(features_weight=2.0, patches=1).train_step(batch)
    parts = float(scalars["global"] + scalars["local"] + 2.0 * scalars["features"])
    assert float(scalars["loss"]) == pytest.approx(parts, rel=1e-5)
    assert 0.0 < float(scalars["features"]) < 1e-3 and "local_features" not in scalars


def test_colours_are_measured_before_and_after_and_of_pictures_as_they_should_look_worked_out_by_hand(batch):
    enlighten = system()
    enlighten.networks[GENERATOR].get_layer("residual").bias.assign([0.9, 0.0, -0.9])
    scalars, spies = spied(enlighten, batch)
    made = np.clip(spies[GENERATOR].said[0].numpy(), 0.0, 1.0)
    shares, saturation = {}, {}
    for when, picture in {"before": batch["a"].numpy(), "after": made, "aim": batch["b"].numpy()}.items():
        mean, largest = picture.mean((0, 1, 2)), picture.max(-1)
        shares[when] = mean / mean.sum()
        saturation[when] = (largest - picture.min(-1)).sum() / largest.sum()
    expected = {f"saturation_{when}": value for when, value in saturation.items()}
    expected |= {f"colour_shift_{when}": np.abs(shares[when] - shares["aim"]).sum() / 2 for when in ("before", "after")}
    measured = {name: float(scalars[name]) for name in expected}
    assert measured == pytest.approx(expected, abs=1e-4)
    assert measured["colour_shift_after"] > 0.1 > measured["colour_shift_before"]


def test_vgg16_is_in_no_checkpoint_and_no_model(batch):
    enlighten = system(features_weight=1.0)
    enlighten.prepare()
    assert enlighten._vgg is not None
    found = checkpoint.variables(enlighten, tf.Variable(0, dtype=tf.int64))
    assert not [path for path in found if "block" in path]
    assert set(enlighten.networks) == set(NETWORKS) and enlighten.training_only == (GLOBAL, LOCAL)


def test_vgg16_is_not_needed_to_build_a_system_nor_where_no_weight_is_on_it():
    system(features_weight=1.0, vgg="nowhere.h5")
    unused = system(vgg="nowhere.h5")
    unused.prepare()
    assert unused._vgg is None


def test_weights_of_vgg16_that_cannot_be_had_are_said_before_the_first_step():
    with pytest.raises(OptionError, match=r"--vgg nowhere\.h5"):
        system(features_weight=1.0, vgg="nowhere.h5").prepare()


def test_restoring_uses_moving_statistics_and_changes_nothing(batch):
    enlighten = system()
    enlighten.train_step(batch)
    before = values(enlighten.networks[GENERATOR])
    beside, alone = enlighten.restore(batch["a"]), enlighten.restore(batch["a"][:1])
    np.testing.assert_allclose(alone["ground"][0], beside["ground"][0], atol=1e-6)
    assert all(np.array_equal(a, b) for a, b in zip(before, values(enlighten.networks[GENERATOR]), strict=True))


def test_what_is_restored_is_in_range_and_its_opacity_is_the_implied_one(batch):
    enlighten = system()
    enlighten.networks[GENERATOR].get_layer("residual").bias.assign([9.0, -9.0, 0.3])
    restored = enlighten.restore(batch["a"])
    ground = restored["ground"].numpy()
    assert (ground.min(), ground.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(restored["opacity"], implied_opacity(batch["a"], ground))


@pytest.mark.parametrize(("normalise", "radius"), [("range", 139), ("picture", None)])
def test_the_receptive_radius_is_none_where_attention_depends_on_the_whole_picture(normalise, radius):
    assert system(normalise=normalise).receptive_radius == radius


def test_clear_ground_is_made_dark_or_hazy_as_attention_asks_for():
    ground = np.random.default_rng(0).random((SIZE, SIZE, 3), np.float32)
    dark = worsening("darkness", Simulation())
    np.testing.assert_array_equal(dark(ground, np.random.default_rng(1)), darkened(ground, np.random.default_rng(1)))
    faint = np.float32(0.3) * ground
    hazy = worsening("luminance", Simulation())(faint, np.random.default_rng(1))
    assert hazy.mean() > faint.mean() + 0.1 and hazy.std() < 0.8 * faint.std()


@pytest.mark.parametrize("attention", ["darkness", "luminance"])
def test_cloud_layers_which_neither_darkness_nor_veils_are_made_of_are_refused(attention, tmp_path):
    enlighten = system(run={"data": Data(clouds=(tmp_path,))}, attention=attention)
    with pytest.raises(OptionError, match=f"--data.clouds {tmp_path}: system enlightengan uses no cloud layers"):
        enlighten.batches("training")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patches": 0}, "--patches 0: expected 1 or more"),
        ({"patch_size": 16}, "--patch-size 16: expected 32 or more, and no more than --size 48"),
        ({"patch_size": 64}, "--patch-size 64: expected 32 or more, and no more than --size 48"),
        ({"local_weight": -1.0}, "--local-weight -1.0: expected 0 or more"),
        ({"global_layers": 0}, "--global-layers 0: expected 1 or more"),
    ],
)
def test_options_no_run_can_have_are_refused_by_name(changes, words):
    with pytest.raises(OptionError, match=words):
        check(dataclasses.replace(NO_FEATURES, **changes), SIZE)


# Learning without pairs


NATURAL = Augmentation(gain=(1, 1), gamma=(1, 1), saturation=(1, 1), tint=(1, 1), swap=0, palette=0, noise=(0, 0))
LOOKS = (60, 80, 100, 120, 140)
"""Steps after which is looked: two networks so small chase each other, so that no single step says much."""


@pytest.fixture(scope="module")
def pictures():
    """(ground as it was, restored before training, restored at each look) of dark ground that is not trained on."""
    run = {"learning_rate": 1e-3, "augmentation": NATURAL, "batch_size": 8}
    enlighten = system(size=32, run=run, width=4, discriminator_width=4, patches=1)
    truth = next(iter(enlighten.batches("validation", 0).take(1)))["b"].numpy()
    rng = np.random.default_rng(0)
    dark = tf.constant(np.stack([darkened(ground, rng) for ground in truth]))
    step, before, after = tf.function(enlighten.train_step), enlighten.restore(dark)["ground"].numpy(), []
    for number, batch in enumerate(enlighten.batches("training", 0).take(LOOKS[-1]), start=1):
        step(batch)
        if number in LOOKS:
            after.append(enlighten.restore(dark)["ground"].numpy())
    return truth, before, after


def test_it_learns_to_brighten_dark_ground_towards_what_it_has_never_been_shown_beside_it(pictures):
    truth, before, after = pictures
    errors = [np.mean(np.abs(picture - truth)) for picture in (before, *after)]
    assert errors[0] > 0.25 and np.median(errors[1:]) < 0.75 * errors[0]


def test_dark_ground_becomes_about_as_bright_as_the_bright_ground_it_was_shown(pictures):
    truth, before, after = pictures
    missing = [abs(truth.mean() - picture.mean()) for picture in (before, *after)]
    assert missing[0] > 0.25 and np.median(missing[1:]) < 0.5 * missing[0]
