"""The network that solves for the veil."""

import numpy as np
import pytest

from cloud_removal.models.blocks import Quantiles
from cloud_removal.models.veil import (
    CONTEXT_SIZE,
    GRAIN,
    HIDES,
    OPAQUE,
    RARE_AT_FIRST,
    cells,
    context_network,
    veil_network,
)  # fmt: skip

WIDTHS = (2, 2, 2, 2, 2)


@pytest.fixture(scope="module")
def network():
    return veil_network(WIDTHS)


def answer(network, picture, context=None):
    height, width = picture.shape[1] // 32, picture.shape[2] // 32
    if context is None:
        context = np.zeros((len(picture), height, width, CONTEXT_SIZE), np.float32)
    return np.asarray(network([picture, context], training=False))


def picture(seed=0, height=64, width=96):
    return np.random.default_rng(seed).random((1, height, width, 3), dtype=np.float32)


def pin(network, veil=0.0, cloud=0.0, opacity=0.5, hidden=False):
    """Makes the network answer the same everywhere: a veil and a cloud of colour 0.5, a direct estimate of 0.5."""
    answer, field = network.get_layer("answer"), network.get_layer("veil")
    for layer in (answer, field):
        layer.kernel.assign(np.zeros(layer.kernel.shape, np.float32))
    field.bias.assign([0.0] * 3 + [logit(share) for share in np.broadcast_to(veil, 3)] + [0.0])
    answer.bias.assign(
        [0.0] * 3 + [logit(opacity), logit(cloud) + RARE_AT_FIRST, 30.0 if hidden else -30.0] + [0.0] * 3
    )


def logit(share):
    return np.log(share + 1e-12) - np.log(1.0 - share + 1e-12)


def test_where_the_ground_is_seen_it_is_the_veil_equation_solved():
    network = veil_network(WIDTHS)
    pin(network, veil=0.5)
    np.testing.assert_allclose(answer(network, 0.25 + 0.5 * picture())[..., 1:], picture(), atol=1e-5)


def test_a_cloud_over_the_veil_is_solved_for_after_it():
    network = veil_network(WIDTHS)
    pin(network, veil=0.5, cloud=0.2)
    under = 0.1 + 0.8 * picture()
    np.testing.assert_allclose(answer(network, 0.25 + 0.5 * under)[..., 1:], picture(), atol=1e-5)


def test_where_the_ground_is_hidden_the_direct_estimate_takes_over():
    network = veil_network(WIDTHS)
    pin(network, opacity=0.95, hidden=True)
    np.testing.assert_allclose(answer(network, picture())[..., 1:], 0.5, atol=1e-5)


def test_a_veil_of_one_opacity_per_channel_is_solved_for_in_each():
    network = veil_network(WIDTHS)
    pin(network, veil=(0.2, 0.4, 0.6))
    share = np.array([0.2, 0.4, 0.6], np.float32)
    np.testing.assert_allclose(answer(network, 0.5 * share + (1 - share) * picture())[..., 1:], picture(), atol=1e-5)


@pytest.mark.parametrize("veil", [0.0, 0.3, 0.6])
def test_ground_in_sight_is_never_guessed_at_however_sure_the_guess(veil):
    network = veil_network(WIDTHS)
    pin(network, veil=veil, opacity=veil + (HIDES[0] - 0.01) * (1 - veil), hidden=True)
    under = 0.5 * veil + (1 - veil) * picture()
    np.testing.assert_allclose(answer(network, under)[..., 1:], picture(), atol=1e-5)


def test_a_small_cloud_that_the_smooth_veil_does_not_account_for_may_be_guessed_under():
    network = veil_network(WIDTHS)
    pin(network, veil=0.3, opacity=0.3 + HIDES[1] * 0.7 + 0.01, hidden=True)
    np.testing.assert_allclose(answer(network, picture())[..., 1:], 0.5, atol=1e-5)


def test_under_an_opaque_veil_all_may_be_guessed():
    network = veil_network(WIDTHS)
    pin(network, veil=OPAQUE[1] + 0.01, opacity=OPAQUE[1] + 0.01, hidden=True)
    np.testing.assert_allclose(answer(network, picture())[..., 1:], 0.5, atol=1e-5)


def test_the_first_channel_is_opacity():
    network = veil_network(WIDTHS)
    pin(network, opacity=0.2)
    np.testing.assert_allclose(answer(network, picture())[..., 0], 0.2, atol=1e-5)


