"""The checksum of TFRecord files."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.data.crc32c import masked_crc32c


@pytest.mark.parametrize("length", [0, 1, 3000])
def test_the_checksum_is_that_of_tensorflows_records(length, tmp_path):
    content = np.random.default_rng(0).bytes(length)
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as file:
        file.write(content)
    assert (tmp_path / "x.tfrecord").read_bytes()[-4:] == masked_crc32c(content).to_bytes(4, "little")
