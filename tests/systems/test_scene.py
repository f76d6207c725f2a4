"""The training step of scenes from noise, under each objective."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.adversarial import OBJECTIVES
from cloud_removal.config import Data, Run
from cloud_removal.errors import DivergedError, OptionError
from cloud_removal.systems.monitor import BEGINNING
from cloud_removal.systems.scene import Options, SceneSystem, check
from cloud_removal.training.step import Step

SIZE = 16
GROUND = tf.constant(np.random.default_rng(0).random((4, SIZE, SIZE, 3), np.float32))


def system(seed=0, **options):
    keras.utils.set_random_seed(seed)
    own = dataclasses.replace(Options(width=2, latent=5), **options)
    return SceneSystem(Run("scene", own, size=SIZE, batch_size=4, precision="float32", seed=seed))


def values(network):
    return [variable.numpy().copy() for variable in network.trainable_variables]


def changed(network, before):
    return [np.any(old != new.numpy()) for old, new in zip(before, network.trainable_variables, strict=True)]


class Spy:
    """A network that remembers what it was shown in training."""

    def __init__(self, network):
        self.network, self.shown = network, []
        self.trainable_variables = network.trainable_variables

    def __call__(self, x, training):
        self.shown.append(np.asarray(x))
        return self.network(x, training=training)


def spied(scene, name):
    scene.networks[name] = Spy(scene.networks[name])
    return scene.networks[name].shown


@pytest.mark.parametrize("adversarial", OBJECTIVES)
def test_the_gradient_reaches_every_weight_of_both_networks_but_the_constant_of_a_critic(adversarial):
    scene = system(adversarial=adversarial, critic_steps=1)
    before = {name: values(network) for name, network in scene.networks.items()}
    scene.train_step({"ground": GROUND})
    unmoved = [
        variable.path
        for name, network in scene.networks.items()
        for variable, moved in zip(network.trainable_variables, changed(network, before[name]), strict=True)
        if not moved
    ]
    assert unmoved == (["logit/bias"] if adversarial in ("wgan", "wgan-gp") else [])


@pytest.mark.parametrize(
    ("adversarial", "every"), [("gan", 1), ("dcgan", 1), ("lsgan", 1), ("wgan", 5), ("wgan-gp", 5)]
)
def test_the_generator_is_trained_as_often_as_the_objectives_paper_says(adversarial, every):
    scene, moved = system(adversarial=adversarial), []
    for _ in range(6):
        before = values(scene.networks["generator"])
        norm = float(scene.train_step({"ground": GROUND})["gradient_norm_generator"])
        moved.append(any(changed(scene.networks["generator"], before)))
        assert moved[-1] == np.isfinite(norm)
    assert moved == [(step + 1) % every == 0 for step in range(6)]


def moved_by_a_step(scene):
    before = {name: values(network) for name, network in scene.networks.items()}
    scalars = scene.train_step({"ground": GROUND})
    return {name: any(changed(network, before[name])) for name, network in scene.networks.items()}, scalars


def biased(scene, answer):
    """Its discriminator says about `answer` to whatever it is shown, at first."""
    scene.networks["discriminator"].get_layer("logit").bias.assign([answer])


@pytest.mark.parametrize(("answer", "waits"), [(-6.0, None), (6.0, "generator")])
def test_the_network_that_is_far_ahead_waits(answer, waits):
    scene = system(balance=3.0, balance_window=1)
    biased(scene, answer)
    moved, scalars = moved_by_a_step(scene)
    assert moved == {name: name != waits for name in moved}
    assert [np.isnan(scalars[f"gradient_norm_{name}"]) for name in moved] == [name == waits for name in moved]


def test_a_discriminator_that_is_far_ahead_waits_and_the_generator_does_not():
    scene = system(balance=3.0, balance_window=1)
    scene.objective = dataclasses.replace(scene.objective, of_real=lambda answers: 0.0 * tf.reduce_mean(answers))
    biased(scene, -6.0)
    moved, scalars = moved_by_a_step(scene)
    assert moved == {"generator": True, "discriminator": False} and float(scalars["gate_discriminator"]) == 0.0


@pytest.mark.parametrize("adversarial", ["wgan", "wgan-gp"])
def test_a_critic_never_waits(adversarial):
    assert system(adversarial=adversarial, balance=3.0).balance.ratio == 0.0


def trained_once(scene):
    """The compiled step, as the training loop has it, after the first one, and what that logged."""
    step = Step(scene, tf.Variable(0, dtype=tf.int64, trainable=False))
    return step, step.run({"ground": GROUND})


def test_a_step_of_the_critic_alone_has_no_loss_of_the_generator_and_is_no_divergence():
    step, scalars = trained_once(system(adversarial="wgan"))
    assert np.isnan(scalars["adversarial"])
    step.check_losses()


def test_a_loss_of_the_generator_that_is_no_number_is_divergence_where_every_step_trains_it():
    scene = system(adversarial="dcgan")
    scene.objective = dataclasses.replace(
        scene.objective, generator_loss=lambda answers: float("nan") * tf.reduce_mean(answers)
    )
    step, _ = trained_once(scene)
    with pytest.raises(DivergedError, match="in step 1 the loss 'adversarial' is not a finite number"):
        step.check_losses()


@pytest.mark.parametrize(
    ("adversarial", "kind", "betas"),
    [("dcgan", "Adam", (0.5, 0.999)), ("lsgan", "Adam", (0.5, 0.999)), ("wgan-gp", "Adam", (0.0, 0.9)),
     ("wgan", "RMSprop", None)],
)  # fmt: skip
def test_the_optimizers_are_those_of_the_papers(adversarial, kind, betas):
    for optimizer in system(adversarial=adversarial).optimizers.values():
        assert type(optimizer).__name__ == kind
        assert betas is None or (optimizer.beta_1, optimizer.beta_2) == betas


def test_options_go_before_the_papers():
    optimizer = system(adversarial="wgan", optimizer="adam", beta_1=0.3, beta_2=0.7).optimizers["generator"]
    assert (type(optimizer).__name__, optimizer.beta_1, optimizer.beta_2) == ("Adam", 0.3, 0.7)


def test_the_weights_of_a_clipped_critic_are_under_a_hundredth_and_the_generators_are_not():
    scene = system(adversarial="wgan")
    scene.train_step({"ground": GROUND})
    largest = {name: max(np.abs(v).max() for v in values(network)) for name, network in scene.networks.items()}
    assert largest["discriminator"] <= np.float32(0.01) and largest["generator"] > 0.5


def test_a_critic_with_gradient_penalty_has_no_batch_norm_and_all_others_do():
    for name in OBJECTIVES:
        layers = system(adversarial=name).networks["discriminator"].layers
        assert any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers) == (name != "wgan-gp")


def test_the_penalty_is_logged_with_its_weight_of_10_and_the_critic_is_trained_on_it():
    logged, norms = [], []
    for weight in (10.0, 1e-6):
        scene = system(adversarial="wgan-gp")
        logit = scene.networks["discriminator"].get_layer("logit")
        logit.kernel.assign(1e3 * logit.kernel)
        assert scene.objective.penalty == 10.0
        scene.objective = dataclasses.replace(scene.objective, penalty=weight)
        scalars = scene.train_step({"ground": GROUND})
        logged.append(float(scalars["penalty"]))
        norms.append(float(scalars["gradient_norm_discriminator"]))
    assert logged[0] == pytest.approx(1e7 * logged[1], rel=1e-4) and norms[0] > 10 * norms[1]
    assert "penalty" not in system().train_step({"ground": GROUND})


def test_the_discriminator_sees_real_and_made_pictures_from_minus_1_to_1():
    scene = system()
    shown = spied(scene, "discriminator")
    scene.train_step({"ground": GROUND})
    real, fake, again = shown
    np.testing.assert_allclose(real, 2 * GROUND - 1, atol=1e-6)
    assert fake.shape == again.shape == real.shape and not np.array_equal(fake, again)


def test_noise_is_new_for_each_network_and_step_and_a_function_of_the_seed():
    runs = []
    for seed in (0, 0, 1):
        scene = system(seed)
        shown = spied(scene, "generator")
        for _ in range(2):
            scene.train_step({"ground": GROUND})
        runs.append(shown)
    assert len({noise.tobytes() for noise in runs[0]}) == 4
    np.testing.assert_array_equal(runs[0], runs[1])
    assert np.all(np.not_equal(runs[0], runs[2]))


@pytest.mark.parametrize(("noise", "beyond"), [("uniform", False), ("normal", True)])
def test_noise_is_of_the_distribution_asked_for(noise, beyond):
    scene = system(noise=noise, latent=500)
    shown = spied(scene, "generator")
    scene.train_step({"ground": GROUND})
    assert (np.abs(shown[0]).max() > 1.0) == beyond and shown[0].min() < -0.9


def test_pictures_all_alike_raise_the_alarm():
    scene = system()
    scene.networks["generator"].get_layer("project_conv").kernel.assign(tf.zeros_like(
        scene.networks["generator"].get_layer("project_conv").kernel))  # fmt: skip
    scene.diversity.watched.assign(BEGINNING)
    scalars = scene.train_step({"ground": GROUND})
    assert float(scalars["diversity"]) < 0.01 and float(scalars["collapse_alarm"]) == 1.0


def test_sample_grids_show_the_same_noise_at_each_step():
    scene = system()
    scene.train_step({"ground": GROUND})
    columns = scene.samples({"ground": GROUND})
    scene.steps.assign_add(5)
    again = scene.samples({"ground": GROUND})
    assert list(columns) == [*(f"generated {number}" for number in range(1, 7)), "real"]
    assert all(np.array_equal(columns[title], again[title]) for title in columns)
    assert len({picture.numpy().tobytes() for title in columns for picture in columns[title]}) == 7 * 4


def test_batches_are_clear_ground_and_nothing_else():
    batch = next(iter(system().batches("training", 3)))
    assert set(batch) == {"ground"} and batch["ground"].shape == (4, SIZE, SIZE, 3)
    assert 0 <= batch["ground"].numpy().min() < batch["ground"].numpy().max() <= 1


@pytest.mark.parametrize("size", [0, 8, 30, 60, 100])
def test_a_size_that_doubling_does_not_reach_is_refused(size):
    with pytest.raises(OptionError, match=f"--size {size}: .*64, 128, 256"):
        check(Options(), size)


@pytest.mark.parametrize("size", [16, 64, 96, 128, 256])
def test_a_size_that_doubling_reaches_is_taken(size):
    check(Options(), size)


@pytest.mark.parametrize(
    ("name", "value"), [("width", 0), ("discriminator_width", 0), ("latent", 0), ("critic_steps", -1), ("balance", 0.5),
                       ("balance_window", 0)]
)  # fmt: skip
def test_an_option_that_no_run_can_have_is_refused_by_name(name, value):
    with pytest.raises(OptionError, match=f"--{name.replace('_', '-')} {value}: expected"):
        check(dataclasses.replace(Options(), **{name: value}), 64)


def test_pairs_are_refused_with_what_to_give_instead(tmp_path):
    scene = system()
    scene.run = dataclasses.replace(scene.run, data=Data(pairs=tmp_path))
    with pytest.raises(OptionError, match=r"system scene learns from clear pictures alone.*--data.ground"):
        scene.batches("training")


def test_cloud_layers_which_nothing_would_look_at_are_refused(tmp_path):
    scene = system()
    scene.run = dataclasses.replace(scene.run, data=Data(clouds=(tmp_path,)))
    with pytest.raises(OptionError, match=f"--data.clouds {tmp_path}: system scene uses no cloud layers"):
        scene.batches("training")


def test_the_generator_learns_what_colour_the_land_has():
    """From 0.2 and more away in each channel to less than 0.1, which no untrained network comes near."""
    keras.utils.set_random_seed(0)
    run = Run("scene", Options(width=4), size=SIZE, batch_size=16, precision="float32", learning_rate=2e-3)
    scene, colour = SceneSystem(run), np.array([0.8, 0.3, 0.2], np.float32)
    step, rng = tf.function(scene.train_step), np.random.default_rng(0)
    noise = tf.constant(rng.uniform(-1, 1, (64, 100)).astype(np.float32))
    before = np.abs(scene.generate(noise).numpy().mean((0, 1, 2)) - colour)
    for _ in range(200):
        shade = rng.normal(0.0, 0.05, (16, 1, 1, 1)) + rng.normal(0.0, 0.05, (16, SIZE, SIZE, 3))
        step({"ground": tf.constant(np.clip(colour + shade, 0, 1).astype(np.float32))})
    after = np.abs(scene.generate(noise).numpy().mean((0, 1, 2)) - colour)
    assert before.min() > 0.19 and after.max() < 0.1
