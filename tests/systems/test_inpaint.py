"""The real training step of inpainting: what would have caught the bugs of public implementations."""

import dataclasses
import typing

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.adversarial import OBJECTIVES, PIXEL_OBJECTIVES
from cloud_removal.config import Run
from cloud_removal.errors import OptionError
from cloud_removal.models import completion
from cloud_removal.models.discriminators import DISCRIMINATORS
from cloud_removal.systems.inpaint import InpaintSystem, Options, check
from cloud_removal.training.averages import averaged_weights

SIZE = 32
SMALL = Options(
    generator="glcic", width=2, discriminator="patch", discriminator_width=2, mask="box", history_size=3, balance=0.0
)


def system(size=SIZE, **changes):
    keras.utils.set_random_seed(0)
    options = dataclasses.replace(SMALL, **changes)
    return InpaintSystem(Run("inpaint", options, size=size, batch_size=2, precision="float32"))


def batch(size=SIZE, count=2):
    rng = np.random.default_rng(0)
    hole = np.zeros((count, size, size, 1), np.float32)
    hole[:, size // 4 : size // 2, size // 4 : size // 2] = 1
    corner = np.full((count, 2), size // 4, np.float32)
    arrays = {"ground": rng.random((count, size, size, 3), np.float32), "hole": hole, "window": corner}
    return {name: tf.constant(value) for name, value in (arrays | {"other": np.zeros_like(corner)}).items()}


def values(network):
    return [variable.numpy().copy() for variable in network.variables]


def changed(network, before):
    return [np.any(old != new.numpy()) for old, new in zip(before, network.variables, strict=True)]


def assert_both_learn(inpaint):
    before = {name: values(network) for name, network in inpaint.networks.items()}
    inpaint.train_step(batch())
    assert all(np.mean(changed(inpaint.networks[name], before[name])) > 0.9 for name in ("generator", "discriminator"))


class Spy:
    """A discriminator that remembers what it was shown."""

    def __init__(self, network):
        self.network, self.shown = network, []

    def __call__(self, inputs, training):
        self.shown.append(inputs)
        return self.network(inputs, training=training)


@pytest.mark.parametrize(
    ("generator", "size"), [("glcic", 32), ("autoencoder", 32), ("residual", 64), ("dilated", 128), ("unet", 96)]
)
def test_the_adversarial_gradient_reaches_every_weight_of_the_generator(generator, size):
    inpaint = system(size, generator=generator, reconstruction_weight=0.0, adversarial_weight=1.0)
    inpaint.train_step(batch(size))
    names = [v.path for v in inpaint.networks["generator"].trainable_variables]
    moments = inpaint.optimizers["generator"]._momentums
    assert [name for name, moment in zip(names, moments, strict=True) if not np.any(moment.numpy())] == []


@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_each_discriminator_learns_while_both_are_trained_and_teaches_the_generator(discriminator):
    assert_both_learn(system(discriminator=discriminator, reconstruction_weight=0.0))


@pytest.mark.parametrize("adversarial", PIXEL_OBJECTIVES)
def test_the_map_of_fakeness_learns_and_teaches_under_each_objective_by_pixel(adversarial):
    assert_both_learn(system(discriminator="map", adversarial=adversarial, reconstruction_weight=0.0))


def test_the_phases_train_the_generator_then_the_discriminator_then_both():
    inpaint = system(completion_steps=1, discriminator_steps=1)
    trained = []
    for _ in range(3):
        before = {name: values(inpaint.networks[name]) for name in ("generator", "discriminator")}
        phase = inpaint.train_step(batch())["phase"]
        trained.append((int(phase), [n for n, v in before.items() if any(changed(inpaint.networks[n], v))]))
    assert trained == [(0, ["generator"]), (1, ["discriminator"]), (2, ["generator", "discriminator"])]


def test_structure_is_logged_where_it_has_a_weight():
    assert float(system(structure_weight=0.1).train_step(batch())["structure"]) > 0.0
    assert "structure" not in system().train_step(batch())


def test_a_run_that_ends_in_the_first_phase_has_the_steps_of_a_longer_one():
    options = dataclasses.replace(SMALL, completion_steps=2, discriminator_steps=1)
    ends = []
    for steps in (2, 9):
        keras.utils.set_random_seed(0)
        inpaint = InpaintSystem(Run("inpaint", options, size=SIZE, batch_size=2, precision="float32", steps=steps))
        phases = [float(inpaint.train_step(batch())["phase"]) for _ in range(2)]
        ends.append((phases, values(inpaint.networks["generator"])))
    assert ends[0][0] == ends[1][0] == [0.0, 0.0]
    assert all(np.array_equal(one, other) for one, other in zip(ends[0][1], ends[1][1], strict=True))


def test_the_discriminator_is_shown_the_composite_and_never_the_raw_answer():
    inpaint, shown = system(history=0.0), batch()
    spy = inpaint.judge.network = Spy(inpaint.judge.network)
    given = completion.generator_input(
        "glcic", shown["ground"], shown["hole"], inpaint.networks["fill"](shown["ground"])
    )
    raw = inpaint.networks["generator"](given, training=True).numpy()
    inpaint.train_step(shown)
    (fake,), (real,) = spy.shown
    known = shown["hole"].numpy() == 0
    np.testing.assert_array_equal(np.where(known, fake, 0), np.where(known, shown["ground"], 0))
    np.testing.assert_array_equal(real, shown["ground"])
    assert not np.any(np.all(np.where(known, raw, 0) == np.where(known, fake, 0), axis=(1, 2, 3)))
    assert np.any(fake.numpy() != shown["ground"].numpy())


def test_the_discriminator_is_shown_past_completions_with_a_history_only():
    counts = []
    for history in (0.5, 0.0):
        inpaint = system(history=history)
        spy = inpaint.judge.network = Spy(inpaint.judge.network)
        inpaint.train_step(batch())
        counts.append(len(spy.shown))
    assert counts == [3, 2]


def test_a_local_discriminator_sees_the_hole_of_a_completion_and_another_place_of_the_ground():
    inpaint, shown = system(discriminator="glcic", history=0.0), batch()
    spy = inpaint.judge.network = Spy(inpaint.judge.network)
    inpaint.train_step(shown)
    (fake, fake_part), (real, real_part) = spy.shown
    np.testing.assert_array_equal(fake_part, fake[:, 8:24, 8:24])
    np.testing.assert_array_equal(real_part, real[:, :16, :16])


def test_completing_uses_moving_statistics_and_changes_nothing():
    inpaint, shown = system(), batch()
    inpaint.train_step(shown)
    before = values(inpaint.networks["generator"]) + values(inpaint.networks["fill"])
    beside = inpaint.complete(shown["ground"], shown["hole"])
    alone = inpaint.complete(shown["ground"][:1], shown["hole"][:1])
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-6)
    after = values(inpaint.networks["generator"]) + values(inpaint.networks["fill"])
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_a_generator_that_was_never_updated_is_shown_with_the_weights_it_has():
    options = dataclasses.replace(SMALL, discriminator_steps=2)
    inpaint = InpaintSystem(Run("inpaint", options, size=SIZE, batch_size=2, precision="float32", ema=0.9))
    shown = batch()
    inpaint.train_step(shown)
    own = inpaint.complete(shown["ground"], shown["hole"])
    with averaged_weights(inpaint):
        np.testing.assert_array_equal(inpaint.complete(shown["ground"], shown["hole"]), own)


def test_a_soft_edge_is_blended():
    inpaint, shown = system(), batch()
    half = 0.5 * shown["hole"]
    full, soft = (inpaint.complete(shown["ground"], hole) for hole in (shown["hole"], half))
    assert np.any(soft.numpy() != full.numpy()) and np.any(soft.numpy() != shown["ground"].numpy())


@pytest.mark.parametrize(("waits", "losses"), [("discriminator", (1.0, 0.1)), ("generator", (0.1, 1.0))])
def test_a_network_that_waits_keeps_its_weights_and_its_optimizers_moments(waits, losses):
    inpaint = system(balance=8.0, balance_window=100)
    inpaint.balance.losses.assign(np.tile(np.float32(losses), (100, 1)))
    inpaint.balance.seen.assign(100)
    networks = {name: inpaint.networks[name] for name in ("generator", "discriminator")}
    before = {name: [v.numpy().copy() for v in network.trainable_variables] for name, network in networks.items()}
    slots = {name: [v.numpy().copy() for v in optimizer.variables] for name, optimizer in inpaint.optimizers.items()}
    scalars = inpaint.train_step(batch())
    for name, network in networks.items():
        weights = zip(before[name], network.trainable_variables, strict=True)
        moments = zip(slots[name], inpaint.optimizers[name].variables, strict=True)
        still = all(np.array_equal(old, new.numpy()) for pairs in (weights, moments) for old, new in pairs)
        assert still == (name == waits)
        assert np.isnan(scalars[f"gradient_norm_{name}"]) == (name == waits)
        assert float(scalars[f"gate_{name}"]) == (0.0 if name == waits else 1.0)


def test_weights_of_a_wgan_critic_stay_within_its_bounds():
    inpaint = system(adversarial="wgan")
    inpaint.train_step(batch())
    assert max(np.abs(v.numpy()).max() for v in inpaint.networks["discriminator"].trainable_variables) <= np.float32(
        0.01
    )


def test_a_critic_whose_clipped_weights_leave_hardly_a_gradient_is_moved_all_the_same():
    inpaint = system(adversarial="wgan", discriminator="masked")
    inpaint.judge.clip()
    kernels = [v for v in inpaint.networks["discriminator"].trainable_variables if v.path.endswith("kernel")]
    before = [kernel.numpy() for kernel in kernels]
    inpaint.train_step(batch())
    moved = [np.abs(kernel - old).mean() for kernel, old in zip(kernels, before, strict=True)]
    assert min(moved) > 0.1 * inpaint.run.learning_rate


@pytest.mark.parametrize("discriminator", ["masked", "global", "patch"])
def test_the_clipped_critic_of_wgan_is_no_flat_function(discriminator):
    inpaint = system(adversarial="wgan", discriminator=discriminator)
    inpaint.judge.clip()
    assert float(inpaint.train_step(batch())["gradient_norm_discriminator"]) > 3e-5


@pytest.mark.parametrize(
    ("adversarial", "kind", "betas"),
    [("gan", "Adam", (0.5, 0.9)), ("dcgan", "Adam", (0.5, 0.9)), ("wgan-gp", "Adam", (0.0, 0.9)),
     ("wgan", "RMSprop", None)],
)  # fmt: skip
def test_the_optimizers_are_those_of_the_seed_and_of_the_papers(adversarial, kind, betas):
    for optimizer in system(adversarial=adversarial).optimizers.values():
        assert type(optimizer).__name__ == kind
        assert betas is None or (optimizer.beta_1, optimizer.beta_2) == betas


def test_the_generator_of_a_critic_is_updated_in_every_fifth_step():
    inpaint = system(adversarial="wgan")
    updates = []
    for _ in range(10):
        inpaint.train_step(batch())
        updates.append(int(inpaint.optimizers["generator"].iterations))
    assert updates == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    assert int(inpaint.optimizers["discriminator"].iterations) == 10


def test_a_critic_with_a_gradient_penalty_has_no_batch_norm_and_pays():
    inpaint = system(adversarial="wgan-gp")
    assert not [v.path for v in inpaint.networks["discriminator"].variables if "moving" in v.path]
    assert float(inpaint.train_step(batch())["penalty"]) > 0


def test_no_gate_weighs_the_losses_of_a_critic():
    inpaint = system(adversarial="wgan", balance=1.01, balance_window=1)
    scalars = inpaint.train_step(batch())
    assert (float(scalars["gate_generator"]), float(scalars["gate_discriminator"])) == (1.0, 1.0)


@pytest.mark.parametrize("discriminator", ["patch", "map"])
def test_the_gate_weighs_the_minimax_game_by_a_loss_that_is_positive(discriminator):
    scalars = system(discriminator=discriminator, adversarial="gan", balance=8.0).train_step(batch())
    assert float(scalars["adversarial"]) < 0 and float(scalars["gate_generator"]) == 1.0


def test_holes_are_filled_with_the_mean_colour_of_what_was_trained_on():
    inpaint, shown = system(), batch()
    inpaint.train_step(shown)
    np.testing.assert_allclose(inpaint.networks["fill"].colour, shown["ground"].numpy().mean((0, 1, 2)), rtol=1e-5)


def test_training_ends_once_the_reconstruction_loss_is_small_enough():
    reached, unreached, off = (system(stop_loss=stop) for stop in (2.0, 1e-9, 0.0))
    for inpaint in (reached, unreached, off):
        assert inpaint.finished() is None
        inpaint.train_step(batch())
    assert "--stop-loss 2" in reached.finished() and unreached.finished() is off.finished() is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"discriminator": "map", "adversarial": "wgan"}, "--adversarial wgan.*one of gan, dcgan, lsgan"),
        ({"discriminator": "map", "adversarial": "wgan-gp"}, "--adversarial wgan-gp.*one of gan, dcgan, lsgan"),
        ({"balance": 0.5}, "--balance 0.5: expected more than 1"),
        ({"history": 1.5}, "--history 1.5: expected a share"),
        ({"width": 0}, "--width 0: expected 1 or more"),
        ({"discriminator_width": -1}, "--discriminator-width -1: expected 1 or more"),
        ({"history_size": 0}, "--history-size 0: expected 1 or more"),
        ({"completion_steps": -1}, "--completion-steps -1: expected 0 or more"),
    ],
)
def test_options_no_run_can_have_are_refused_by_name(changes, words):
    with pytest.raises(OptionError, match=words):
        check(dataclasses.replace(SMALL, **changes), SIZE)


def test_a_size_the_map_of_fakeness_cannot_take_is_refused():
    with pytest.raises(OptionError, match="multiples of 32 px"):
        check(dataclasses.replace(SMALL, discriminator="map", adversarial="lsgan"), 36)


def test_every_generator_and_discriminator_there_is_can_be_asked_for():
    asked = typing.get_type_hints(Options)
    assert typing.get_args(asked["generator"]) == tuple(completion.GENERATORS)
    assert typing.get_args(asked["discriminator"]) == tuple(DISCRIMINATORS)
    assert typing.get_args(asked["adversarial"]) == tuple(OBJECTIVES)
