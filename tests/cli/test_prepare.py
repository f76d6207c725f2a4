"""`prepare clouds` and `prepare ground`, called as a user calls them."""

import cv2
import numpy as np
import pytest

from cloud_removal.cli import main
from tests.small_model import write_raster


@pytest.fixture
def infrared(tmp_path):
    """A folder of ten frames: a cold square that moves over warm sea."""
    folder = tmp_path / "infrared"
    folder.mkdir()
    rng = np.random.Generator(np.random.Philox(1))
    for number in range(10):
        frame = rng.integers(70, 74, (64, 64)).astype(np.uint8)
        frame[20:40, 4 * number : 4 * number + 20] = 200
        frame[:, 50] = 255
        cv2.imwrite(str(folder / f"frame{number}.png"), frame)
    return folder


def test_prepare_clouds_writes_grey_tiles_over_the_full_range(infrared, tmp_path, capsys):
    assert main(["prepare", "clouds", str(infrared), str(tmp_path / "layers"), "--size", "64"]) == 0
    files = sorted((tmp_path / "layers").iterdir())
    layer = cv2.imread(str(files[0]), cv2.IMREAD_UNCHANGED)
    assert (layer.shape, layer.dtype, layer.min(), layer.max()) == ((64, 64), np.uint8, 0, 255)
    assert f"{len(files)} cloud layers" in capsys.readouterr().out


def test_prepare_clouds_removes_the_lines_of_a_given_overlay(infrared, tmp_path):
    overlay = np.zeros((64, 64), np.uint8)
    overlay[:, 50] = 255
    cv2.imwrite(str(infrared / "lines.png"), overlay)
    arguments = [str(infrared), str(tmp_path / "layers"), "--size", "64", "--overlay", str(infrared / "lines.png")]
    assert main(["prepare", "clouds", *arguments]) == 0
    layer = cv2.imread(str(tmp_path / "layers" / "frame0_0000_0000.png"), cv2.IMREAD_UNCHANGED)
    assert layer[:, 45:55].max() < 30


def test_prepare_clouds_leaves_an_existing_folder_alone(infrared, tmp_path, capsys):
    (tmp_path / "layers").mkdir()
    assert main(["prepare", "clouds", str(infrared), str(tmp_path / "layers")]) == 1
    assert "exists already" in capsys.readouterr().err
    assert not list((tmp_path / "layers").iterdir())


def test_a_failed_prepare_clouds_leaves_nothing_behind(infrared, tmp_path):
    for frame in infrared.iterdir():
        frame.write_bytes(b"no picture")
    before = sorted(tmp_path.iterdir())
    assert main(["prepare", "clouds", str(infrared), str(tmp_path / "layers")]) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("wrong", ["unreadable", "larger"])
def test_a_frame_that_cannot_be_used_is_named_and_the_others_become_layers(infrared, tmp_path, capsys, wrong):
    assert main(["prepare", "clouds", str(infrared), str(tmp_path / "whole"), "--size", "64"]) == 0
    larger = cv2.imencode(".png", np.full((80, 80), 70, np.uint8))[1].tobytes()
    (infrared / "bad.png").write_bytes(larger if wrong == "larger" else b"no picture")
    capsys.readouterr()
    assert main(["prepare", "clouds", str(infrared), str(tmp_path / "layers"), "--size", "64"]) == 1
    out, err = capsys.readouterr()
    assert "bad.png" in err and "error: 1 picture of" in err.splitlines()[-1] and "from 10 frames" in out
    whole, layers = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("whole", "layers"))
    assert whole == layers


def test_prepare_clouds_makes_no_folders_for_a_source_that_is_not_there(tmp_path, capsys):
    assert main(["prepare", "clouds", str(tmp_path / "none"), str(tmp_path / "new" / "layers")]) == 1
    assert "none: no such folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_prepare_clouds_says_where_there_is_no_cloud(tmp_path, capsys):
    (tmp_path / "clear").mkdir()
    for number in range(8):
        frame = np.full((40, 40), 70 + number % 2, np.uint8)
        cv2.imwrite(str(tmp_path / "clear" / f"{number}.png"), frame)
    assert main(["prepare", "clouds", str(tmp_path / "clear"), str(tmp_path / "layers"), "--size", "40"]) == 1
    assert "No cloud in the pictures" in capsys.readouterr().err


