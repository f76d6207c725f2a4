"""The checksum of TFRecord files."""

import numpy as np
import pytest

from cloud_removal.data.crc32c import PIECE, crc32c, masked_crc32c

CONTENT = np.random.default_rng(0).bytes(3000)


def bit_by_bit(content):
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E)],
)
def test_the_examples_of_the_standard_come_out(content, expected):
    assert crc32c(content) == expected


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 3, 3000])
def test_pieces_give_what_bit_by_bit_does(length):
    assert crc32c(CONTENT[:length]) == bit_by_bit(CONTENT[:length])


def test_the_mask_is_that_of_tensorflows_records(tmp_path):
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as file:
        file.write(CONTENT)
    assert (tmp_path / "x.tfrecord").read_bytes()[-4:] == masked_crc32c(CONTENT).to_bytes(4, "little")
