"""Pictures in TFRecord files: written, found, read by their number, and what is damaged."""

import os
import re

import cv2
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Data, Run
from cloud_removal.data import record_index
from cloud_removal.data.clear import clear_batches
from cloud_removal.data.endless import unreadable
from cloud_removal.data.ground import open_ground
from cloud_removal.data.record_index import INDEX, index_of
from cloud_removal.data.records import Records, picture_of
from cloud_removal.data.shards import ShardWriter
from cloud_removal.data.storage import Local
from cloud_removal.data.store import read_store
from cloud_removal.data.tiles import cut
from cloud_removal.errors import InputError

TILES = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), np.uint8)
NAMES = ["tiles-00000-of-00003.tfrecord", "tiles-00001-of-00003.tfrecord", "tiles-00002-of-00003.tfrecord"]


@pytest.fixture
def shards(tmp_path):
    """Five tiles in three shards."""
    writer = ShardWriter(tmp_path, most=2000)
    for tile in TILES:
        writer.append(tile)
    writer.finish()
    return tmp_path


def opened(folder):
    return Records(Local(folder), index_of(Local(folder), NAMES))


def test_each_record_is_the_tile_that_was_written(shards):
    assert sorted(p.name for p in shards.iterdir()) == [INDEX, *NAMES]
    np.testing.assert_array_equal(np.stack([opened(shards)[number] for number in range(5)]), TILES)


def test_tensorflow_reads_the_shards_in_order(shards):
    dataset = tf.data.TFRecordDataset([str(shards / name) for name in NAMES])
    spec = {"image": tf.io.FixedLenFeature([], tf.string)}
    pictures = [tf.io.decode_png(tf.io.parse_single_example(record, spec)["image"]).numpy() for record in dataset]
    np.testing.assert_array_equal(np.stack(pictures), TILES)


def test_tiles_are_taken_back_across_shards_and_others_follow(tmp_path):
    writer = ShardWriter(tmp_path, most=2000)
    for tile in TILES[[0, 3, 4, 2]]:
        writer.append(tile)
    writer.cut_back(1)
    for tile in TILES[1:]:
        writer.append(tile)
    names = writer.finish()["shards"]
    records = Records(Local(tmp_path), record_index.read_index(Local(tmp_path)))
    np.testing.assert_array_equal(np.stack([records[number] for number in range(5)]), TILES)
    assert len(list(tf.data.TFRecordDataset([str(tmp_path / name) for name in names]))) == 5


def test_where_no_index_lies_beside_shards_it_is_made_once_and_kept(shards, capsys):
    written = record_index.read_index(Local(shards))
    (shards / INDEX).unlink()
    for _ in range(2):
        found = index_of(Local(shards), NAMES)
    assert capsys.readouterr().err.count("Finding the records of 3") == 1
    assert found.names == written.names and found.packed() == (shards / INDEX).read_bytes()
    np.testing.assert_array_equal(found.starts, written.starts)


def test_an_index_older_than_its_shards_is_made_again(shards):
    index_of(Local(shards), NAMES)
    with tf.io.TFRecordWriter(str(shards / NAMES[0])) as file:
        file.write(b"another")
    os.utime(shards / INDEX, (1, 1))
    assert len(index_of(Local(shards), NAMES).starts) < 5


def test_one_shard_alone_leaves_the_index_of_all_as_it_is(shards):
    before = (shards / INDEX).read_bytes()
    source = open_ground([shards / NAMES[1]], validation_share=0.0)
    first, last = record_index.read_index(Local(shards)).last[:2]
    assert len(source) == last - first and (shards / INDEX).read_bytes() == before


def test_an_index_that_cannot_be_kept_is_made_all_the_same(shards, monkeypatch):
    def refused(path, content):
        raise PermissionError(13, "Permission denied")

    (shards / INDEX).unlink()
    monkeypatch.setattr(record_index, "write_atomically", refused)
    assert len(index_of(Local(shards), NAMES).starts) == 5 and not (shards / INDEX).exists()


def test_a_flipped_bit_names_file_and_record_when_it_is_read(shards):
    content = bytearray((shards / NAMES[1]).read_bytes())
    content[-40] ^= 1
    (shards / NAMES[1]).write_bytes(content)
    records = Records(Local(shards), record_index.read_index(Local(shards)))
    last = int(records.index.last[1]) - 1
    where = re.escape(f"{shards / NAMES[1]}: record {last - int(records.index.last[0])} is damaged: its checksum")
    with pytest.raises(InputError, match=where):
        records[last]
    np.testing.assert_array_equal(records[0], TILES[0])


