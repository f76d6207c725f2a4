"""The adversarial objectives against their formulas, worked out by hand."""

import math

import keras
import numpy as np
import pytest

from cloud_removal import adversarial
from cloud_removal.adversarial import OBJECTIVES, PIXEL_OBJECTIVES

REAL, FAKE = np.array([[2.0], [-1.0]], np.float32), np.array([[0.5], [-3.0]], np.float32)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


FORMULAS = {
    "gan": (-np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(FAKE)).mean(), np.log(1 - sigmoid(FAKE)).mean()),
    "dcgan": (-np.log(sigmoid(REAL)).mean() - np.log(1 - sigmoid(FAKE)).mean(), -np.log(sigmoid(FAKE)).mean()),
    "lsgan": (0.5 * ((REAL - 1) ** 2).mean() + 0.5 * (FAKE**2).mean(), 0.5 * ((FAKE - 1) ** 2).mean()),
    "wgan": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "wgan-gp": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
}


def test_every_objective_has_a_formula_here():
    assert set(FORMULAS) == set(OBJECTIVES)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_losses_are_those_of_the_paper(name):
    discriminator, generator = FORMULAS[name]
    assert float(OBJECTIVES[name].discriminator_loss(REAL, FAKE)) == pytest.approx(discriminator, rel=1e-5)
    assert float(OBJECTIVES[name].generator_loss(FAKE)) == pytest.approx(generator, rel=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_with_stored_fakes_the_loss_is_real_and_half_of_each(name):
    objective, stored = OBJECTIVES[name], FAKE + 1.0
    expected = objective.of_real(REAL) + 0.5 * (objective.of_fake(FAKE) + objective.of_fake(stored))
    assert float(objective.discriminator_loss(REAL, FAKE, stored)) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_answers_far_from_zero_give_finite_losses(name):
    far = np.array([[300.0], [-300.0]], np.float32)
    assert math.isfinite(float(OBJECTIVES[name].discriminator_loss(far, -far)))
    assert math.isfinite(float(OBJECTIVES[name].generator_loss(far)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_fake_taken_for_more_real_is_a_better_generator(name):
    better, worse = (float(OBJECTIVES[name].generator_loss(np.full((2, 1), x, np.float32))) for x in (0.9, -2.0))
    assert better < worse


def test_critics_take_five_steps_and_only_one_of_them_is_clipped():
    asked = {name: (o.critic_steps, o.clip, o.penalty) for name, o in OBJECTIVES.items()}
    assert asked == {
        "gan": (1, None, 0.0),
        "dcgan": (1, None, 0.0),
        "lsgan": (1, None, 0.0),
        "wgan": (5, 0.01, 0.0),
        "wgan-gp": (5, None, 10.0),
    }


@pytest.mark.parametrize("name", [name for name, objective in OBJECTIVES.items() if objective.critic_steps > 1])
def test_a_constant_added_to_a_critics_scores_changes_the_generators_loss_alone_so_no_gate_can_weigh_the_two(name):
    objective = OBJECTIVES[name]
    losses = [(objective.discriminator_loss(REAL + k, FAKE + k), objective.generator_loss(FAKE + k)) for k in (0, 100)]
    (before, low), (after, high) = ((float(d), float(g)) for d, g in losses)
    assert after == pytest.approx(before, abs=1e-4) and high == pytest.approx(low - 100.0, rel=1e-5)


def test_each_picture_has_an_epsilon_of_its_own_the_same_for_all_inputs():
    real = [np.ones((2, 4, 4, 3), np.float32), np.ones((2, 2, 2, 3), np.float32)]
    fake = [np.zeros_like(tensor) for tensor in real]
    for points in adversarial.interpolated(real, fake, np.array([0.25, 0.75], np.float32)):
        points = keras.ops.convert_to_numpy(points)
        assert (points[0] == 0.25).all() and (points[1] == 0.75).all()


def test_the_penalty_takes_the_norm_over_all_axes_and_inputs_of_one_picture():
    gradients = [np.full((2, 4, 4, 3), 0.5, np.float32), np.full((2, 2, 2, 3), 1.0, np.float32)]
    gradients[0][1] = 0.0
    norms = np.sqrt([48 * 0.25 + 12.0, 12.0])
    assert float(adversarial.gradient_penalty(gradients)) == pytest.approx(((norms - 1) ** 2).mean(), rel=1e-5)


def test_a_gradient_of_norm_one_for_each_picture_costs_nothing():
    gradient = np.zeros((3, 4, 4, 3), np.float32)
    gradient[:, 1, 2, 0] = 1.0
    assert float(adversarial.gradient_penalty([gradient])) == pytest.approx(0.0, abs=1e-6)


HOLE = np.zeros((1, 4, 4, 1), np.float32)
HOLE[:, 1:3] = 1.0
"""Half of the pixels."""
CERTAIN = {"gan": 40.0, "dcgan": 40.0, "lsgan": 1.0}
"""What a map says where it is sure that a pixel is made up."""
SAYS = np.linspace(-2.0, 3.0, 16, dtype=np.float32).reshape(1, 4, 4, 1)


def saying(name, made_up):
    """The map that is sure of `made_up` (1 or 0 a pixel), under objective `name`."""
    return made_up * CERTAIN[name] + (1.0 - made_up) * (0.0 if name == "lsgan" else -CERTAIN[name])


def test_a_map_takes_the_objectives_that_tell_it_what_each_pixel_is():
    assert set(PIXEL_OBJECTIVES) == {name for name, objective in OBJECTIVES.items() if objective.critic_steps == 1}


@pytest.mark.parametrize("name", PIXEL_OBJECTIVES)
def test_a_map_should_say_nothing_of_real_ground_and_the_hole_of_a_completion(name):
    objective, right, nothing = PIXEL_OBJECTIVES[name], saying(name, HOLE), saying(name, 0.0 * HOLE)
    assert float(objective.discriminator_loss(nothing, [(right, HOLE), (right, HOLE)])) == pytest.approx(0.0, abs=1e-6)
    for real, fake in ((right, right), (nothing, nothing)):
        assert float(objective.discriminator_loss(real, [(fake, HOLE)])) > 0.4


@pytest.mark.parametrize("name", PIXEL_OBJECTIVES)
def test_a_map_that_misses_one_of_two_completions_is_half_as_wrong(name):
    objective, right, nothing = PIXEL_OBJECTIVES[name], saying(name, HOLE), saying(name, 0.0 * HOLE)
    both, one = (objective.discriminator_loss(nothing, [(fake, HOLE), (nothing, HOLE)]) for fake in (nothing, right))
    assert float(one) == pytest.approx(0.5 * float(both), rel=1e-5)


@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_a_map_learns_by_the_cross_entropy_of_each_pixel(name):
    soft = 0.5 * HOLE
    found = sigmoid(SAYS)
    expected = -(soft * np.log(found) + (1 - soft) * np.log(1 - found)).mean() - np.log(1 - found).mean()
    assert float(PIXEL_OBJECTIVES[name].discriminator_loss(SAYS, [(SAYS, soft)])) == pytest.approx(expected, rel=1e-5)


def test_a_map_learns_by_the_squared_error_of_each_pixel():
    expected = ((SAYS - HOLE) ** 2).mean() + (SAYS**2).mean()
    loss = PIXEL_OBJECTIVES["lsgan"].discriminator_loss(SAYS, [(SAYS, HOLE)])
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gan", (HOLE * np.log(sigmoid(SAYS))).mean()),
        ("dcgan", -np.log(1 - sigmoid(SAYS)).mean()),
        ("lsgan", (SAYS**2).mean()),
    ],
)
def test_the_generator_wants_the_map_to_say_nothing(name, expected):
    assert float(PIXEL_OBJECTIVES[name].generator_loss(SAYS, HOLE)) == pytest.approx(expected, rel=1e-5)
    better, worse = (PIXEL_OBJECTIVES[name].generator_loss(saying(name, part * HOLE), HOLE) for part in (0.0, 1.0))
    assert float(better) < float(worse)


def test_the_relativistic_losses_are_those_worked_out_by_hand():
    # E C(x) = 0.5, E C(G) = -1.25. Discriminator: x less E C(G) is 3.25, 0.25; G less E C(x) is 0, -3.5.
    discriminator = 0.5 * (2.25**2 + 0.75**2) / 2 + 0.5 * (0.0**2 + 3.5**2) / 2
    generator = 0.5 * (1.0**2 + 4.5**2) / 2 + 0.5 * (3.25**2 + 0.25**2) / 2
    assert float(adversarial.relativistic_discriminator_loss(REAL, FAKE)) == pytest.approx(discriminator) == 4.46875
    assert float(adversarial.relativistic_generator_loss(REAL, FAKE)) == pytest.approx(generator) == 7.96875


def test_only_the_difference_of_real_and_fake_matters_to_the_relativistic_losses_and_one_is_what_is_aimed_at():
    for shift in (0.0, 7.0):
        higher, lower = np.full((3, 2), shift + 1.0, np.float32), np.full((3, 2), shift, np.float32)
        told = float(adversarial.relativistic_discriminator_loss(higher, lower))
        fooled = float(adversarial.relativistic_generator_loss(higher, lower))
        # Told apart by 1: ½(1 - 1)² + ½(-1)²; the generator wants the fake to be higher: ½(-1 - 1)² + ½(1)².
        assert (told, fooled) == pytest.approx((0.5, 2.5))
    half = np.full((3, 2), 0.5, np.float32)
    assert float(adversarial.relativistic_discriminator_loss(half, 0 * half)) == pytest.approx(0.25)


def test_the_generator_of_the_relativistic_game_wants_a_higher_score_for_the_fake_and_the_discriminator_a_lower_one():
    def losses(change):
        scores = REAL, REAL + np.float32(change)
        return [float(loss(*scores)) for loss in (
            adversarial.relativistic_discriminator_loss, adversarial.relativistic_generator_loss,
        )]  # fmt: skip

    (told, fooled), (told_higher, fooled_higher) = losses(0.0), losses(0.1)
    assert told_higher > told and fooled_higher < fooled
