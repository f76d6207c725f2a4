"""The real training step of pix2pix: what is judged, what is minimised, and that it learns."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Augmentation, Run, Simulation
from cloud_removal.errors import OptionError
from cloud_removal.models import implied, pix2pix
from cloud_removal.systems.pix2pix import Options, Pix2PixSystem

SIZE = 32
SMALL = Options(width=2, levels=5, field=16, discriminator_width=2, dropout=0.0)


def system(**changes):
    keras.utils.set_random_seed(0)
    return Pix2PixSystem(Run("pix2pix", dataclasses.replace(SMALL, **changes), size=SIZE, batch_size=2))


def batch(shade=0.0):
    rng = np.random.default_rng(0)
    pictures = {name: rng.random((2, SIZE, SIZE, 3), np.float32) for name in ("aerial", "ground")}
    plain = {"opacity": np.ones((2, SIZE, SIZE, 1), np.float32), "known": np.ones((2, 1, 1, 1), np.float32)}
    shadow = {"shadow": np.full((2, SIZE, SIZE, 1), shade, np.float32)}
    return {name: tf.constant(value) for name, value in (pictures | plain | shadow).items()}


class Spy:
    """A discriminator that remembers what it was shown."""

    def __init__(self, network):
        self.network, self.shown = network, []

    def __call__(self, inputs, training):
        self.shown.append(inputs[0].numpy())
        return self.network(inputs, training=training)

    @property
    def trainable_variables(self):
        return self.network.trainable_variables


def softplus(x):
    return np.log1p(np.exp(x))


def test_the_discriminator_sees_each_picture_beside_what_it_was_made_from():
    trained, shown = system(), batch(shade=0.25)
    spy = trained.networks["discriminator"] = Spy(trained.networks["discriminator"])
    made = trained.networks["generator"](2 * shown["aerial"] - 1, training=True).numpy()
    trained.train_step(shown)
    fake, real = spy.shown
    for seen in (fake, real):
        np.testing.assert_allclose(seen[..., :3], 2 * shown["aerial"] - 1, atol=1e-6)
    np.testing.assert_allclose(fake[..., 3:], made, atol=1e-6)
    np.testing.assert_allclose(real[..., 3:], 2 * (0.75 * shown["ground"].numpy()) - 1, atol=1e-6)


def test_the_losses_are_those_of_the_paper():
    trained, shown = system(), batch()
    given, true = (2 * shown[name] - 1 for name in ("aerial", "ground"))
    made = trained.networks["generator"](given, training=True)
    judge = trained.networks["discriminator"]
    real, fake = (judge([tf.concat([given, picture], -1)], training=True).numpy() for picture in (true, made))
    scalars = {name: float(value) for name, value in trained.train_step(shown).items()}
    assert scalars["discriminator"] == pytest.approx((softplus(-real).mean() + softplus(fake).mean()) / 2, rel=1e-5)
    assert scalars["adversarial"] == pytest.approx(softplus(-fake).mean(), rel=1e-5)
    assert scalars["l1"] == pytest.approx(np.abs(true - made).mean(), rel=1e-5)
    assert scalars["loss"] == pytest.approx(scalars["adversarial"] + 100 * scalars["l1"], rel=1e-5)


def test_the_defaults_are_those_of_the_paper():
    own = Options()
    assert (own.width, own.levels, own.field, own.l1_weight, own.dropout) == (64, 8, 70, 100.0, 0.5)
    assert (own.beta_1, own.beta_2, own.jitter) == (0.5, 0.999, True)


@pytest.mark.parametrize("field", [1, 16])
def test_the_discriminators_opinion_reaches_the_generator(field):
    trained = system(l1_weight=0.0, field=field, width=4)
    trained.train_step(batch())
    names = [v.path for v in trained.networks["generator"].trainable_variables]
    moments = trained.optimizers["generator"]._momentums
    assert [name for name, moment in zip(names, moments, strict=True) if not np.any(moment.numpy())] == []


def test_the_discriminator_learns_nothing_of_the_difference_from_the_true_picture():
    trained, other, shown = system(), system(l1_weight=0.0), batch()
    for one in (trained, other):
        one.train_step(shown)
    pairs = zip(trained.networks["discriminator"].weights, other.networks["discriminator"].weights, strict=True)
    assert all(np.array_equal(one, two) for one, two in pairs)


def test_without_adversarial_weight_there_is_no_discriminator_and_the_rest_is_the_same():
    trained, shown = system(adversarial_weight=0.0), batch()
    with_judge = system().train_step(shown)
    scalars = trained.train_step(shown)
    assert list(trained.networks) == list(trained.optimizers) == ["generator"]
    assert float(scalars["l1"]) == float(with_judge["l1"]) and "discriminator" not in scalars


def test_training_pictures_are_jittered_and_those_that_are_shown_are_not():
    plain, shaken = system(jitter=False), system()
    splits = {}
    for split in ("training", "validation"):
        pairs = [next(iter(one.batches(split, 1)))["ground"] for one in (plain, shaken)]
        splits[split] = np.array_equal(*pairs)
    assert splits == {"training": False, "validation": True}


def test_with_instance_norm_no_halo_is_enough_and_with_batch_norm_one_is():
    assert system().receptive_radius is None
    assert system(norm="batch").receptive_radius == pix2pix.receptive_radius(5) + implied.REACH


def test_what_is_restored_is_the_generators_answer_brought_to_zero_to_one():
    trained, image = system(), batch()["aerial"]
    answer = trained.networks["generator"](2 * image - 1, training=False)
    np.testing.assert_allclose(trained.restore(image)["ground"], (answer + 1) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "--width 0: expected 1 or more"),
        ({"discriminator_width": 0}, "--discriminator-width 0: expected 1 or more"),
        ({"levels": 1}, "--levels 1"),
        ({"dropout": 1.0}, "--dropout 1.0"),
        ({"l1_weight": -1.0}, "--l1-weight -1"),
        ({"adversarial_weight": -0.5}, "--adversarial-weight -0.5"),
        ({"field": 286}, "--size 32: the discriminator of 286 px gives no answer under 96 px"),
    ],
)
def test_options_that_no_run_can_have_are_refused(changes, message):
    with pytest.raises(OptionError, match=message):
        system(**changes)


def test_it_learns_to_take_a_veil_off_pictures_it_was_not_trained_on():
    veils = Simulation(kinds=(0.0, 0.0, 1.0, 0.0), veil_opacity=(0.6, 0.7), veil_brightness=(0.8, 0.9))
    same = (1.0, 1.0)
    plain = Augmentation(same, same, same, same, swap=0.0, palette=0.0, scale=same, rotate=False, noise=(0.0, 0.0))
    keras.utils.set_random_seed(0)
    run = Run("pix2pix", dataclasses.replace(SMALL, width=8, discriminator_width=8, dropout=0.5), simulation=veils,
              augmentation=plain, size=SIZE, batch_size=4, learning_rate=2e-3)  # fmt: skip
    trained = Pix2PixSystem(run)
    step = tf.function(trained.train_step)
    judged = next(iter(trained.batches("validation", 0)))
    l1 = [float(step(shown)["l1"]) for shown in trained.batches("training", 0).take(120)]
    doing_nothing = np.abs(judged["aerial"] - judged["ground"]).mean()
    remaining = np.abs(trained.restore(judged["aerial"])["ground"] - judged["ground"]).mean()
    assert np.mean(l1[-10:]) < 0.5 * l1[0]
    assert remaining < 0.5 * doing_nothing