@pytest.mark.parametrize("kept", [5, 12, 300])
def test_a_shard_of_others_that_was_cut_off_names_file_and_record(shards, kept):
    (shards / INDEX).unlink()
    os.truncate(shards / NAMES[1], kept)
    with pytest.raises(InputError, match=re.escape(f"{shards / NAMES[1]}: record 0 is cut off")):
        index_of(Local(shards), NAMES)


def test_a_file_that_only_is_called_like_a_shard_is_refused(tmp_path):
    (tmp_path / NAMES[0]).write_bytes(b"no TFRecord file at all")
    with pytest.raises(InputError, match="record 0 is damaged, or the file is no TFRecord file"):
        open_ground([tmp_path])


def feature(content):
    if isinstance(content, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=content))


def record(**features):
    named = {name.replace("_", "/"): feature(content) for name, content in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=named)).SerializeToString()


@pytest.mark.parametrize("kind", ["raw", "png", "encoded", "grey"])
def test_records_of_others_hold_raw_values_or_picture_files(kind):
    picture = np.broadcast_to(TILES[0, :12, :, :1], (12, 16, 3)) if kind == "grey" else TILES[0, :12]
    png = cv2.imencode(".png", picture[..., ::-1] if kind != "grey" else picture[..., 0])[1].tobytes()
    held = {"raw": {"image": picture.tobytes(), "shape": [12, 16, 3]}, "encoded": {"image_encoded": png}}
    np.testing.assert_array_equal(picture_of(record(**held.get(kind, {"image": png})), "here"), picture)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xff\xff", "here is no tf.train.Example"),
        (record(label=[3]), "there are: label"),
        (record(image=b"no picture"), "feature `image` is no PNG or JPEG"),
        (record(image=bytes(30), shape=[4, 4, 3]), "nor of the shape"),
    ],
    ids=["no example", "no image", "no picture", "another shape"],
)
def test_a_record_without_a_picture_is_refused(content, told):
    with pytest.raises(InputError, match=told):
        picture_of(content, "here")


@pytest.fixture
def ground(tmp_path):
    """Three pictures in two folders."""
    rng = np.random.default_rng(1)
    for name in ("field/a.png", "field/b.png", "wood/c.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "in" / name), rng.integers(0, 255, (32, 48, 3), np.uint8))
    return tmp_path / "in"


def crops(folder, split):
    source = open_ground([folder], ("wood",), 0.3, split)
    rng = np.random.default_rng(0)
    return [source.crop(index, rng, size) for index in range(len(source)) for size in (16, 64)]


@pytest.mark.parametrize("split", ["training", "validation"])
def test_shards_show_what_a_store_of_the_same_tiles_shows(ground, tmp_path, split):
    cut(ground, tmp_path / "store", 16)
    cut(ground, tmp_path / "shards", 16, kind="tfrecord", shard=2000)
    store, shards = crops(tmp_path / "store", split), crops(tmp_path / "shards", split)
    assert len(store) == len(shards) == 2 * (8 if split == "training" else 4)
    for one, other in zip(store, shards, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_store_whose_shard_was_cut_off_names_file_and_record_before_any_work(ground, tmp_path):
    cut(ground, tmp_path / "shards", 16, kind="tfrecord")
    shard = next((tmp_path / "shards").glob("*.tfrecord"))
    os.truncate(shard, shard.stat().st_size - 1)
    with pytest.raises(InputError, match=re.escape(f"{shard} has {shard.stat().st_size} bytes")) as raised:
        read_store(tmp_path / "shards")
    assert "cut off in record 17" in str(raised.value)


def test_shards_of_others_are_ground_of_any_sizes_each_record_one_place(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "train.tfrecord-00000-of-00001")) as file:
        for value, side in ((7, 40), (9, 600)):
            file.write(record(image=np.full((side, side, 3), value, np.uint8).tobytes(), shape=[side, side, 3]))
    source = open_ground([tmp_path], validation_share=0.0)
    assert [int(source.crop(n, np.random.default_rng(0), 16).max()) for n in range(len(source))] == [7, 9]


def test_what_is_damaged_is_told_through_the_threads_that_read_it(ground, tmp_path):
    cut(ground, tmp_path / "shards", 16, kind="tfrecord")
    shard = next((tmp_path / "shards").glob("*.tfrecord"))
    shard.write_bytes(bytes(byte ^ (number % 500 == 300) for number, byte in enumerate(shard.read_bytes())))
    run = Run("inpaint", data=Data(ground=(tmp_path / "shards",)), batch_size=1, size=16)
    with pytest.raises(tf.errors.OpError) as raised:
        next(iter(clear_batches(run, "training")))
    assert re.fullmatch(f"{re.escape(str(shard))}: record \\d+ is damaged.*again.", str(unreadable(raised.value)))
    assert unreadable(tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")) is None