def test_another_context_gives_another_ground(network):
    context = np.full((1, 2, 3, CONTEXT_SIZE), 3.0, np.float32)
    assert np.abs(answer(network, picture()) - answer(network, picture(), context)).max() > 1e-3


def test_the_context_is_a_vector_of_the_whole_picture_whatever_its_size():
    network = context_network()
    assert np.asarray(network(picture(height=64, width=200))).shape == (1, CONTEXT_SIZE)


def test_the_context_sees_every_corner():
    network = context_network()
    changed = picture()
    changed[0, -4:, -4:] = 1.0 - changed[0, -4:, -4:]
    assert np.abs(np.asarray(network(picture())) - np.asarray(network(changed))).max() > 0.0


def test_the_cells_are_what_numpy_finds_in_each_four_by_four_pixels():
    given = picture()
    found = np.asarray(cells(given))
    cell = given[0, 4:8, 8:12].reshape(16, 3)
    extremes = [*cell.min(0), cell.min(), cell.max()]
    expected = [*(4.0 * np.array(extremes) - 2.0), *(np.log(np.sqrt(cell.var(0) + GRAIN**2)) + 4.0)]
    np.testing.assert_allclose(found[0, 1, 2], expected, rtol=1e-4)


def test_one_dark_pixel_that_hardly_moves_the_average_is_seen_by_the_context_once_it_is_trained():
    network = context_network()
    dark = np.full((1, 64, 64, 3), 0.5, np.float32)
    dark[0, ::4, ::4] = 0.0
    even = np.broadcast_to(dark[:, :4, :4].mean(axis=(1, 2), keepdims=True), dark.shape).astype(np.float32)
    np.testing.assert_allclose(network(dark), network(even), atol=1e-4)
    kernel = network.get_layer("cells2").kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    assert np.abs(np.asarray(network(dark)) - np.asarray(network(even))).max() > 1e-2


def test_a_direct_head_answers_by_its_own_logits_alone():
    network = veil_network(WIDTHS, head="direct")
    answers, field = network.get_layer("answer"), network.get_layer("veil")
    for layer in (answers, field):
        layer.kernel.assign(np.zeros(layer.kernel.shape, np.float32))
    answers.bias.assign([0.5, logit(0.2), logit(0.4), logit(0.6)])
    field.bias.assign([logit(0.3) - 0.5])
    wanted = np.broadcast_to([0.3, 0.2, 0.4, 0.6], (1, 64, 96, 4))
    np.testing.assert_allclose(answer(network, picture()), wanted, atol=1e-6)


def test_batch_norm_stands_behind_each_leaky_convolution_from_the_bottleneck_on(network):
    norms = {layer.name for layer in veil_network(WIDTHS, norm="batch").layers if layer.name.endswith("_norm")}
    middle = ["middle", "middle1_in", "middle1_out", "middle2_in", "middle2_out"]
    assert norms == {f"{name}_norm" for name in (*middle, "decode4", "decode3", "decode2", "decode1", "head")}
    assert not [layer.name for layer in network.layers if layer.name.endswith("_norm")]


def test_shifting_the_picture_by_the_stride_shifts_the_answer(network):
    wide = picture(height=64, width=1280)
    context = np.zeros((1, 2, 40, CONTEXT_SIZE), np.float32)
    left, right = answer(network, wide, context), answer(network, wide[:, :, 32:], context[:, :, 1:])
    middle = slice(608, 672)
    np.testing.assert_allclose(left[:, :, middle], right[:, :, 576:640], atol=2e-5)


def test_quantiles_are_those_of_the_whole_picture():
    ordered = np.random.default_rng(0).permutation(101 * 4).reshape(1, 101, 4, 1) / 403.0
    values = np.asarray(Quantiles((0.0, 0.5, 1.0))(ordered.astype(np.float32)))
    np.testing.assert_allclose(values, [[0.0, 0.5, 1.0]], atol=0.002)


def test_quantiles_keep_channels_apart():
    picture = np.zeros((1, 4, 4, 2), np.float32)
    picture[..., 1] = 1.0
    np.testing.assert_array_equal(np.asarray(Quantiles((0.1, 0.9))(picture)), [[0.0, 1.0, 0.0, 1.0]])