def test_prepare_clouds_refuses_a_parent_that_is_a_file(infrared, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["prepare", "clouds", str(infrared), str(tmp_path / "file" / "layers")]) == 1
    assert "cannot be made" in capsys.readouterr().err


def test_prepare_ground_cuts_a_tile_store(tmp_path, capsys):
    rng = np.random.Generator(np.random.Philox(1))
    cv2.imwrite(str(tmp_path / "ground.png"), rng.integers(0, 255, (64, 96, 3), dtype=np.uint8))
    assert main(["prepare", "ground", str(tmp_path / "ground.png"), str(tmp_path / "store"), "--size", "32"]) == 0
    tiles = np.load(tmp_path / "store" / "tiles.npy")
    assert tiles.shape == (6, 32, 32, 3)
    assert "6 tiles of 32 px from 1 picture\n" in capsys.readouterr().out


def test_prepare_ground_writes_tfrecord_shards_as_large_as_asked_for(tmp_path, capsys):
    rng = np.random.Generator(np.random.Philox(1))
    cv2.imwrite(str(tmp_path / "ground.png"), rng.integers(0, 255, (640, 960, 3), dtype=np.uint8))
    options = ["--size", "320", "--format", "tfrecord", "--shard-size", "1"]
    assert main(["prepare", "ground", str(tmp_path / "ground.png"), str(tmp_path / "shards"), *options]) == 0
    shards = sorted((tmp_path / "shards").glob("tiles-*-of-00002.tfrecord"))
    assert len(shards) == 2 and all(shard.stat().st_size <= 2**20 for shard in shards)
    assert "6 tiles of 320 px from 1 picture\n" in capsys.readouterr().out


def test_shards_of_no_size_are_refused(tmp_path, capsys):
    options = ["--format", "tfrecord", "--shard-size", "0"]
    assert main(["prepare", "ground", str(tmp_path), str(tmp_path / "shards"), *options]) == 1
    assert "--shard-size" in capsys.readouterr().err


@pytest.fixture
def ground(tmp_path):
    """A folder of a whole picture, a raster cut off in the middle, and another whole picture."""
    folder = tmp_path / "ground"
    folder.mkdir()
    rng = np.random.Generator(np.random.Philox(1))
    for name in ("a.png", "b.tif", "c.png"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    write_raster(folder / "b.tif", rng.integers(0, 255, (3, 256, 64), dtype=np.uint8), blockysize=32)
    content = (folder / "b.tif").read_bytes()
    (folder / "b.tif").write_bytes(content[: len(content) * 3 // 4])
    return folder


def test_a_picture_that_cannot_be_used_is_named_and_the_others_are_cut(ground, tmp_path, capsys):
    assert main(["prepare", "ground", str(ground), str(tmp_path / "store"), "--size", "32"]) == 1
    out, err = capsys.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert out == f"{tmp_path / 'store'}: 8 tiles of 32 px from 2 pictures\n"
    assert len(errors) == 2 and "b.tif" in errors[0] and "1 picture of" in errors[1]


def test_of_a_picture_that_is_damaged_further_down_no_tile_is_kept(ground, tmp_path):
    main(["prepare", "ground", str(ground), str(tmp_path / "store"), "--size", "32"])
    (ground / "b.tif").unlink()
    main(["prepare", "ground", str(ground), str(tmp_path / "whole"), "--size", "32"])
    for name in ("tiles.npy", "index.json"):
        assert (tmp_path / "store" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_where_no_picture_can_be_used_nothing_is_left_behind(ground, tmp_path, capsys):
    for picture in ground.iterdir():
        picture.write_bytes(b"no picture")
    assert main(["prepare", "ground", str(ground), str(tmp_path / "new" / "store"), "--size", "32"]) == 1
    assert "None of the 3 pictures" in capsys.readouterr().err.splitlines()[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["ground"]


def test_a_single_picture_that_cannot_be_used_is_one_error(ground, tmp_path, capsys):
    assert main(["prepare", "ground", str(ground / "b.tif"), str(tmp_path / "store"), "--size", "32"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "b.tif" in errors[0]
