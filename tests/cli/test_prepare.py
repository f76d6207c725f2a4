"""`prepare clouds` and `prepare ground`, called as a user calls them."""

import cv2
import numpy as np
import pytest

from cloud_removal.cli import main


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
    (infrared / "frame99.png").write_bytes(b"no picture")
    before = sorted(tmp_path.iterdir())
    assert main(["prepare", "clouds", str(infrared), str(tmp_path / "layers")]) == 1
    assert sorted(tmp_path.iterdir()) == before


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
    assert "6 tiles of 32 px from 1 picture" in capsys.readouterr().out
