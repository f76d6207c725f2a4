"""The gate between a generator and a discriminator."""

import numpy as np
import pytest

from cloud_removal.systems.balance import Balance


def decided(balance, generator, discriminator):
    return tuple(bool(may) for may in balance.decide(np.float32(generator), np.float32(discriminator)))


def test_both_are_updated_while_their_losses_are_near():
    assert decided(Balance(8.0, 1), 1.0, 1.0) == (True, True)


@pytest.mark.parametrize(("discriminator", "may"), [(0.124, False), (0.126, True)])
def test_the_discriminator_waits_while_its_loss_times_the_ratio_is_under_the_generators(discriminator, may):
    assert decided(Balance(8.0, 1), 1.0, discriminator) == (True, may)


@pytest.mark.parametrize(("generator", "may"), [(0.124, False), (0.126, True)])
def test_the_generator_waits_while_its_loss_times_the_ratio_is_under_the_discriminators(generator, may):
    assert decided(Balance(8.0, 1), generator, 1.0) == (may, True)


def test_a_ratio_of_0_never_lets_either_wait():
    assert decided(Balance(0.0, 1), 1.0, 1e-9) == (True, True)


def test_losses_are_averaged_over_the_window():
    balance = Balance(8.0, 4)
    for _ in range(4):
        decided(balance, 1.0, 1.0)
    assert decided(balance, 1.0, 0.0) == (True, True)


def test_losses_older_than_the_window_count_no_more():
    balance = Balance(8.0, 2)
    for discriminator in (100.0, 0.1, 0.1):
        last = decided(balance, 1.0, discriminator)
    assert last == (True, False)


def test_a_window_that_is_not_full_averages_what_there_is():
    assert decided(Balance(8.0, 100), 1.0, 0.1) == (True, False)


def test_flips_of_either_gate_are_counted():
    balance = Balance(8.0, 1)
    for discriminator in (1.0, 0.01, 0.01, 1.0):
        decided(balance, 1.0, discriminator)
    assert float(balance.scalars()["gate_flips"]) == 2


def test_the_log_says_which_network_waits():
    balance = Balance(8.0, 1)
    decided(balance, 1.0, 0.01)
    scalars = balance.scalars()
    assert (float(scalars["gate_generator"]), float(scalars["gate_discriminator"])) == (1.0, 0.0)


def test_a_gate_with_restored_state_decides_as_the_one_it_was_taken_from():
    one, other = Balance(8.0, 3), Balance(8.0, 3)
    for losses in ((1.0, 0.2), (1.0, 0.05)):
        decided(one, *losses)
    for name, variable in one.state().items():
        other.state()[name].assign(variable)
    assert decided(one, 1.0, 0.13) == decided(other, 1.0, 0.13)
    assert all(np.array_equal(v, other.state()[n]) for n, v in one.state().items())
