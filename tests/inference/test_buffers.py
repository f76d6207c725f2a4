"""Memory that is used again, and tensors that share it."""

import numpy as np
import pytest

from cloud_removal.inference import tensors
from cloud_removal.inference.buffers import ALIGNMENT, Buffers


@pytest.mark.parametrize(("shape", "dtype"), [((2, 5, 7, 3), "float32"), ((3, 1, 1), "uint16")])
def test_arrays_have_the_shape_and_type_asked_for_and_are_aligned(shape, dtype):
    array = Buffers().take(shape, dtype)
    assert array.shape == shape and array.dtype == dtype and array.ctypes.data % ALIGNMENT == 0


def test_memory_given_back_is_used_again_for_any_smaller_shape():
    buffers = Buffers()
    first = buffers.take((40, 30), np.float32)
    buffers.give(first[:2])
    assert np.shares_memory(buffers.take((3, 90), np.uint16), first)


def test_two_arrays_at_once_never_share_memory():
    buffers = Buffers()
    assert not np.shares_memory(buffers.take((40, 30), np.float32), buffers.take((40, 30), np.float32))


def test_memory_too_small_is_not_kept():
    buffers = Buffers()
    small = buffers.take((4, 4), np.float32)
    buffers.give(small)
    assert not np.shares_memory(buffers.take((400, 4), np.float32), small)
    assert not np.shares_memory(buffers.take((4, 4), np.float32), small)


def test_an_aligned_array_becomes_a_tensor_in_the_same_memory():
    array = Buffers().take((4, 5), np.float32)
    array[:] = 1.0
    tensor = tensors.tensor(array)
    array[0, 0] = 7.0
    assert tensor.numpy()[0, 0] == 7.0


@pytest.mark.parametrize("part", [np.s_[1:, :], np.s_[:, 1:], np.s_[:0]])
def test_other_arrays_become_tensors_of_equal_values(part):
    array = Buffers().take((4, 5), np.float32)
    array[:] = np.arange(20, dtype=np.float32).reshape(4, 5)
    np.testing.assert_array_equal(tensors.tensor(array[part]).numpy(), array[part])


def test_a_graph_that_answers_with_what_it_was_given_leaves_a_copy():
    array = Buffers().take((4, 5), np.float32)
    array[:] = 1.0
    answer = tensors.values(tensors.tensor(array), array)
    array[:] = 2.0
    np.testing.assert_array_equal(answer, 1.0)


def test_an_answer_is_seen_without_a_copy():
    given = np.zeros((4, 5), np.float32)
    answer = tensors.tensor(given) + 1.0
    assert np.shares_memory(tensors.values(answer, given), tensors.values(answer, given))
