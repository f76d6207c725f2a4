"""Pictures in TFRecord files, each read by its number; the files' own checksums say whether it is whole.

A record is a tf.train.Example. Its feature `image` (or `image/encoded`) is a PNG or JPEG file; with a feature `shape`
beside it, three integers H, W, 3, it is uint8 values row by row.
Format of the files: tensorflow.org/tutorials/load_data/tfrecord.
"""

import cv2
import numpy as np
import tensorflow as tf

from cloud_removal.data.crc32c import masked_crc32c
from cloud_removal.data.record_index import AROUND, HEADER, INDEX, Index, length_of
from cloud_removal.data.storage import Storage
from cloud_removal.errors import InputError, OutputError


class Records:
    """The pictures of shards: `records[number]` reads one, uint8 (H, W, 3). Threads may read at the same time.

    InputError names the shard and the record that is damaged, cut off, no picture, or not `side` pixels high and wide.
    """

    def __init__(self, storage: Storage, index: Index, side: int | None = None):
        self.storage, self.index, self.side = storage, index, side

    def __len__(self) -> int:
        return len(self.index.starts)

    def __getitem__(self, number: int) -> np.ndarray:
        shard, there, start, stop = self.index.record(int(number))
        name = self.index.names[shard]
        where = f"{self.storage.at(name)}: record {there}"
        picture = picture_of(content_of(self.storage.read(name, start, stop), stop - start, where), where)
        if self.side is not None and picture.shape != (self.side, self.side, 3):
            raise InputError(f"{where} is {picture.shape[:2]} pixels, not {self.side}. Run `prepare ground` again.")
        return picture


def content_of(frame: bytes, expected: int, where: str) -> bytes:
    """The content of a record from its bytes as they lie in the file; InputError where checksums do not match."""
    if len(frame) < expected:
        raise InputError(f"{where} is cut off. Fetch or write the file again.")
    if length_of(frame[: HEADER.size], where) + AROUND != expected:
        raise InputError(f"{where} does not begin where {INDEX} says: that was made of other files. Fetch all again.")
    content = frame[HEADER.size : -4]
    if masked_crc32c(content) != int.from_bytes(frame[-4:], "little"):
        raise InputError(f"{where} is damaged: its checksum does not match. Fetch or write the file again.")
    return content


def picture_of(content: bytes, where: str) -> np.ndarray:
    """uint8 (H, W, 3), RGB, of a tf.train.Example; InputError where there is no picture in it."""
    try:
        features = tf.train.Example.FromString(content).features.feature
    except Exception as error:  # DecodeError of whichever protobuf implementation there is.
        raise InputError(f"{where} is no tf.train.Example ({error}).") from error
    name = next((name for name in ("image", "image/encoded") if name in features), None)
    values = list(features[name].bytes_list.value) if name else []
    if len(values) != 1:
        there = ", ".join(sorted(features)) or "none"
        raise InputError(f"{where}: expected one picture in a feature `image` or `image/encoded`; there are: {there}.")
    shape = list(features["shape"].int64_list.value) if "shape" in features else []
    if shape[2:] == [3] and int(np.prod(shape)) == len(values[0]):
        return np.frombuffer(values[0], np.uint8).reshape(shape)
    picture = cv2.imdecode(np.frombuffer(values[0], np.uint8), cv2.IMREAD_COLOR) if values[0] else None
    if picture is None:
        raise InputError(f"{where}: feature `{name}` is no PNG or JPEG, nor of the shape that a feature `shape` says.")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def example(tile: np.ndarray) -> bytes:
    """A tile, uint8 (H, W, 3), RGB, as `picture_of` reads it: the PNG in the feature `image`."""
    written, png = cv2.imencode(".png", cv2.cvtColor(tile, cv2.COLOR_RGB2BGR))
    if not written:
        raise OutputError("A tile could not be made into a PNG.")
    image = tf.train.Feature(bytes_list=tf.train.BytesList(value=[png.tobytes()]))
    return tf.train.Example(features=tf.train.Features(feature={"image": image})).SerializeToString(deterministic=True)
